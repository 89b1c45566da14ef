"""SCIM 2.0 (RFC 7643, 7644): the door for directories, beside the one for everybody else.

It speaks as directories do and not as the rest of the API: its own token, its own errors, and fields that it does not know are
left out in place of refused. No session and no key opens it, and a directory's token opens nothing else.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from auraos.api.people.scim_schemas import PROVIDER, RESOURCE_TYPES, SCHEMAS
from auraos.api.protocol.door import Receive, Scope, SlowBodyError
from auraos.api.protocol.pace import Allowance, Pace
from auraos.api.protocol.reading import BodyTooLargeError, RequestRefusedError, UnparsableError, read_body
from auraos.api.protocol.site import Site
from auraos.app.serving.desk import Desk
from auraos.core.audit import Actor
from auraos.core.errors import AuraError, OperationalError, UserError
from auraos.security.identity.backoff import network_of
from auraos.security.identity.provisioning.errors import ScimRefusedError
from auraos.security.identity.provisioning.filters import read_filter
from auraos.security.identity.provisioning.patching import patch, read_changes
from auraos.security.identity.provisioning.resources import (
    LIST,
    group_resource,
    user_resource,
    wanted_group_of,
    wanted_of,
)
from auraos.security.identity.provisioning.service import Provisioning, Shown, ShownGroup
from auraos.security.identity.rows import Directory

log = logging.getLogger("auraos.api")
BASE: Final = "/scim/v2"
KIND: Final = "application/scim+json"
KINDS: Final = ("application/scim+json", "application/json")
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
LARGEST_BODY: Final = 1_000_000
LONGEST_BODY: Final = 20.0
MOST: Final = 500
"""So many resources a page has."""
UNKNOWN: Final = Allowance(per_second=5, burst=20)
"""So often tokens may be tried that open nothing, from one network."""
_ID = re.compile(r"[0-9a-f-]{1,40}", re.ASCII)
Told = tuple[int, Any, dict[str, str]]


class ScimDoor:
    """Answers directories, once the desk behind it is there."""

    def __init__(self, now: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._pace = Pace(now)
        self._new_id = new_id
        self.desk: Desk | None = None
        self.site = Site()

    async def __call__(self, scope: Scope, receive: Receive, send: Callable[[Any], Awaitable[None]]) -> None:
        """Answer one request."""
        request = self._new_id()
        try:
            status, body, headers = await self._answer(scope, receive, request)
        except ScimRefusedError as error:
            status, body, headers = _trouble(error.status, error.message, error.kind)
        except AuraError as error:
            status, body, headers = _of_error(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("api.broke", extra={"request": request}, exc_info=error)
            status, body, headers = _trouble(
                500, f"Something broke in the server; its log tells more of {request}."
            )
        raw = b"" if body is None else msgspec.json.encode(body)
        told = {
            "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": request,
            "content-length": str(len(raw)), **({"content-type": KIND} if raw else {}), **headers,
        }  # fmt: skip
        lines = [(name.encode(), value.encode("latin-1", "replace")) for name, value in told.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": raw})

    async def _answer(self, scope: Scope, receive: Receive, request: str) -> Told:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        desk = self.desk
        if desk is None:
            return 503, _error(503, "The server is not ready."), {"retry-after": "2"}
        peer = scope["client"][0] if scope.get("client") else ""
        address = self.site.address_of(peer, headers)
        provisioning = desk.identity.provisioning
        directory = await self._known(provisioning, headers, address)
        if directory is None:
            return 401, _error(401, "No directory is known by this token."), {"www-authenticate": "Bearer"}
        actor = Actor(
            kind="service",
            id=directory.id,
            name=f"directory {directory.title}",
            address=address,
            request=request,
        )
        asked = _Asked(
            method=scope["method"], parts=tuple(scope["path"].removeprefix(BASE).strip("/").split("/")),
            query=_query(scope["query_string"]), headers=headers,
            base=f"{self.site.origin(headers)}{BASE}",
            body=await _body(scope["method"], headers, receive),
        )  # fmt: skip
        return await _Answering(provisioning, directory, actor, asked).answer()

    async def _known(
        self, provisioning: Provisioning, headers: Mapping[str, str], address: str
    ) -> Directory | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        found = await provisioning.known(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            self._pace.take(f"address {network_of(address)}", UNKNOWN)
        return found


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory asks."""

    method: str
    parts: tuple[str, ...]
    query: dict[str, str]
    headers: Mapping[str, str]
    base: str
    body: Any


class _Answering:
    """Answers one request of a directory."""

    def __init__(self, provisioning: Provisioning, directory: Directory, actor: Actor, asked: _Asked) -> None:
        self._provisioning = provisioning
        self._directory = directory
        self._actor = actor
        self._asked = asked

    async def answer(self) -> Told:
        """Return status, body and headers."""
        kind, *rest = self._asked.parts
        if kind in _STATIC and self._asked.method == "GET":
            return self._static(kind, rest)
        if kind not in ("Users", "Groups") or len(rest) > 1 or (rest and not _ID.fullmatch(rest[0])):
            return _trouble(404, "There is nothing at this address.")
        number = rest[0] if rest else ""
        match self._asked.method, bool(number):
            case "GET", False:
                return await self._list(kind)
            case "GET", True:
                return self._one(await self._resource(kind, number))
            case "POST", False:
                made = await self._add(kind)
                return 201, made, {**_tag(made), "location": made["meta"]["location"]}
            case "PUT", True:
                self._refuse_stale(await self._resource(kind, number))
                return self._one(await self._put(kind, number, self._asked.body))
            case "PATCH", True:
                before = await self._resource(kind, number)
                self._refuse_stale(before)
                return self._one(await self._put(kind, number, patch(before, read_changes(self._asked.body))))
            case "DELETE", True:
                self._refuse_stale(await self._resource(kind, number))
                remove = (
                    self._provisioning.remove_person if kind == "Users" else self._provisioning.remove_group
                )
                await remove(self._actor, number)
                return 204, None, {}
        return _trouble(405, f"{self._asked.method} is not for this address.")

    def _static(self, kind: str, rest: list[str]) -> Told:
        found = _STATIC[kind]
        if isinstance(found, list) and not rest:
            return 200, _page(found, len(found), 1), {}
        if isinstance(found, list):
            one = next((each for each in found if each["id"] == rest[0]), None)
            return (
                (200, one, {})
                if one is not None and len(rest) == 1
                else _trouble(404, "There is no such one.")
            )
        return (200, found, {}) if not rest else _trouble(404, "There is nothing at this address.")

    async def _list(self, kind: str) -> Told:
        query = self._asked.query
        tests = read_filter(query["filter"]) if query.get("filter") else ()
        start, count = max(1, _whole(query, "startindex", 1)), min(MOST, max(0, _whole(query, "count", 100)))
        if kind == "Users":
            found = [self._of_person(each) for each in await self._provisioning.people()]
        else:
            found = [self._of_group(each) for each in await self._provisioning.groups()]
        found = [each for each in found if all(test.holds(each) for test in tests)]
        page = [self._shown(each) for each in found[start - 1 : start - 1 + count]]
        return 200, _page(page, len(found), start), {}

    async def _resource(self, kind: str, number: str) -> dict[str, Any]:
        if kind == "Users":
            return self._of_person(await self._provisioning.person(number))
        return self._of_group(await self._provisioning.group(number))

    async def _add(self, kind: str) -> dict[str, Any]:
        actor, directory, body = self._actor, self._directory, self._asked.body
        if kind == "Users":
            return self._of_person(await self._provisioning.add_person(actor, directory, wanted_of(body)))
        return self._of_group(await self._provisioning.add_group(actor, directory, wanted_group_of(body)))

    async def _put(self, kind: str, number: str, body: Any) -> dict[str, Any]:
        actor, directory = self._actor, self._directory
        if kind == "Users":
            put = await self._provisioning.put_person(actor, directory, number, wanted_of(body))
            return self._of_person(put)
        return self._of_group(
            await self._provisioning.put_group(actor, directory, number, wanted_group_of(body))
        )

    def _of_person(self, shown: Shown) -> dict[str, Any]:
        return user_resource(shown.person, shown.kept, shown.groups, self._asked.base)

    def _of_group(self, shown: ShownGroup) -> dict[str, Any]:
        return group_resource(shown.group, shown.external, shown.people, self._asked.base)

    def _one(self, resource: dict[str, Any]) -> Told:
        tag = resource["meta"]["version"]
        if self._asked.method == "GET" and self._asked.headers.get("if-none-match") == tag:
            return 304, None, _tag(resource)
        return 200, self._shown(resource), _tag(resource)

    def _shown(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes that are asked for."""
        query = self._asked.query
        wanted = {each.strip().casefold() for each in query.get("attributes", "").split(",") if each.strip()}
        left = {
            each.strip().casefold() for each in query.get("excludedattributes", "").split(",") if each.strip()
        }
        always = ("schemas", "id")
        return {
            name: value
            for name, value in resource.items()
            if name in always
            or (
                name.casefold() not in left
                and (not wanted or any(each.split(".")[0] == name.casefold() for each in wanted))
            )
        }

    def _refuse_stale(self, resource: dict[str, Any]) -> None:
        given = self._asked.headers.get("if-match", "*").strip()
        if given not in ("*", resource["meta"]["version"]):
            raise ScimRefusedError("It was changed since it was read.", status=412, kind="mutability")


_STATIC: Final[dict[str, Any]] = {
    "ServiceProviderConfig": PROVIDER, "ResourceTypes": RESOURCE_TYPES, "Schemas": SCHEMAS,
}  # fmt: skip


def _tag(resource: dict[str, Any]) -> dict[str, str]:
    return {"etag": resource["meta"]["version"]}


def _page(items: list[Any], total: int, start: int) -> dict[str, Any]:
    return {
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(items), "Resources": items,
    }  # fmt: skip


def _query(raw: bytes) -> dict[str, str]:
    """Return the parameters by their names in small letters; what is not known is left out by whoever reads them."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise ScimRefusedError("The query cannot be read.", kind="invalidSyntax") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if found.setdefault(name.casefold(), value) != value:
            raise ScimRefusedError(f"{name!r} is given twice.", kind="invalidSyntax")
    return found


def _whole(query: Mapping[str, str], name: str, unsaid: int) -> int:
    text = query.get(name)
    if text is None:
        return unsaid
    if not re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII):
        raise ScimRefusedError(f"{name} is a whole number.")
    return int(text)


async def _body(method: str, headers: Mapping[str, str], receive: Receive) -> Any:
    if method not in ("POST", "PUT", "PATCH"):
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise ScimRefusedError(f"The body is to be {KIND}.", status=415, kind="invalidSyntax")
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(LONGEST_BODY):
            while True:
                message = await receive()
                pieces.append(message.get("body", b""))
                if sum(map(len, pieces)) > LARGEST_BODY:
                    raise BodyTooLargeError(f"The body has more than {LARGEST_BODY:,} bytes.")
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return read_body(b"".join(pieces), dict[str, Any])
    except TimeoutError as error:
        raise SlowBodyError("The body took too long to come.") from error


def _error(status: int, detail: str, kind: str = "") -> dict[str, Any]:
    told = {"schemas": [ERROR], "status": str(status), "detail": detail}
    return {**told, "scimType": kind} if kind else told


def _trouble(status: int, detail: str, kind: str = "") -> Told:
    return status, _error(status, detail, kind), {}


_STATUSES: Final = {
    "not-found": 404, "last-owner": 409, "body-too-large": 413, "too-many-requests": 429, "changed-meanwhile": 412,
}  # fmt: skip


def _of_error(error: AuraError) -> Told:
    if isinstance(error, UnparsableError | RequestRefusedError):
        return _trouble(400, error.message, "invalidSyntax")
    status = _STATUSES.get(error.code) or (400 if isinstance(error, UserError) else 503)
    if not isinstance(error, UserError | OperationalError):
        status = 500
    headers = {"retry-after": str(error.data["retry_after"])} if "retry_after" in error.data else {}
    return status, _error(status, error.message), headers
