"""A request on its way through the door."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec

from auraos.api.protocol.site import Site
from auraos.app.serving.desk import Desk
from auraos.app.settings.keys import LARGEST_BODY, LONGEST_BODY, LONGEST_WAIT
from auraos.core.audit import Actor
from auraos.core.errors import UnexpectedError
from auraos.security.access import ROLES, Principal, Role, authorize
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotAllowedError
from auraos.security.access.scope import Scope, scope_of
from auraos.security.identity.errors import NotSignedInError, PersonNeededError, StepUpNeededError
from auraos.settings.service import Settings


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What came in, before anybody was recognised."""

    request: str
    method: str
    headers: Mapping[str, str]
    """By name in small letters."""
    address: str
    is_open: bool
    """Whether anybody may ask this."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a request may take, as it is set."""

    largest_body: int = LARGEST_BODY.default
    longest_body: timedelta = LONGEST_BODY.default
    longest_wait: timedelta = LONGEST_WAIT.default

    @classmethod
    def of(cls, settings: Settings, workspace: str) -> "Limits":
        """Return what holds in a workspace."""
        return cls(
            largest_body=settings.value(LARGEST_BODY, workspace=workspace),
            longest_body=settings.value(LONGEST_BODY),
            longest_wait=settings.value(LONGEST_WAIT, workspace=workspace),
        )


def always() -> bool:
    """Return that somebody may wait."""
    return True


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler is given of a request: who asks, in which workspace, and the desk that carries it out."""

    asked: Asked
    desk: Desk
    workspace: str
    who: Principal | None
    """None where anybody may ask."""
    revision: int = 0
    """The revision that the caller read, where it changes something over one."""

    pace: Mapping[str, str] = msgspec.field(default_factory=dict)
    """What the answer tells of how much more may be asked."""
    token: str = ""
    """What they carry to be known by."""
    roles: Mapping[str, Role] = msgspec.field(default_factory=lambda: ROLES)
    """The roles of the workspace by name; none where there is no such workspace."""
    site: Site = Site()
    limits: Limits = Limits()
    rest: Callable[[], bool] = always
    """Lets others have the turn of this request, from where it only waits; says whether whoever asks may wait at all, of whom
    so many requests wait already.
    """

    @property
    def known(self) -> Principal:
        """Return who asks, where only those who are known come through."""
        if self.who is None:
            raise UnexpectedError("This is asked by nobody who is known.")
        return self.who

    def require_person(self) -> None:
        """Raise `PersonNeededError` for a key, whoever it belongs to."""
        if not self.known.session:
            raise PersonNeededError("Only a person who is signed in can do this.", hint="Sign in by name.")

    def require_fresh(self) -> None:
        """Raise `PersonNeededError` or `StepUpNeededError` unless a person asks who proved only just now who they are."""
        self.require_person()
        if not self.known.is_fresh:
            raise StepUpNeededError("This asks for a proof of just now.", hint="Prove again who you are.")

    def scope(self, action: str) -> Scope:
        """Return which things of the workspace whoever asks may do this to."""
        found = scope_of(self.known, action, self.workspace, roles=self.roles)
        return found if found is not None else Scope(is_whole=False)

    async def scope_now(self, action: str) -> Scope | None:
        """Return which things of the workspace whoever asked may do this to by now; None for none, or where nobody knows them
        any more: for answers that go on.
        """
        who = await self.desk.identity.recognition.principal(self.token)
        roles = await self.desk.identity.access.roles(self.workspace)
        if who is None or not roles:
            return None
        return scope_of(who, action, self.workspace, roles=roles)

    async def still_may(self, action: str, workspace: str = "", *, whole: bool = False) -> bool:
        """Return whether whoever asked is still known, and may still do this to something here, or to the whole: for answers
        that go on.
        """
        who = await self.desk.identity.recognition.principal(self.token)
        where = workspace or self.workspace
        roles = await self.desk.identity.access.roles(where)
        scope = scope_of(who, action, where, roles=roles) if who is not None and roles else None
        return scope is not None and (scope.is_whole or not whole)

    async def require_still(self, action: str) -> None:
        """Raise `NotSignedInError` for whoever may not do this any more: after a request waited for long."""
        if not await self.still_may(action):
            raise NotSignedInError(
                "What this was asked by opens it no more.", hint="Sign in; what was begun goes on."
            )

    def require(self, action: str, thing: Thing, workspace: str = "") -> None:
        """Raise `NotAllowedError` unless whoever asks may do this to that."""
        decision = authorize(self.known, action, workspace or self.workspace, thing, roles=self.roles)
        if not decision.is_allowed:
            raise NotAllowedError(decision.why, action=action)

    @property
    def nobody(self) -> Actor:
        """Return whoever comes in by proving who they are, whatever they are known as so far."""
        return Actor(kind="nobody", address=self.asked.address, request=self.asked.request)

    @property
    def actor(self) -> Actor:
        """Return who acts, as the audit trail and the journals name them."""
        if self.who is None:
            return self.nobody
        return Actor(
            kind=self.who.kind,
            id=self.who.id,
            name=self.who.name,
            key=self.who.key,
            maker=self.who.maker,
            address=self.asked.address,
            request=self.asked.request,
        )
