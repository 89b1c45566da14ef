"""The client asks a real server through real sockets: structs come in, problems are one class, pages are gone through."""

import pytest

from auraos.client import Client, NoServerThereError, ProblemError, UnreachableError
from auraos.client.shapes.runs import Ended
from auraos.client.shapes.secrets import Bearer, Value
from kept_definitions import workflow


async def test_a_definition_is_kept_published_and_started_and_each_answer_is_a_struct(client):
    made = await client.definitions.create_definition(text=workflow())
    published = await client.definitions.publish_definition("workflow", made.name, revision=made.revision)
    run = await client.runs.start_run(made.name, wait=10)
    assert (published.version, type(run), run.state) == (1, Ended, "succeeded")
    assert (await client.runs.show_run(run.run)).output == run.output


async def test_a_problem_carries_its_code_what_where_and_what_to_do(client):
    text = "kind: workflow\nname: x\nspec: {steps: {a: {type: nope}}}\n"
    made = await client.definitions.create_definition(text=text)
    with pytest.raises(ProblemError) as refused:
        await client.definitions.publish_definition("workflow", "x", revision=made.revision)
    problem = refused.value
    assert (problem.code, problem.status) == ("definition-refused", 422)
    assert problem.where[0].path == "spec.steps.a.type"
    assert problem.what
    assert problem.request
    assert problem.where[0].message in str(problem)


async def test_what_was_changed_meanwhile_is_not_overwritten(client):
    made = await client.definitions.create_definition(text=workflow())
    where = (made.kind, made.name)
    await client.definitions.save_draft(*where, revision=made.revision, text=workflow() + "# mine\n")
    with pytest.raises(ProblemError) as refused:
        await client.definitions.save_draft(*where, revision=made.revision, text=workflow() + "# yours\n")
    assert (refused.value.code, refused.value.status) == ("definition-changed", 412)


async def test_all_pages_are_gone_through_and_each_is_asked_for_when_it_is_wanted(client):
    names = [f"flow-{at}" for at in range(7)]
    for name in names:
        await client.definitions.create_definition(text=workflow(name))
    assert [one.name async for one in client.definitions.all_definitions(limit=3)] == names
    found = await client.definitions.list_definitions(limit=3, kind="workflow")
    assert ([one.name for one in found.items], found.next) == (names[:3], "workflow/flow-2")


async def test_files_come_as_bytes_and_nothing_comes_as_nothing(client):
    made = await client.definitions.create_definition(text=workflow())
    assert await client.definition_files.export_definition("workflow", made.name) == workflow().encode()
    assert (await client.definition_files.export_definitions())[:2] == b"PK"
    value = Value(credential=Bearer(token="s3cr3t-token"), hosts=("api.example.com",))
    await client.secrets.create_secret(name="shop", value=value)
    assert await client.secrets.delete_secret("shop") is None
    assert "s3cr3t" not in repr(value)


async def test_another_workspace_is_asked_about_over_the_same_connections(room, client, address):
    _, token = await room.house.signed_in("owner", workspace="*")
    async with Client(address, token) as owner:
        await owner.access.add_workspace(name="second")
        second = owner.in_workspace("second")
        await second.definitions.create_definition(text=workflow("only-there"))
        assert [one.name async for one in second.definitions.all_definitions()] == ["only-there"]
        assert [one async for one in owner.definitions.all_definitions()] == []


async def test_a_key_that_opens_nothing_is_told_as_that(address):
    async with Client(address, "auraos_nothing") as stranger:
        with pytest.raises(ProblemError) as refused:
            await stranger.sign_in.show_me()
        assert (refused.value.code, refused.value.status) == ("not-signed-in", 401)
        assert "auraos_nothing" not in repr(stranger.__dict__)


async def test_where_nobody_listens_is_told_after_the_patience_is_over(unused_tcp_port_factory):
    async with Client(f"http://127.0.0.1:{unused_tcp_port_factory()}", patience=0.3) as client:
        with pytest.raises(UnreachableError, match="Nobody answers at"):
            await client.health.show_live()


@pytest.mark.parametrize(
    "url", ["auraos.example.com", "ftp://auraos.example.com", "http://", "http://me:pw@host"]
)
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(NoServerThereError):
        Client(url)


async def test_a_name_cannot_lead_out_of_its_place_in_a_path(client):
    with pytest.raises(ValueError, match="is no name"):
        await client.secrets.show_secret("..")
    with pytest.raises(ProblemError) as refused:
        await client.secrets.show_secret("a/../../me")
    assert refused.value.status in (404, 422)
