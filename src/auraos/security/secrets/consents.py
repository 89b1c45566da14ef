"""`Consents`: secrets that are made of somebody's consent elsewhere (OAuth 2.0, the code flow with PKCE).

What is begun is kept here under seal, bound to the person, to their session, to the workspace and to the name of the secret. What
comes back must say the state that was given along, in that session and once; else whoever sends somebody a link could have them
store the attacker's account, or store theirs where the attacker reads it.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import UserError
from auraos.core.failures import StepFailed
from auraos.security.opened import Hidden
from auraos.security.requests import read_url
from auraos.security.row_store import Add, Clear, Remove
from auraos.security.secrets.checking import Host, Value, refuse_name
from auraos.security.secrets.credentials import Hide, OAuth2Client, OAuth2Refresh
from auraos.security.secrets.errors import ConsentRefusedError, NoSecretError, SecretRefusedError
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.rows import Consent, Secret
from auraos.security.secrets.service import About, Secrets
from auraos.security.secrets.store import SecretStore
from auraos.security.secrets.tokens import Tokens

SECOND: Final = 1_000_000
LASTS: Final = 600 * SECOND
TAKEN: Final = frozenset(
    (
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    )
)


class ConsentWish(Hidden, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where somebody consents, where tokens are got, and where those may go."""

    authorize_url: Annotated[str, msgspec.Meta(max_length=2000, description="Where the person consents.")]
    token_url: Annotated[str, msgspec.Meta(max_length=2000, description="Where tokens are got.")]
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    client_secret: Hide = ""
    scope: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    more: Annotated[
        dict[str, str],
        msgspec.Meta(
            max_length=20, description="What else is told where the person consents, as `access_type`."
        ),
    ] = msgspec.field(default_factory=dict)
    hosts: Annotated[tuple[Host, ...], msgspec.Meta(min_length=1, max_length=50)]
    workflows: Annotated[tuple[str, ...], msgspec.Meta(max_length=500)] = ()
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Taken(Hidden, frozen=True, kw_only=True):
    """What was begun, by whoever ends it now."""

    workspace: str
    secret: str
    wish: ConsentWish
    verifier: str
    back: str
    page: str
    revision: int
    """Of the secret when it was begun; 0 where there was none."""


class Consents:
    """The consents that are under way. Whoever calls it has asked whether the actor may."""

    def __init__(
        self, store: SecretStore, keys: Keys, tokens: Tokens, kept: Secrets, *, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._keys = keys
        self._tokens = tokens
        self._secrets = kept
        self._now = now

    async def begin(
        self,
        actor: Actor,
        workspace: str,
        name: str,
        wish: ConsentWish,
        *,
        session: str,
        back: str,
        page: str,
    ) -> str:
        """Return where a person consents to what becomes a secret; `back` is where they come back to."""
        refuse_name(name)
        _refuse_wrong(wish)
        before = await self.find(workspace, name)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        digest = _digest(state)
        taken = Taken(
            workspace=workspace, secret=name, wish=wish, verifier=verifier, back=back, page=page,
            revision=before.revision if before is not None else 0,
        )  # fmt: skip
        sealed = await self._keys.seal(workspace, _place(digest), msgspec.json.encode(taken))
        row = Consent(
            digest=digest, workspace=workspace, secret=name, person=actor.id, session=session, sealed=sealed,
            ends_at=self._now() + LASTS,
        )  # fmt: skip
        entry = self._entry(
            actor, workspace, name, "consent", after={"host": urlsplit(wish.authorize_url).hostname}
        )
        await self._store.save([Clear(Consent, until=self._now()), Add(row)], [entry])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            **wish.more, "response_type": "code", "client_id": wish.client_id, "redirect_uri": back, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256", **({"scope": wish.scope} if wish.scope else {}),
        }  # fmt: skip
        joint = "&" if "?" in wish.authorize_url else "?"
        return f"{wish.authorize_url}{joint}{urlencode(asked)}"

    async def take(self, actor: Actor, state: str, *, session: str) -> Taken:
        """Return what was begun under a state, once, to whoever began it; raise `ConsentRefusedError` to anybody else."""
        digest = _digest(state)
        row = await self._store.one(Consent, digest=digest)
        if row is None or row.ends_at <= self._now():
            raise ConsentRefusedError(
                "It was ended already, or begun too long ago, or never.", hint="Begin anew."
            )
        if row.person != actor.id or row.session != session:
            entry = self._entry(
                actor,
                row.workspace,
                row.secret,
                "consent",
                outcome="refused",
                why="It was begun in another session.",
            )
            await self._store.save([], [entry])
            raise ConsentRefusedError("It was begun in another session.", hint="Begin anew in this one.")
        if await self._store.save([Remove(row)]) is not None:
            raise ConsentRefusedError("It was ended already.", hint="Begin anew.")
        return msgspec.json.decode(
            await self._keys.unseal(row.workspace, _place(digest), row.sealed), type=Taken
        )

    async def end(self, actor: Actor, taken: Taken, code: str) -> Secret:
        """Keep what is given for a code as a secret with a refresh token."""
        wish = taken.wish
        client = OAuth2Client(
            token_url=wish.token_url,
            client_id=wish.client_id,
            client_secret=wish.client_secret,
            scope=wish.scope,
        )
        try:
            token = await self._tokens.for_code(client, code, taken.verifier, taken.back)
        except StepFailed as error:
            raise ConsentRefusedError(f"No token is given for it: {error.message}", hint=error.hint) from None
        if not token.refresh:
            raise ConsentRefusedError(
                "What is given cannot be refreshed, so it would soon be worth nothing.",
                hint="Ask for lasting access: `offline_access` in the scope, or `access_type: offline` in `more`.",
            )
        credential = OAuth2Refresh(
            token_url=wish.token_url, client_id=wish.client_id, client_secret=wish.client_secret, scope=wish.scope,
            refresh_token=token.refresh,
        )  # fmt: skip
        value = Value(credential=credential, hosts=wish.hosts, workflows=wish.workflows)
        if taken.revision:
            return await self._secrets.replace(
                actor, taken.workspace, taken.secret, value, revision=taken.revision
            )
        return await self._secrets.create(
            actor, taken.workspace, taken.secret, About(title=wish.title), value
        )

    async def find(self, workspace: str, name: str) -> Secret | None:
        """Return the secret that would be replaced."""
        try:
            return await self._secrets.find(workspace, name)
        except NoSecretError:
            return None

    def _entry(self, actor: Actor, workspace: str, name: str, action: str, **told: object) -> Entry:
        return Entry(
            at=self._now(), workspace=workspace, actor=actor, action=f"secrets.{action}",
            object=Object(kind="secret", name=name), **told,  # type: ignore[arg-type]
        )  # fmt: skip


def _refuse_wrong(wish: ConsentWish) -> None:
    """Raise `SecretRefusedError` for addresses at which nobody can be asked."""
    faults = []
    beside: dict[str, Iterable[str]] = {"more": wish.more}
    for name, url in (("authorize_url", wish.authorize_url), ("token_url", wish.token_url)):
        try:
            read_url(url)
            parts = urlsplit(url)
        except (StepFailed, UserError) as failure:
            faults.append(f"{name}: {failure.message}")
            continue
        except ValueError as error:
            faults.append(f"{name}: {error}.")
            continue
        if "#" in url or parts.username:
            faults.append(f"{name}: it has a fragment or a user.")
        if name == "authorize_url":
            beside[name] = [each for each, _ in parse_qsl(parts.query, keep_blank_values=True)]
    for name, said in beside.items():
        taken = TAKEN & {each.lower() for each in said}
        if taken:
            faults.append(f"{name}: {', '.join(sorted(taken))} is said elsewhere.")
    if faults:
        raise SecretRefusedError("Nobody can consent to this.", problems=faults)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()


def _place(digest: str) -> tuple[str, ...]:
    return ("consent", digest)
