"""Roles: sets of actions under a name. Those that the house brings; a workspace may have more of its own."""

from typing import Final

import msgspec

READ: Final = (
    "definitions.read",
    "runs.read",
    "workspace.read",
    "people.see",
    "flags.read",
    "flags.evaluate",
)
"""What whoever belongs to a workspace sees of it."""
OPERATE: Final = (
    "runs.start", "runs.signal", "runs.pause", "runs.resume", "runs.cancel", "runs.retry", "runs.prioritize",
    "runs.resolve", "events.send",
)  # fmt: skip
APPROVE: Final = ("runs.approve", "definitions.approve")
EDIT: Final = (
    "definitions.create", "definitions.save", "definitions.publish", "definitions.archive", "definitions.bring-back",
    "definitions.give", "definitions.check", "definitions.apply", "definitions.import", "definitions.request-review",
    "git.see", "git.sync",
    "runs.try", "runs.fork", "secrets.list", "secrets.use", "flags.switch",
)  # fmt: skip
AUDIT: Final = ("audit.read", "access.read", "secrets.list", "people.read")
ADMIN: Final = (
    "runs.*", "definitions.*", "git.*", "events.*", "secrets.*", "access.*", "people.*", "workspace.*", "services.*", "keys.*",
    "flags.*", "settings.*", "privacy.*", "audit.read",
)  # fmt: skip


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Actions under a name. An action that ends with `.*` stands for all of its noun."""

    name: str
    title: str
    actions: tuple[str, ...]

    def covers(self, action: str) -> bool:
        """Return whether somebody with this role may do it."""
        return (
            "*" in self.actions or action in self.actions or f"{action.partition('.')[0]}.*" in self.actions
        )


ROLES: Final = {
    role.name: role
    for role in (
        Role(name="viewer", title="Sees everything but secrets", actions=READ),
        Role(name="operator", title="Starts and leads runs", actions=(*READ, *OPERATE)),
        Role(name="approver", title="Answers what runs and drafts ask", actions=(*READ, *APPROVE)),
        Role(name="editor", title="Changes and publishes definitions", actions=(*READ, *OPERATE, *EDIT)),
        Role(name="auditor", title="Sees who did what, and who may do what", actions=(*READ, *AUDIT)),
        Role(
            name="watcher",
            title="Sees how the installation does, not what it does",
            actions=("installation.read",),
        ),
        Role(name="admin", title="Does everything in a workspace", actions=ADMIN),
        Role(name="owner", title="Does everything, in all workspaces", actions=("*",)),
    )
}
"""The roles that every installation has, by name."""
