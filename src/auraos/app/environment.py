"""What the environment of the process says: which secrets it holds."""

from collections.abc import Mapping

_PREFIX = "AURAOS_SECRET_"


def known_secrets(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets that are set: AURAOS_SECRET_STOCK_API is `stock-api`."""
    return sorted(
        name.removeprefix(_PREFIX).lower().replace("_", "-")
        for name, value in environment.items()
        if name.startswith(_PREFIX) and value
    )
