"""Links to git repositories over a real store, for tests: the service as a server has it."""

from auraos.app.git.links import GitLinks
from auraos.app.git.reach import Reach
from auraos.app.git.tables import git_rows
from auraos.app.outside.network import LateEgress
from auraos.app.secrets.secrets import SecretServices
from auraos.documents.definitions.service import Definitions
from auraos.security.reveal import Reveal
from houses import House

REPOSITORIES = "repositories"
"""The folder of the installation below which repositories may be linked."""


def git_over(house: House, definitions: Definitions, services: SecretServices) -> GitLinks:
    """Return the links of an installation; what is opened of the network is this machine."""
    reveal = Reveal({}, stored=services.stored)
    reach = Reach(
        LateEgress(["127.0.0.1:*"], reveal),
        lambda asker, name, host: reveal.open(name, host=host, asker=asker),
        lambda text: str(reveal.redactor.redact(text)),
        folders=[house.folder / REPOSITORIES],
    )
    return GitLinks(git_rows(house.tables), definitions, reach, house.folder / "git", now=house.clock.now)
