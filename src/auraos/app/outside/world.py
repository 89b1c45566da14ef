"""The ways out that steps of this process have, each made when it is first wanted, and closed together."""

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from auraos.app.outside.masking import MaskedBlobs
from auraos.app.outside.network import LateEgress
from auraos.app.outside.sandbox import LateSandbox
from auraos.core.asker import Asker
from auraos.core.run import LARGEST
from auraos.core.values import Value
from auraos.engine.context import Doors, Ways
from auraos.engine.ports import Blobs
from auraos.sdk import Flags
from auraos.security.opened import Opened
from auraos.security.redaction import Redactor
from auraos.security.reveal import Reveal

if TYPE_CHECKING:
    from auraos.security.secrets.stored import StoredSecrets


class World:
    """Network, secrets and sandbox of one process. What the operator opened is read at once, and refused if wrong."""

    def __init__(self, allow_net: Iterable[str] = ()) -> None:
        self._redactor = Redactor()
        self._reveal = Reveal(os.environ, self._redactor)
        self._egress = LateEgress(allow_net, self._reveal)
        self._sandbox = LateSandbox()

    def doors(
        self, blobs: Blobs, *, largest_value: int = LARGEST, flags: Callable[[str], Flags] | None = None
    ) -> Doors:
        """Return what an engine gives to its steps."""
        return Doors(
            http=self._egress,
            secrets=self._reveal,
            sandbox=self._sandbox,
            blobs=MaskedBlobs(blobs, self._redactor),
            redact=self.redact,
            largest_value=largest_value,
            seen_by=self.seen_by,
            flags=flags,
        )

    @property
    def http(self) -> LateEgress:
        """Return the way out, for what the house sends itself."""
        return self._egress

    def use(self, stored: "StoredSecrets") -> None:
        """Reveal what a store keeps, too."""
        self._reveal.use(stored)

    def seen_by(self, asker: Asker) -> Ways:
        """Return the ways out as one run has them."""
        revealing = self._reveal.seen_by(asker)
        return Ways(self._egress.seen_by(revealing), revealing)

    async def open_secret(self, asker: Asker, name: str, host: str) -> Opened:
        """Return a secret for what the house itself does for a workspace, at a host that the secret is bound to."""
        return await self._reveal.open(name, host=host, asker=asker)

    async def look_for_secret(self, asker: Asker, name: str, host: str) -> None:
        """Fail as a step of a workflow would that uses a secret; at no certain host where none is given."""
        await self._reveal.look(name, asker=asker, host=host)

    def redact(self, value: Value) -> Value:
        """Return a value with every secret masked that was revealed here."""
        return self._redactor.redact(value)

    def redact_text(self, text: str) -> str:
        """Return a text with every secret masked that was revealed here."""
        return str(self._redactor.redact(text))

    async def close(self) -> None:
        """Close what was opened."""
        await self._sandbox.close()
        await self._egress.close()
