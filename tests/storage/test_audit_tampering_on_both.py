"""S50: whoever can write the whole database changes the trail, and verifying it names the first bad entry."""

from pathlib import Path

import pytest

from audit_trails import INSTALLATION, Trail, tamper
from auraos.app.audit.sources import trail_of_database, trail_of_folder
from auraos.app.audit.trail import look_at_trail
from auraos.app.health import Finding
from auraos.security.audit.chain import erased
from auraos.security.audit.checkpoints import AuditBrokenError
from auraos.security.audit.signing import SignedHead, publics_of
from auraos.security.audit.trail import AuditTrail
from auraos.security.audit.verify import Verdict, verify
from stores import AnyStore


@pytest.fixture
async def trail(store: AnyStore, tmp_path: Path) -> Trail:
    """Return a trail of 21 entries: one that tells of the key, and twenty more; the head is signed after the tenth."""
    made = Trail(store, tmp_path)
    await made.checkpoints.known()
    await made.write(9)
    await made.checkpoints.sign()
    await made.write(11)
    return made


async def verified(trail: Trail, place: str, *heads: SignedHead) -> Verdict:
    """Return what comes of a trail, read past the server."""
    opened = trail_of_database(place) if "://" in place else trail_of_folder(Path(place))
    async with opened as source:
        return await verify(source, publics_of(trail.folder.known()), heads)


def told(verdict: Verdict) -> list[tuple[str, int]]:
    return [(finding.kind, finding.seq) for finding in verdict.findings]


async def test_a_trail_that_nobody_touched_holds(trail, place):
    """S50, L07."""
    verdict = await verified(trail, place)
    assert verdict.holds
    assert (verdict.entries, verdict.first, verdict.last) == (21, 1, 21)
    assert (verdict.signed, verdict.signed_until, verdict.unknown_keys) == (1, 10, ())
    assert verdict.hash == (await trail.tables.head()).hash


@pytest.mark.parametrize(
    "change",
    [
        "update audit set facts = replace(facts, 'mailer', 'nailer') where seq = 7",
        "update audit set told = replace(told, 'it was old', 'it was bold') where seq = 7",
        "update audit set origin = '192.0.2.8' where seq = 7",
        "update audit set actor = '0bb' where seq = 7",
        "update audit set outcome = 'refused' where seq = 7",
        "update audit set at = at - 1 where seq = 7",
        "update audit set told_salt = origin_salt where seq = 7",
        "update audit set object = 'secret/nailer' where seq = 7",
    ],
)
async def test_whatever_is_changed_of_an_entry_is_named(trail, place, change):
    """S50."""
    await tamper(place, change)
    assert told(await verified(trail, place)) == [("changed", 7)]


async def test_an_entry_with_another_hash_is_named_or_the_one_after_it(trail, place):
    """S50."""
    await tamper(place, f"update audit set hash = '{'f' * 64}' where seq = 7")
    assert told(await verified(trail, place)) == [("changed", 7)]


@pytest.mark.parametrize(("seqs", "first"), [("7", 7), ("7, 8, 9", 7), ("1", 1), ("1, 2", 1)])
async def test_entries_that_were_taken_out_are_named(trail, place, seqs, first):
    """S50."""
    await tamper(place, f"delete from audit where seq in ({seqs})")
    assert told(await verified(trail, place)) == [("removed", first)]


async def test_entries_that_were_taken_out_and_the_rest_renumbered_are_named(trail, place):
    """S50."""
    await tamper(
        place, "delete from audit where seq = 7", "update audit set seq = -seq where seq > 7",
        "update audit set seq = -seq - 1 where seq < 0", "update audit_head set seq = 20",
    )  # fmt: skip
    assert told(await verified(trail, place)) == [("removed", 7)]


@pytest.mark.parametrize(("one", "other"), [(5, 6), (5, 9), (12, 20)])
async def test_entries_that_changed_places_are_named(trail, place, one, other):
    """S50."""
    await tamper(
        place, f"update audit set seq = -1 where seq = {one}", f"update audit set seq = {one} where seq = {other}",
        f"update audit set seq = {other} where seq = -1",
    )  # fmt: skip
    verdict = await verified(trail, place)
    assert told(verdict) == [("reordered", one)]
    assert f"written as entry {other}" in verdict.findings[0].message


async def test_an_entry_that_was_put_in_is_named(trail, place):
    """S50."""
    columns = (
        "at, workspace, actor, action, object, outcome, facts, told, told_salt, origin, origin_salt, hash"
    )
    await tamper(
        place, "update audit set seq = -seq where seq >= 7", "update audit set seq = -seq + 1 where seq < 0",
        f"insert into audit(seq, {columns}) select 7, {columns} from audit where seq = 5",
        "update audit_head set seq = 22",
    )  # fmt: skip
    assert told(await verified(trail, place)) == [("inserted", 7)]


async def test_entries_at_the_end_that_the_head_does_not_know_are_named(trail, place):
    """S50."""
    last = (await trail.tables.head()).hash
    await tamper(place, "update audit_head set seq = 19, hash = (select hash from audit where seq = 19)")
    verdict = await verified(trail, place)
    assert told(verdict) == [("inserted", 20)]
    assert verdict.hash == last


async def test_a_trail_that_was_cut_short_is_told_by_its_own_head(trail, place):
    """S50."""
    await tamper(place, "delete from audit where seq > 15")
    assert told(await verified(trail, place)) == [("truncated", 16)]


async def test_a_trail_that_was_cut_short_with_its_head_is_told_by_a_signed_head(trail, place):
    """S50."""
    await tamper(
        place, "delete from audit where seq > 8",
        "update audit_head set seq = 8, hash = (select hash from audit where seq = 8)",
    )  # fmt: skip
    assert told(await verified(trail, place)) == [("truncated", 9)]


async def test_a_trail_that_was_cut_short_with_all_signed_heads_is_told_by_a_head_that_was_kept_elsewhere(
    trail, place
):
    """S50."""
    kept = await trail.checkpoints.sign()
    await tamper(
        place, "delete from audit where seq > 8", "delete from audit_checkpoints",
        "update audit_head set seq = 8, hash = (select hash from audit where seq = 8)",
    )  # fmt: skip
    assert (await verified(trail, place)).holds
    verdict = await verified(trail, place, kept)
    assert told(verdict) == [("truncated", 9)]
    assert "9 to 21 are gone" in verdict.findings[0].message


async def test_a_trail_that_was_written_anew_from_an_entry_on_is_told_by_a_signed_head(trail, place, store):
    """S50."""
    kept = await trail.checkpoints.sign()
    await tamper(
        place, "delete from audit where seq > 8",
        "update audit_head set seq = 8, hash = (select hash from audit where seq = 8)",
    )  # fmt: skip
    await trail.write(13, why="somebody else's words")
    verdict = await verified(trail, place)
    assert told(verdict) == [("rewritten", 1)]
    await tamper(place, "delete from audit_checkpoints")
    assert (await verified(trail, place)).holds
    assert told(await verified(trail, place, kept)) == [("rewritten", 1)]


async def test_a_signed_head_that_was_changed_is_named(trail, place):
    """S50."""
    await tamper(place, "update audit_checkpoints set at = at + 1")
    assert told(await verified(trail, place)) == [("unsigned", 10)]


async def test_heads_of_a_key_that_is_not_known_say_nothing_and_are_told(trail, place, tmp_path):
    """S50."""
    async with trail_of_database(place) if "://" in place else trail_of_folder(Path(place)) as source:
        verdict = await verify(source, {})
    assert verdict.holds
    assert (verdict.signed, len(verdict.unknown_keys)) == (0, 1)


async def test_what_is_taken_out_of_an_entry_without_a_word_is_named(trail, place):
    """S50."""
    kept = await trail.tables.one(7)
    gone = erased(kept.told_salt, kept.told)
    await tamper(place, f"update audit set told = '{gone}', told_salt = '' where seq = 7")
    assert told(await verified(trail, place)) == [("erased", 7)]


async def test_entries_that_went_without_a_word_up_to_a_signed_head_are_named(trail, place):
    """S50."""
    await tamper(place, "update audit_head set floor = 10", "delete from audit where seq <= 10")
    assert told(await verified(trail, place)) == [("unpruned", 11)]


async def test_no_head_is_signed_any_more_over_a_trail_that_does_not_hold(trail, place):
    """S50."""
    await tamper(place, "update audit set facts = replace(facts, 'mailer', 'nailer') where seq = 15")
    with pytest.raises(AuditBrokenError, match="entry 15"):
        await trail.checkpoints.sign()
    assert (await trail.tables.last_checkpoint()).seq == 10
    await trail.write(1000)
    with pytest.raises(AuditBrokenError):
        await trail.checkpoints.look()
    service = AuditTrail(trail.tables, trail.checkpoints, installation=INSTALLATION, now=lambda: 0)
    finding = await look_at_trail(service, sound)()
    assert (finding.standing, "entry 15" in finding.message) == ("bad", True)


async def sound() -> Finding:
    return Finding(message="The end of the trail is sound.")


async def test_the_installation_is_part_of_what_is_signed(trail):
    """S50: the head of another installation is none of this one."""
    head = await trail.checkpoints.sign()
    assert head.installation == INSTALLATION
