"""Who may do what: the answer and its reason, by roles, places and keys."""

import pytest

from auraos.security.access import ROLES, Grant, Principal, Role, authorize
from auraos.security.access.authorize import Thing
from auraos.security.access.giving import missing_for
from auraos.security.access.scope import scope_of

SALES = Thing(kind="workflow", name="invoice", labels={"team": "sales"})


def somebody(*grants: Grant, scopes: tuple[str, ...] | None = None) -> Principal:
    return Principal(kind="person", id="1", name="ann", grants=grants, scopes=scopes)


def a_grant(role: str = "editor", workspace: str = "default", **narrow) -> Grant:
    return Grant(role=role, workspace=workspace, **narrow)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", "definitions.read", "runs.start"),
        ("operator", "runs.start", "definitions.save"),
        ("approver", "runs.approve", "runs.start"),
        ("editor", "definitions.publish", "runs.approve"),
        ("auditor", "audit.read", "definitions.save"),
        ("admin", "access.grant", "workspaces.create"),
        ("owner", "workspaces.create", None),
    ],
)
def test_a_role_says_what_may_be_done(role, may, may_not):
    ann = somebody(a_grant(role))
    assert authorize(ann, may, "default").is_allowed
    assert may_not is None or not authorize(ann, may_not, "default").is_allowed


def test_what_nobody_granted_is_refused():
    assert not authorize(somebody(), "runs.read", "default").is_allowed
    assert not authorize(somebody(a_grant("no-such-role")), "runs.read", "default").is_allowed


def test_a_role_in_one_workspace_is_worth_nothing_in_another_which_is_not_even_known():
    told = authorize(somebody(a_grant("admin")), "runs.read", "other")
    assert (told.is_allowed, told.knows_workspace) == (False, False)
    assert authorize(somebody(a_grant("viewer", "*")), "runs.read", "other").is_allowed


@pytest.mark.parametrize(
    ("narrow", "reaches"),
    [
        ({}, True),
        ({"kind": "workflow"}, True),
        ({"kind": "task"}, False),
        ({"kind": "workflow", "name": "invoice"}, True),
        ({"kind": "workflow", "name": "other"}, False),
        ({"labels": {"team": "sales"}}, True),
        ({"labels": {"team": "it"}}, False),
        ({"labels": {"team": "sales", "tier": "1"}}, False),
    ],
)
def test_a_grant_is_over_the_things_that_it_names(narrow, reaches):
    ann = somebody(a_grant(**narrow))
    assert authorize(ann, "definitions.save", "default", SALES).is_allowed is reaches
    assert authorize(ann, "definitions.save", "default").is_allowed is (not narrow)
    assert scope_of(ann, "definitions.save", "default").reaches(SALES) is reaches


def test_a_key_does_nothing_outside_of_its_scopes_and_nothing_that_its_owner_may_not():
    ann = somebody(a_grant("viewer"), scopes=("runs.*",))
    assert authorize(ann, "runs.read", "default").is_allowed
    assert not authorize(ann, "definitions.read", "default").is_allowed
    assert not authorize(ann, "runs.start", "default").is_allowed
    assert scope_of(ann, "definitions.read", "default") is None


def test_the_answer_names_the_reason():
    ann = somebody(a_grant("editor", labels={"team": "sales"}, through="team"), a_grant("viewer"))
    yes = authorize(ann, "definitions.save", "default", SALES)
    assert yes.why == "ann is editor in workspace 'default', for label team=sales through the group 'team'."
    no = authorize(ann, "secrets.list", "default")
    assert "viewer in workspace 'default'" in no.why


def test_a_list_is_narrowed_to_what_may_be_done_there():
    narrow = (a_grant(kind="workflow"), a_grant("viewer", labels={"team": "it"}))
    assert scope_of(somebody(*narrow), "definitions.read", "default").parts == narrow
    assert scope_of(somebody(*narrow), "definitions.save", "default").parts == narrow[:1]
    assert scope_of(somebody(*narrow, a_grant("viewer")), "definitions.read", "default").is_whole
    assert scope_of(somebody(*narrow), "runs.approve", "default") is None
    assert scope_of(somebody(*narrow), "definitions.read", "other") is None


@pytest.mark.parametrize(
    ("has", "gives", "may"),
    [
        (a_grant("admin"), a_grant("admin"), True),
        (a_grant("admin"), a_grant("viewer"), True),
        (a_grant("admin"), a_grant("auditor", kind="workflow"), True),
        (a_grant("admin"), a_grant("owner"), False),
        (a_grant("admin"), a_grant("viewer", "other"), False),
        (a_grant("admin"), a_grant("viewer", "*"), False),
        (a_grant("admin", "*"), a_grant("viewer", "other"), True),
        (a_grant("admin", "*"), a_grant("owner", "*"), False),
        (a_grant("owner", "*"), a_grant("owner", "*"), True),
        (a_grant("editor"), a_grant("approver"), False),
        (a_grant("admin", kind="workflow"), a_grant("viewer"), False),
        (a_grant("admin", kind="workflow"), a_grant("viewer", kind="workflow", name="x"), True),
        (a_grant("admin", labels={"a": "b"}), a_grant("viewer", labels={"a": "b", "c": "d"}), True),
        (a_grant("admin", labels={"a": "b"}), a_grant("viewer", labels={"a": "c"}), False),
    ],
)
def test_nobody_gives_what_they_do_not_have(has, gives, may):
    assert (missing_for(somebody(has), gives, ROLES[gives.role].actions, ROLES) == ()) is may


def test_a_key_gives_nothing_outside_of_its_scopes():
    ann = somebody(a_grant("owner", "*"), scopes=("access.*", "runs.read"))
    assert missing_for(ann, a_grant("x"), ("runs.read",), ROLES) == ()
    assert missing_for(ann, a_grant("x"), ("runs.read", "runs.start"), ROLES) == ("runs.start",)


def test_a_role_of_ones_own_counts_like_one_of_the_house():
    roles = {**ROLES, "planner": Role(name="planner", title="", actions=("runs.start",))}
    ann = somebody(a_grant("planner"))
    assert authorize(ann, "runs.start", "default", roles=roles).is_allowed
    assert not authorize(ann, "runs.start", "default").is_allowed
