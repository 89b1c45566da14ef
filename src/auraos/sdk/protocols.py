"""The narrow doors through which a step reaches the world. The house implements them; tests bring fakes."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from auraos.core.values import FileReference, Value

T = TypeVar("T")


class Answer(Protocol):
    """The answer of an HTTP request; the body is read once, in whole up to a bound or as a stream."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def url(self) -> str: ...

    async def read(self, limit: int) -> bytes:
        """Return the whole decoded body; raise `StepFailed` (class data) when it is longer than `limit` bytes."""
        ...

    def stream(self, limit: int) -> AsyncIterator[bytes]:
        """Yield the decoded body in pieces, at most `limit` bytes in all."""
        ...


class Http(Protocol):
    """HTTP through Egress: addresses are checked at connect and after every redirect."""

    def request(  # noqa: PLR0913 (a request has that many traits, all but two optional)
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        secret: str | None = None,
        secret_in: str = "bearer",  # noqa: S107 (a place, not a password)
        follow_redirects: bool = True,
        timeout: timedelta | None = None,
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request. The named secret is revealed only to a host it is bound to, and dropped on a redirect elsewhere.

        `secret_in` says where the secret goes: `bearer`, `basic` (the secret is `user:password`), `basic:USER`,
        `header:NAME` or `query:NAME`.

        Raises `StepFailed` when certainly nothing was sent, `StepUnknown` when something was and no whole answer came.
        """
        ...


class Secrets(Protocol):
    """Reveal: the value of a secret that the step names in its settings (`names_secret`), for a host that it is bound to."""

    async def reveal(self, name: str, *, host: str) -> str: ...


class Files(Protocol):
    """The blob store: values too large for the journal."""

    async def write(
        self, pieces: AsyncIterator[bytes], *, media_type: str, name: str = ""
    ) -> FileReference: ...

    def read(self, reference: FileReference) -> AsyncIterator[bytes]: ...


class FlagAnswer(Protocol):
    """What a feature flag gives somebody, and why."""

    @property
    def value(self) -> Value: ...

    @property
    def variant(self) -> str: ...

    @property
    def reason(self) -> str:
        """Return why, in the words of OpenFeature: `STATIC`, `TARGETING_MATCH`, `SPLIT`, `DEFAULT`, `DISABLED`."""
        ...


class Flags(Protocol):
    """The feature flags of the workspace that a run is in."""

    async def evaluate(self, name: str, context: Mapping[str, Value]) -> FlagAnswer:
        """Return what a flag gives in a context.

        Raises `StepFailed` with code `no-flag` where there is no such flag, and `flag-context` where the context lacks what a
        rule or a split of it reads.
        """
        ...


class Sandbox(Protocol):
    """Runs a person's Python statements with hard limits, away from this process's memory."""

    async def run(
        self,
        code: str,
        inputs: Mapping[str, Value],
        *,
        timeout: timedelta,  # noqa: ASYNC109 (a limit on the code, not on the waiting)
        memory: int,
        now: datetime | None = None,
        seed: str = "",
    ) -> "SandboxResult":
        """Return the value of the last expression (or of `return`) and what was printed.

        The clock of the code stands still at `now`, and its chance follows from `seed`: the same call gives the same
        answer. Raises `StepFailed` with code `code-error`, `code-timeout`, `code-memory`, `code-output`, `code-crashed`.
        """
        ...


class SandboxResult(Protocol):
    """What came of a piece of code: its last value, and what it printed."""

    @property
    def output(self) -> Value: ...

    @property
    def printed(self) -> str: ...


class BlockingContext(Protocol):
    """What a step that runs in a thread may use: it may wait as it likes, and holds up nobody."""

    @property
    def run_id(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def key(self) -> str:
        """Return the idempotency key: the same for every attempt of this activation."""
        ...

    @property
    def now(self) -> datetime:
        """Return the time of the grant."""
        ...

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        """Add a line to the run's log."""
        ...

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far the attempt has come."""
        ...


class StepContext(BlockingContext, Protocol):
    """All that one attempt of a step may use."""

    async def in_thread(self, function: Callable[..., T], *given: Any) -> T:
        """Return what a function returns that waits or reckons for long; it runs in a thread."""
        ...

    async def in_process(self, function: Callable[[Any], Any], given: Value) -> Value:
        """Return what a function of a module makes of a value, in a process of its own that can be killed."""
        ...

    async def wholly_in_thread(self, function: Callable[[Any, BlockingContext], T], settings: Any) -> T:
        """Return what a function of the settings and a context returns that is all there is to the step, as `place="thread"`
        has it: up to when a thread came free for it, nothing of the step was done.
        """
        ...

    def from_thread(self) -> BlockingContext:
        """Return the context as a function in a thread may use it."""
        ...

    @property
    def effect(self) -> str:
        """Return the effect of this activation, fixed when the workflow was published."""
        ...

    @property
    def http(self) -> Http: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def files(self) -> Files: ...

    @property
    def sandbox(self) -> Sandbox: ...

    @property
    def flags(self) -> Flags: ...
