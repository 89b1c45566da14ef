"""A server behind TLS: trusted by the authority that is named, and by no other."""

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from auraos.client import Client, UnreachableError
from command_line import CommandLine
from houses import PASSWORD
from security.certificates import make


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The folder with certificates for this machine, and with the authority that vouches for the good one."""
    return make(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def encrypted(address, certificate):
    """Stand in front of a server, as a proxy that speaks TLS does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "good.pem", certificate / "good.key")
    there = urlsplit(address)

    async def pass_on(reader, writer):
        far_reader, far_writer = await asyncio.open_connection(there.hostname, there.port)

        async def one_way(source, target):
            with suppress(ConnectionError, ssl.SSLError):
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            target.close()

        await asyncio.gather(one_way(reader, far_writer), one_way(far_reader, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_a_key_is_sent(
    room, address, certificate
):
    async with encrypted(address, certificate) as url, Client(url, "a-key") as stranger:
        with pytest.raises(UnreachableError, match="its certificate is not trusted"):
            await stranger.sign_in.show_me()


async def test_an_authority_of_ones_own_is_trusted_where_it_is_named(room, address, certificate, tmp_path):
    person = await room.house.person("editor")
    token = await room.house.session(person)
    tls = ssl.create_default_context(cafile=certificate / "authority.pem")
    async with encrypted(address, certificate) as url:
        async with Client(url, token, tls=tls) as client:
            assert (await client.sign_in.show_me()).name == person.name
        line = CommandLine(tmp_path)
        login = ("login", url, "--name", person.name)
        refused = await asyncio.to_thread(line, *login, stdin=f"{PASSWORD}\n")
        assert (refused.code, "certificate is not trusted" in refused.err) == (4, True)
        authority = ("--authority", str(certificate / "authority.pem"))
        assert (await asyncio.to_thread(line, *login, *authority, stdin=f"{PASSWORD}\n")).code == 0
        assert (await asyncio.to_thread(line, "definitions", "list")).code == 0
