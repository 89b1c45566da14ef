"""Who may do what: one function answers, with its reason."""

from auraos.security.access.authorize import Decision, authorize
from auraos.security.access.principal import Grant, Principal
from auraos.security.access.roles import ROLES, Role

__all__ = ["ROLES", "Decision", "Grant", "Principal", "Role", "authorize"]
