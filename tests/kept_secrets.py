"""Secrets over a real store, for tests: the services as a server has them."""

from collections.abc import Mapping, Sequence

from auraos.app.definitions.named_secrets import named_secrets
from auraos.app.outside.network import LateEgress
from auraos.app.secrets.secrets import SecretServices, secret_services, users_of
from auraos.documents.definitions.service import Definitions
from auraos.engine.clock import SystemClock
from auraos.security.reveal import Reveal
from houses import House


def secrets_over(
    house: House,
    definitions: Definitions,
    environment: Mapping[str, str] | None = None,
    allowed: Sequence[str] = (),
) -> SecretServices:
    """Return the services around the secrets of an installation."""
    reveal = Reveal(environment or {})
    services = secret_services(
        environment or {},
        house.keys,
        house.tables,
        LateEgress(allowed, reveal),
        named_by=users_of(definitions),
        now=house.clock.now,
        new_id=SystemClock().new_id,
        most=house.identity.access.most,
    )
    reveal.use(services.stored)
    definitions.checker.use(
        named_secrets(lambda asker, name, host: reveal.look(name, asker=asker, host=host))
    )
    return services
