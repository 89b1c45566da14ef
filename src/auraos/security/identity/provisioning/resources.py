"""People and groups as resources of SCIM, and what is said of them there."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from auraos.security.access.rows import Group
from auraos.security.identity.provisioning.errors import ScimRefusedError
from auraos.security.identity.rows import Person, Provisioned

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
LARGEST: Final = 32 * 1024
KEPT: Final = (
    "name", "displayName", "nickName", "emails", "phoneNumbers", "addresses", "title", "userType", "preferredLanguage",
    "locale", "timezone", "profileUrl", ENTERPRISE,
)  # fmt: skip
"""What is kept of a person as the directory has it, and shown to nobody else."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}", re.ASCII)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory says of a person."""

    name: str
    title: str
    is_active: bool
    external: str
    attributes: dict[str, Any]


class WantedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory says of a group."""

    title: str
    external: str
    people: tuple[str, ...]


def wanted_of(body: Any) -> Wanted:
    """Return what a resource says of a person; raise `ScimRefusedError` for what cannot be kept."""
    given = _of_schema(body)
    name = given.get("username")
    if not isinstance(name, str) or not _NAME.fullmatch(name.casefold()):
        raise ScimRefusedError("userName has to be letters, digits and . _ @ -, as in ann@example.com.")
    attributes = {key: given[key.casefold()] for key in KEPT if given.get(key.casefold()) is not None}
    if len(msgspec.json.encode(attributes)) > LARGEST:
        raise ScimRefusedError(f"What is said of {name!r} has more than {LARGEST:,} bytes.", kind="tooMany")
    return Wanted(
        name=name.casefold(), title=_title(attributes), is_active=truth(given.get("active"), of="active", unsaid=True),
        external=_text(given.get("externalid"), "externalId"), attributes=attributes,
    )  # fmt: skip


def wanted_group_of(body: Any) -> WantedGroup:
    """Return what a resource says of a group."""
    given = _of_schema(body)
    title = _text(given.get("displayname"), "displayName")
    if not title.strip():
        raise ScimRefusedError("A group has a displayName.")
    members = given.get("members") or []
    if not isinstance(members, list) or not all(
        isinstance(each, dict) and isinstance(each.get("value"), str) for each in members
    ):
        raise ScimRefusedError("members are a list of objects with a value.")
    return WantedGroup(
        title=title, external=_text(given.get("externalid"), "externalId"),
        people=tuple(dict.fromkeys(each["value"] for each in members)),
    )  # fmt: skip


def truth(value: Any, *, of: str, unsaid: bool) -> bool:
    """Return what is said to be true or false, also where that is written as a text, as Entra ID does."""
    if value is None:
        return unsaid
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("value")
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    if not isinstance(value, bool):
        raise ScimRefusedError(f"{of} is true or false.")
    return value


def user_resource(
    person: Person, kept: Provisioned | None, groups: Sequence[Group], base: str
) -> dict[str, Any]:
    """Return a person as a resource."""
    attributes = kept.attributes if kept is not None else {}
    schemas = [USER, *([ENTERPRISE] if ENTERPRISE in attributes else [])]
    told: dict[str, Any] = {"schemas": schemas, "id": person.id}
    if kept is not None and kept.external:
        told["externalId"] = kept.external
    told |= {
        "userName": person.name,
        "displayName": person.shown,
        **attributes,
        "active": person.state == "active",
    }
    told["groups"] = [
        {"value": each.id, "display": each.title or each.name, "$ref": f"{base}/Groups/{each.id}"}
        for each in groups
    ]
    return _with_meta(told, "User", person.created_at, person.changed_at, f"{base}/Users/{person.id}")


def group_resource(group: Group, external: str, people: Mapping[str, Person], base: str) -> dict[str, Any]:
    """Return a group as a resource, with those of it who there are."""
    told: dict[str, Any] = {"schemas": [GROUP], "id": group.id, "displayName": group.title or group.name}
    if external:
        told["externalId"] = external
    told["members"] = [
        {"value": each.id, "display": each.shown, "$ref": f"{base}/Users/{each.id}"}
        for each in sorted(people.values(), key=lambda each: each.name)
    ]
    return _with_meta(told, "Group", 0, 0, f"{base}/Groups/{group.id}")


def slug_of(text: str) -> str:
    """Return a name for a group like the one that it has elsewhere."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:80]
    return plain if plain[:1].isalpha() else f"group-{plain}".rstrip("-")


def _with_meta(told: dict[str, Any], kind: str, created: int, changed: int, location: str) -> dict[str, Any]:
    digest = hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:20]
    meta: dict[str, Any] = {"resourceType": kind}
    if created:
        meta |= {"created": _time(created), "lastModified": _time(changed)}
    return {**told, "meta": {**meta, "location": location, "version": f'W/"{digest}"'}}


def _of_schema(body: Any) -> dict[str, Any]:
    """Return the attributes of a resource by their names in small letters."""
    if not isinstance(body, dict):
        raise ScimRefusedError("A resource is an object.", kind="invalidSyntax")
    return {str(name).casefold(): value for name, value in body.items()}


def _title(attributes: Mapping[str, Any]) -> str:
    name = attributes.get("name")
    name = name if isinstance(name, dict) else {}
    parts = " ".join(str(name[key]) for key in ("givenName", "familyName") if name.get(key))
    title = str(attributes.get("displayName") or name.get("formatted") or parts)[:200]
    return title if title.isprintable() else ""


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 300 or not value.isprintable():
        raise ScimRefusedError(f"{name} is a text of at most 300 characters.")
    return value


def _time(at: int) -> str:
    return (
        datetime.fromtimestamp(at / 1_000_000, tz=UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
