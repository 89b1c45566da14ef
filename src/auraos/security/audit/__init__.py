"""The audit trail: who did what, or tried to; each entry bound to the one before, so that nothing can go or change unseen."""

from auraos.security.audit.chain import BEGINNING, Kept, link

__all__ = ["BEGINNING", "Kept", "link"]
