"""What SCIM says of itself here: what it can do, which resources there are, and what they are made of."""

from typing import Any, Final

from auraos.security.identity.provisioning.resources import ENTERPRISE, GROUP, USER

_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"

PROVIDER: Final[dict[str, Any]] = {
    "schemas": [f"{_CORE}:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": 500},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": True},
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of its own, made at /api/v1/directories.",
            "primary": True,
        }
    ],
    "meta": {"resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig"},
}


def _type(name: str, schema: str, more: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": f"/{name}s",
        "schema": schema,
        "schemaExtensions": more,
        "meta": {"resourceType": "ResourceType", "location": f"/scim/v2/ResourceTypes/{name}"},
    }


RESOURCE_TYPES: Final = [
    _type("User", USER, [{"schema": ENTERPRISE, "required": False}]),
    _type("Group", GROUP, []),
]


def _attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "name": name, "type": kind, "multiValued": False, "required": False, "caseExact": False,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none", **more,
    }  # fmt: skip


def _schema(id_: str, name: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:Schema"], "id": id_, "name": name, "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": f"/scim/v2/Schemas/{id_}"},
    }  # fmt: skip


_PLURAL = [_attribute("value"), _attribute("type"), _attribute("primary", "boolean"), _attribute("display")]
SCHEMAS: Final = [
    _schema(USER, "User", [
        _attribute("userName", required=True, uniqueness="server"),
        _attribute("externalId", caseExact=True),
        _attribute("name", "complex", subAttributes=[
            _attribute(each)
            for each in ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
        ]),
        *(_attribute(each) for each in (
            "displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone", "profileUrl"
        )),
        *(_attribute(each, "complex", multiValued=True, subAttributes=_PLURAL) for each in (
            "emails", "phoneNumbers", "addresses"
        )),
        _attribute("active", "boolean"),
        _attribute("groups", "complex", multiValued=True, mutability="readOnly", subAttributes=_PLURAL),
    ]),
    _schema(GROUP, "Group", [
        _attribute("displayName", required=True, uniqueness="server"),
        _attribute("externalId", caseExact=True),
        _attribute("members", "complex", multiValued=True, subAttributes=[
            _attribute("value", mutability="immutable"), _attribute("display", mutability="immutable")
        ]),
    ]),
    _schema(ENTERPRISE, "EnterpriseUser", [
        *(_attribute(each) for each in ("employeeNumber", "costCenter", "organization", "division", "department")),
        _attribute("manager", "complex", subAttributes=[_attribute("value"), _attribute("displayName")]),
    ]),
]  # fmt: skip
