"""People and service accounts come, change and go; whatever ends, ends everywhere within seconds (S37)."""

import pytest

from auraos.security.access import Grant
from auraos.security.access.errors import LastOwnerError, NameTakenError, NotAllowedError, NotFoundError
from auraos.security.access.service import Access
from auraos.security.identity.errors import PersonNeededError, SignInRefusedError, TokenRefusedError
from auraos.security.identity.keys import KeyWish
from auraos.security.identity.passwords import WeakPasswordError
from auraos.security.identity.rows import Key, Person
from auraos.security.row_store import Remove
from houses import EVERYTHING, HOUSE, NOBODY, PASSWORD, House, acting, who

ENDS = 10
"""For so many seconds at most anything that ended may be believed by another process."""


async def is_known(house: House, token: str) -> bool:
    return await house.identity.recognition.principal(token) is not None


async def test_who_is_invited_chooses_a_password_once(house):
    invited = await house.identity.people.add(HOUSE, "ann", "Ann")
    with pytest.raises(WeakPasswordError):
        await house.identity.people.accept(NOBODY, invited.token, "ann2024!!!!")
    person = await house.identity.people.accept(NOBODY, invited.token, PASSWORD)
    assert (await house.known(await house.session(person))).grants == ()
    with pytest.raises(TokenRefusedError):
        await house.identity.people.accept(NOBODY, invited.token, "another way home")
    told = [(entry.actor.name, entry.outcome) for entry in await house.entries("people.accept")]
    assert told == [("ann", "done"), ("", "refused")]


async def test_an_invitation_is_good_for_a_week(house):
    invited = await house.identity.people.add(HOUSE, "ann", "")
    house.clock.sleep(7 * 24 * 3600)
    with pytest.raises(TokenRefusedError):
        await house.identity.people.accept(NOBODY, invited.token, PASSWORD)


async def test_no_two_people_have_one_name(house):
    await house.identity.people.add(HOUSE, "ann", "")
    with pytest.raises(NameTakenError):
        await house.identity.people.add(HOUSE, "ann", "")


@pytest.mark.parametrize(
    "name", ["health", "me", "all", "admin", "null", "__proto__", "*", "..", "owner", "default"]
)
async def test_a_name_is_a_name_whatever_it_is_elsewhere(house, name):
    """S05."""
    person = await house.person(name=name)
    assert (await house.known(await house.session(person))).grants == ()


async def test_a_reset_ends_all_sessions_and_leaves_the_choice_to_the_person(house):
    person, token = await house.signed_in()
    reset = await house.identity.people.reset(HOUSE, EVERYTHING, person.name, second_proof=False)
    assert not await is_known(house, token)
    with pytest.raises(SignInRefusedError):
        await house.session(person)
    await house.identity.people.accept(NOBODY, reset.token, PASSWORD)
    assert await house.session(person)


@pytest.mark.parametrize(("keep", "expected"), [(False, (1, 0)), (True, (0, 1))])
async def test_a_reset_revokes_keys_unless_they_are_to_be_kept(house, keep, expected):
    person, token = await house.signed_in("editor")
    known, keys = await house.known(token), house.identity.keys
    revoked = await keys.add_own(acting(person), known, KeyWish(title="revoked before"))
    await keys.revoke_own(acting(person), known, revoked.key.id)
    ended = await keys.add_own(acting(person), known, KeyWish(title="over", days=1))
    house.clock.sleep(24 * 3600)
    known = await house.known(await house.session(person))
    alive = await keys.add_own(acting(person), known, KeyWish(title="mine"))
    reset = await house.identity.people.reset(
        HOUSE, EVERYTHING, person.name, second_proof=False, keep_keys=keep
    )
    assert (reset.keys_revoked, reset.keys_left) == expected
    assert await is_known(house, alive.token) is keep
    assert not await is_known(house, ended.token)
    (entry,) = await house.entries("people.reset")
    assert entry.after == {"second_proof": False, "keys_revoked": expected[0]}


async def test_another_password_of_ones_own_leaves_keys_and_says_so(house):
    person, token = await house.signed_in("editor")
    known = await house.known(token)
    key = await house.identity.keys.add_own(acting(person), known, KeyWish(title="mine"))
    changed = await house.identity.sign_in.change_password(
        acting(person), known, PASSWORD, "another way home"
    )
    assert changed.keys == 1
    assert await is_known(house, key.token)


async def test_who_is_disabled_is_out_with_all_sessions_and_keys_and_stays_out_of_them(house):
    person, token = await house.signed_in("editor")
    key = await house.identity.keys.add_own(acting(person), await house.known(token), KeyWish(title="mine"))
    for state in ("disabled", "active"):
        await house.identity.people.set_state(HOUSE, EVERYTHING, person.name, state)
        assert not await is_known(house, token)
        assert not await is_known(house, key.token)
    assert await house.session(person)
    assert [entry.action for entry in await house.entries() if entry.action.endswith("able")] == [
        "people.disable", "people.enable",
    ]  # fmt: skip


async def test_nobody_acts_on_somebody_who_may_do_more(house):
    owner, admin = await house.person("owner", "*"), await house.person("admin", "*")
    acts = who(admin, Grant(role="admin", workspace="*"))
    people = house.identity.people
    with pytest.raises(NotAllowedError):
        await people.reset(acting(admin), acts, owner.name, second_proof=True)
    with pytest.raises(NotAllowedError):
        await people.set_state(acting(admin), acts, owner.name, "disabled")
    assert await people.find(owner.name) == owner


async def test_the_last_owner_cannot_be_disabled(house):
    first, second = await house.person("owner", "*"), await house.person("owner", "*")
    await house.identity.people.set_state(HOUSE, EVERYTHING, first.name, "disabled")
    with pytest.raises(LastOwnerError):
        await house.identity.people.set_state(HOUSE, EVERYTHING, second.name, "disabled")


async def test_who_belongs_to_a_workspace_is_known_through_groups_too(house):
    direct, through = await house.person("viewer", "default", name="ann"), await house.person(name="bob")
    await house.person("viewer", "elsewhere", name="eve")
    group = await house.identity.access.add_group(HOUSE, "team", "")
    await house.identity.access.put_members(HOUSE, EVERYTHING, "team", [through.id])
    await house.grant("group", group.id, "editor")
    assert [person.name for person in await house.identity.people.members("default")] == [
        direct.name,
        through.name,
    ]


# --- keys ---


async def test_a_key_does_what_its_owner_may_within_its_scopes_and_workspace(house):
    person, token = await house.signed_in("editor", "*")
    wish = KeyWish(title="deploys", workspace="sales", scopes=("definitions.*",))
    made = await house.identity.keys.add_own(acting(person), await house.known(token), wish)
    known = await house.known(made.token)
    assert (known.id, known.key, known.scopes, known.home) == (
        person.id,
        made.key.id,
        ("definitions.*",),
        "sales",
    )
    assert [(grant.role, grant.workspace) for grant in known.grants] == [("editor", "sales")]
    assert made.token not in str(await house.rows.all(Key))


async def test_a_key_makes_no_keys(house):
    person, token = await house.signed_in("owner", "*")
    made = await house.identity.keys.add_own(acting(person), await house.known(token), KeyWish(title="mine"))
    with pytest.raises(PersonNeededError):
        await house.identity.keys.add_own(
            acting(person), await house.known(made.token), KeyWish(title="more")
        )


async def test_a_key_ends_on_its_day_and_when_it_is_revoked(house):
    person, token = await house.signed_in()
    known = await house.known(token)
    short = await house.identity.keys.add_own(acting(person), known, KeyWish(title="short", days=1))
    long = await house.identity.keys.add_own(acting(person), known, KeyWish(title="long"))
    house.clock.sleep(24 * 3600)
    assert not await is_known(house, short.token)
    assert await is_known(house, long.token)
    await house.identity.keys.revoke_own(acting(person), known, long.key.id)
    assert not await is_known(house, long.token)
    assert [entry.action for entry in await house.entries() if entry.action.startswith("keys.")] == [
        "keys.add", "keys.add", "keys.revoke",
    ]  # fmt: skip


async def test_keys_of_others_cannot_be_revoked(house):
    person, token = await house.signed_in()
    made = await house.identity.keys.add_own(acting(person), await house.known(token), KeyWish(title="mine"))
    other, others = await house.signed_in()
    with pytest.raises(NotFoundError):
        await house.identity.keys.revoke_own(acting(other), await house.known(others), made.key.id)


async def test_it_is_known_when_a_key_was_last_used(house):
    person, token = await house.signed_in()
    made = await house.identity.keys.add_own(acting(person), await house.known(token), KeyWish(title="mine"))
    await house.known(made.token)
    first = (await house.rows.one(Key, id=made.key.id)).used_at
    assert first == house.clock.time
    house.clock.sleep(61)
    await house.known(made.token)
    assert (await house.rows.one(Key, id=made.key.id)).used_at == house.clock.time


@pytest.mark.parametrize(
    "token", ["", "auk_", "aus_", "auk_x", "Bearer", "aus_" + "x" * 43, "auk_" + "x" * 500, "\x00"]
)
async def test_what_is_no_token_opens_nothing(house, token):
    assert not await is_known(house, token)


async def test_a_service_account_acts_by_its_keys_alone(house):
    keys = house.identity.keys
    service = await keys.add_service(HOUSE, "default", "robot", "")
    await house.grant("service", service.id, "operator")
    made = await keys.add_to_service(
        HOUSE, EVERYTHING, "default", "robot", KeyWish(title="prod", workspace="*")
    )
    known = await house.known(made.token)
    assert (known.kind, known.name, known.home) == ("service", "robot", "default")
    assert [grant.role for grant in known.grants] == ["operator"]
    with pytest.raises(SignInRefusedError):
        await house.identity.sign_in.sign_in(NOBODY, "robot", PASSWORD)


async def test_nobody_makes_a_key_of_an_account_that_may_do_more(house):
    keys = house.identity.keys
    service = await keys.add_service(HOUSE, "default", "robot", "")
    await house.grant("service", service.id, "admin")
    editor = await house.person("editor")
    with pytest.raises(NotAllowedError):
        await keys.add_to_service(
            acting(editor),
            who(editor, Grant(role="editor", workspace="default")),
            "default",
            "robot",
            KeyWish(title="x"),
        )


@pytest.mark.parametrize("end", ["disable", "remove", "revoke"])
async def test_the_keys_of_a_service_account_end_with_it(house, end):
    keys = house.identity.keys
    await keys.add_service(HOUSE, "default", "robot", "")
    made = await keys.add_to_service(HOUSE, EVERYTHING, "default", "robot", KeyWish(title="prod"))
    assert await is_known(house, made.token)
    if end == "disable":
        await keys.set_service_state(HOUSE, EVERYTHING, "default", "robot", "disabled")
    elif end == "remove":
        await keys.remove_service(HOUSE, EVERYTHING, "default", "robot")
    else:
        await keys.revoke_of_service(HOUSE, "default", "robot", made.key.id)
    assert not await is_known(house, made.token)


async def test_service_accounts_of_another_workspace_are_not_there(house):
    await house.identity.keys.add_service(HOUSE, "default", "robot", "")
    with pytest.raises(NotFoundError):
        await house.identity.keys.service("other", "robot")


# --- how soon ---


@pytest.mark.parametrize(
    "end", ["sign out", "password", "reset", "disable", "role", "group", "key", "second proof"]
)
async def test_whatever_ends_is_over_in_another_process_within_seconds(house, end):
    person, token = await house.signed_in()
    grant = await house.grant("person", person.id, "editor")
    group = await house.identity.access.add_group(HOUSE, "team", "")
    await house.identity.access.put_members(HOUSE, EVERYTHING, "team", [person.id])
    await house.grant("group", group.id, "approver")
    known = await house.known(token)
    key = await house.identity.keys.add_own(acting(person), known, KeyWish(title="mine"))
    other = house.another_process()
    carried = key.token if end == "key" else token
    before = await other.recognition.principal(carried)
    assert {grant.role for grant in before.grants} == {"editor", "approver"}
    match end:
        case "sign out":
            await house.identity.sign_in.end(acting(person), known, known.session)
        case "password":
            await house.identity.sign_in.change_password(acting(person), known, PASSWORD, "another way home")
        case "reset" | "second proof":
            await house.identity.people.reset(HOUSE, EVERYTHING, person.name, second_proof=end != "reset")
        case "disable":
            await house.identity.people.set_state(HOUSE, EVERYTHING, person.name, "disabled")
        case "role":
            await house.identity.access.revoke(HOUSE, EVERYTHING, "default", grant)
        case "group":
            await house.identity.access.put_members(HOUSE, EVERYTHING, "team", [])
        case "key":
            await house.identity.keys.revoke_own(acting(person), known, key.key.id)
    house.clock.sleep(ENDS)
    after = await other.recognition.principal(carried)
    left = {grant.role for grant in after.grants} if after is not None else None
    assert left == {"role": {"approver"}, "group": {"editor"}}.get(end)


async def test_a_person_who_is_gone_from_the_store_is_nobody(house):
    person, token = await house.signed_in()
    row = await house.rows.one(Person, id=person.id)
    await house.rows.save([Remove(row)])
    house.clock.sleep(ENDS)
    assert not await is_known(house, token)


async def test_roles_of_a_workspace_are_believed_for_seconds_only(house):
    access: Access = house.another_process().access
    assert await access.roles("sales") is None
    await house.identity.access.add_workspace(HOUSE, "sales", "")
    house.clock.sleep(ENDS)
    assert "viewer" in await access.roles("sales")
