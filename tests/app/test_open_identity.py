"""Identity as a process has it: with the passwords, the seal and the mark of its data folder."""

from auraos.app.identity import open_identity
from houses import NOBODY, PASSWORD


async def test_an_owner_of_a_process_is_one_for_the_next(house):
    given = {"now": house.clock.now, "new_id": iter(map(str, range(1, 99))).__next__}
    with open_identity(house.tables, house.folder, house.keys, house.egress, **given) as identity:
        token = await identity.ownership.token_for_first_start()
        await identity.ownership.claim(NOBODY, token, "ann", PASSWORD)
    with open_identity(house.tables, house.folder, house.keys, house.egress, **given) as identity:
        assert await identity.ownership.token_for_first_start() is None
        signed_in = await identity.sign_in.sign_in(NOBODY, "ann", PASSWORD)
        assert (await identity.recognition.principal(signed_in.token)).name == "ann"
