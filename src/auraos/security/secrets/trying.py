"""The test button: does a secret work? It is tried where it may go anyway, or with a value that whoever tries brings along.

What comes back is whether it worked, and a status; never a word of what the other side answers.
"""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Final, Protocol

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError
from auraos.core.failures import StepFailed
from auraos.sdk import Answer
from auraos.security.binding import is_bound
from auraos.security.opened import Opened
from auraos.security.reveal import Opener
from auraos.security.secrets.checking import Value, read_value
from auraos.security.secrets.credentials import OAuth2Client, OAuth2Refresh, from_elsewhere
from auraos.security.secrets.errors import NoSecretError, SecretTestError
from auraos.security.secrets.sealed import Sealed
from auraos.security.secrets.sources import WITHIN, Sources
from auraos.security.secrets.store import SecretStore
from auraos.security.secrets.stored import StoredSecrets
from auraos.security.secrets.tokens import Tokens

_WORKING: Final = range(200, 400)


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to try a secret."""

    url: Annotated[
        str,
        msgspec.Meta(
            max_length=4000, description="It is asked with GET; its host is to be one of the secret's."
        ),
    ] = ""
    secret_in: Annotated[
        str, msgspec.Meta(max_length=200, description="Where plain text goes, as in a step.")
    ] = "bearer"  # noqa: S105 (a place)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    works: bool
    words: str
    status: int = 0
    code: str = ""


class Way(Protocol):
    """Egress, as it carries a secret that is tried."""

    def request(
        self,
        method: str,
        url: str,
        *,
        secret: str | None = None,
        secret_in: str = "bearer",  # noqa: S107 (a place)
        follow_redirects: bool = True,
        timeout: Any = None,
        opener: Opener | None = None,
    ) -> AbstractAsyncContextManager[Answer]: ...

    async def connect(self, host: str, port: int) -> socket.socket: ...


class Trials:
    """Tries secrets, and tells the audit trail."""

    def __init__(
        self,
        store: SecretStore,
        stored: StoredSecrets,
        sources: Sources,
        tokens: Tokens,
        way: Way,
        *,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._stored = stored
        self._sources = sources
        self._tokens = tokens
        self._way = way
        self._now = now

    async def try_stored(self, actor: Actor, workspace: str, name: str, trial: Trial) -> Tried:
        """Try a secret of the store, at a host that it is bound to."""

        async def trying() -> Tried:
            sealed = await self._stored.sealed(workspace, name)
            return await self._try(name, sealed.kind, _Stored(self._stored, workspace, name), trial)

        return await self._tell(actor, workspace, name, trial, trying())

    async def try_given(self, actor: Actor, workspace: str, value: Value, trial: Trial) -> Tried:
        """Try a value that whoever tries brings along; it is kept nowhere."""
        sealed = read_value(value)
        if isinstance(sealed.credential, OAuth2Refresh):
            raise SecretTestError(
                "To try a refresh token uses it up.",
                hint="Store the secret first: then what comes of it is kept.",
            )
        opener = _Given(self._opened, workspace, sealed)
        return await self._tell(actor, workspace, "", trial, self._try("given", sealed.kind, opener, trial))

    async def _try(self, name: str, kind: str, opener: "_Opens", trial: Trial) -> Tried:
        if kind == "hmac":
            raise SecretTestError("A key to sign with is sent nowhere, so there is nothing to try.")
        if kind in ("smtp", "database"):
            return await self._try_server(kind, await opener.at_home())
        if trial.url:
            async with self._way.request(
                "GET", trial.url, secret=name, secret_in=trial.secret_in, follow_redirects=False, timeout=WITHIN,
                opener=opener,
            ) as answer:  # fmt: skip
                status = answer.status
            works = status in _WORKING
            return Tried(works=works, words=f"It was answered with {status}.", status=status)
        if kind.startswith("oauth2"):
            await opener.at_home()
            return Tried(works=True, words="A token was given.")
        raise SecretTestError(
            "Say where to try it.", hint="Give an url whose host is one of those that the secret is bound to."
        )

    async def _try_server(self, kind: str, opened: Opened) -> Tried:
        host, port = opened.home, int(opened.parts["port"])
        connected = await self._way.connect(host, port)
        if kind == "database":
            connected.close()
            return Tried(
                works=True, words="The server takes connections. Whether it knows the user was not tried."
            )
        return await asyncio.to_thread(_sign_in_to_mail, connected, opened)

    async def _opened(self, workspace: str, sealed: Sealed) -> Opened:
        credential = sealed.credential
        if sealed.source is not None:
            credential = from_elsewhere(sealed.kind, await self._sources.fetch(workspace, sealed.source))
        assert credential is not None
        if isinstance(credential, OAuth2Client):
            return Opened(value=await self._tokens.try_out(credential), place="bearer")
        if isinstance(credential, OAuth2Refresh):
            raise SecretTestError("To try a refresh token uses it up.", hint="Store the secret first.")
        return credential.opened()

    async def _tell(self, actor: Actor, workspace: str, name: str, trial: Trial, trying: Any) -> Tried:
        """Return what came of a trial, and have the audit trail say so."""
        try:
            tried: Tried = await trying
        except StepFailed as failure:
            tried = Tried(
                works=False, words=f"{failure.message} {failure.hint}".strip(), code=failure.error_code
            )
        except (SecretTestError, NoSecretError):
            raise
        except AuraError as error:
            tried = Tried(works=False, words=str(error), code=error.code)
        entry = Entry(
            at=self._now(), workspace=workspace, actor=actor, action="secrets.test",
            object=Object(kind="secret", name=name), outcome="done" if tried.works else "failed",
            why="" if tried.works else tried.code or tried.words,
            after={"at": _without_query(trial.url), "status": tried.status, "brought_along": not name},
        )  # fmt: skip
        await self._store.save([], [entry])
        return tried


class _Opens(Opener, Protocol):
    async def at_home(self) -> Opened:
        """Return a secret for where its own kind says that it goes."""
        ...


class _Stored:
    """Opens one secret of the store for a trial."""

    def __init__(self, stored: StoredSecrets, workspace: str, name: str) -> None:
        self._stored = stored
        self._workspace = workspace
        self._name = name

    async def open(self, name: str, *, host: str) -> Opened:  # noqa: ARG002 (it is this one)
        return await self._stored.open_to_try(self._workspace, self._name, host)

    async def at_home(self) -> Opened:
        return await self._stored.open_to_try(self._workspace, self._name, None)


class _Given:
    """Opens a value that was brought along."""

    def __init__(self, opened: Any, workspace: str, sealed: Sealed) -> None:
        self._opened = opened
        self._workspace = workspace
        self._sealed = sealed

    async def open(self, name: str, *, host: str) -> Opened:  # noqa: ARG002 (it is this one)
        self._refuse_elsewhere(host)
        opened: Opened = await self._opened(self._workspace, self._sealed)
        return opened

    async def at_home(self) -> Opened:
        opened: Opened = await self._opened(self._workspace, self._sealed)
        if opened.home:
            self._refuse_elsewhere(opened.home)
        return opened

    def _refuse_elsewhere(self, host: str) -> None:
        if not is_bound(self._sealed.hosts, host):
            raise StepFailed(
                f"Host not allowed: it may not be sent to {host!r}.",
                error_class="credential",
                code="host-not-allowed",
            )


class _Mail(smtplib.SMTP):
    """Speaks over a connection whose address was checked."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        super().__init__(timeout=WITHIN.total_seconds())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 (it is connected)
        return self._connected


def _sign_in_to_mail(connected: socket.socket, opened: Opened) -> Tried:
    """Return whether a mail server takes a user; nothing is sent. The connection is closed."""
    host = opened.home
    context = ssl.create_default_context()
    connected.settimeout(WITHIN.total_seconds())
    try:
        is_wrapped = opened.parts["encryption"] == "tls"
        way = context.wrap_socket(connected, server_hostname=host) if is_wrapped else connected
        with _Mail(way) as mail:
            mail.connect(host, int(opened.parts["port"]))
            if not is_wrapped:
                mail._host = host  # type: ignore[attr-defined]  # noqa: SLF001 (the name that the certificate must bear)
                mail.starttls(context=context)
            mail.login(opened.parts["user"], opened.value)
    except smtplib.SMTPAuthenticationError:
        return Tried(
            works=False, words="The server does not know this user with this password.", code="mail-refused"
        )
    except smtplib.SMTPNotSupportedError:
        return Tried(
            works=False, words="The server offers no encryption, or no sign-in.", code="mail-unencrypted"
        )
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return Tried(
            works=False, words=f"The server does not take it: {type(error).__name__}.", code="mail-failed"
        )
    finally:
        connected.close()
    return Tried(works=True, words="The server takes the user.")


def _without_query(url: str) -> str:
    return url.partition("?")[0].partition("#")[0][:200]
