"""What a request's outcome is when the other side misbehaves, and how answers stay bounded (R48, S26, S48, S62)."""

import asyncio
import gzip
import random
import ssl
import zlib
from datetime import timedelta

import certificates
import pytest
from local_servers import Server, always, answer, by_path, listening

from auraos.sdk import StepFailed, StepUnknown
from auraos.security.egress import Egress

SHORT = timedelta(milliseconds=300)


def open_to(server: Server, **options) -> Egress:
    return Egress([f"127.0.0.1:{server.port}", f"localhost:{server.port}"], **options)


async def failure_of(egress: Egress, method: str, url: str, limit: int = 1_000_000, **options) -> StepFailed:
    with pytest.raises(StepFailed) as failure:
        async with egress.request(method, url, **options) as reply:
            await reply.read(limit)
    return failure.value


async def test_an_answer_has_status_headers_and_body():
    reply = answer(201, b"made", X_One="1", Set_Cookie="a=b") + b""
    async with (
        listening(always(reply)) as server,
        open_to(server) as egress,
        egress.request("POST", server.url + "/a%20b?q=%C3%A4", body=b"x", headers={"X-Mine": "ü"}) as got,
    ):
        assert (got.status, await got.read(10)) == (201, b"made")
        assert got.headers["x-one"] == "1"
    request = server.requests[0]
    assert (request.method, request.target, request.body) == ("POST", "/a%20b?q=%C3%A4", b"x")


async def test_a_refused_connection_is_a_transient_failure_without_effect():
    async with listening(always(answer())) as server:
        port = server.port
    async with Egress([f"127.0.0.1:{port}"]) as egress:
        failure = await failure_of(egress, "POST", f"http://127.0.0.1:{port}/")
    assert (failure.error_class, failure.error_code) == ("transient", "cannot-connect")
    assert not isinstance(failure, StepUnknown)


async def hang(request, writer):
    await asyncio.Event().wait()


async def hang_up(request, writer):
    writer.transport.abort()


async def drip_head(request, writer):
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)


async def drip_body(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"a")
        await asyncio.sleep(0.02)


async def half_a_body(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    await writer.drain()
    writer.transport.close()


async def nonsense(request, writer):
    writer.write(b"\x00\x01\x02 what?\r\n\r\n")


async def endless_head(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X-A: " + b"a" * 4000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    ("respond", "code"),
    [
        (hang, "timeout"),
        (hang_up, "connection-lost"),
        (drip_head, "timeout"),
        (drip_body, "timeout"),
        (half_a_body, "connection-lost"),
        (nonsense, "connection-lost"),
        (endless_head, "connection-lost"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_once_something_was_sent_the_outcome_is_unknown(respond, code, method):
    async with listening(respond) as server, open_to(server) as egress:
        failure = await asyncio.wait_for(failure_of(egress, method, server.url, timeout=SHORT), 5)
    assert isinstance(failure, StepUnknown)
    assert (failure.error_class, failure.error_code) == ("unknown", code)
    assert {request.method for request in server.requests} == {method}


async def test_an_endless_body_is_cut_at_the_limit():
    async def endless(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b"a" * 65536 + b"\r\n")
            await writer.drain()

    async with listening(endless) as server, open_to(server) as egress:
        failure = await asyncio.wait_for(failure_of(egress, "GET", server.url, limit=1_000_000), 10)
    assert (failure.error_class, failure.error_code) == ("data", "answer-too-large")


async def test_a_kept_connection_that_the_server_closed_costs_no_write():
    async def once(request, writer):
        writer.write(answer(body=b"ok"))
        await writer.drain()
        writer.transport.abort()

    async with listening(once) as server, open_to(server) as egress:
        for _ in range(5):
            async with egress.request("POST", server.url, body=b"x") as reply:
                assert reply.status == 200
    assert (server.connections, len(server.requests)) == (5, 5)


async def test_reading_requests_share_a_connection():
    async with listening(always(answer(body=b"ok"))) as server, open_to(server) as egress:
        for _ in range(5):
            async with egress.request("GET", server.url) as reply:
                await reply.read(10)
    assert (server.connections, len(server.requests)) == (1, 5)


BOMB = gzip.compress(b"\0" * 60_000_000, mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding", "limit", "code"),
    [
        (BOMB, "gzip", 50_000_000, "decompression-bomb"),
        (zlib.compress(b"\0" * 60_000_000), "deflate", 50_000_000, "decompression-bomb"),
        (gzip.compress(random.Random(1).randbytes(300_000), mtime=0), "gzip", 200_000, "answer-too-large"),
        (BOMB, "gzip", 200_000, "answer-too-large"),
        (gzip.compress(b"hello", mtime=0)[:-9], "gzip", 99, "broken-encoding"),
        (b"not gzip", "gzip", 99, "broken-encoding"),
        (b"x", "br", 99, "unknown-encoding"),
        (gzip.compress(BOMB, mtime=0), "gzip, gzip", 99, "unknown-encoding"),
    ],
)
async def test_compressed_answers_are_bounded_after_they_are_unpacked(body, encoding, limit, code):
    async with (
        listening(always(answer(body=body, Content_Encoding=encoding))) as server,
        open_to(server) as egress,
    ):
        failure = await failure_of(egress, "GET", server.url, limit=limit)
    assert (failure.error_class, failure.error_code) == ("data", code)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"hello" * 100, mtime=0), "gzip"),
        (gzip.compress(b"hello" * 50, mtime=0) + gzip.compress(b"hello" * 50, mtime=0), "gzip"),
        (gzip.compress(b"hello" * 100, mtime=0) + b"\0" * 20, "x-gzip"),
        (zlib.compress(b"hello" * 100), "deflate"),
        (raw_deflate(b"hello" * 100), "deflate"),
        (b"hello" * 100, "identity"),
    ],
)
async def test_ordinary_compression_is_taken_off(body, encoding):
    async with (
        listening(always(answer(body=body, Content_Encoding=encoding))) as server,
        open_to(server) as egress,
        egress.request("GET", server.url) as reply,
    ):
        assert await reply.read(1000) == b"hello" * 100


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("PUT", 302, "PUT"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("GET", 302, "GET"),
        ("HEAD", 303, "HEAD"),
    ],
)
async def test_a_redirect_keeps_or_changes_the_method_as_browsers_do(method, status, then):
    pages = by_path(start=answer(status, Location="/end"), end=answer())
    async with listening(pages) as server, open_to(server) as egress:
        body = b"x" if method in ("POST", "PUT") else None
        async with egress.request(method, server.url + "/start", body=body) as reply:
            assert reply.status == 200
    assert (server.requests[1].method, server.requests[1].body) == (
        then,
        body if then == method and body else b"",
    )


async def test_a_write_whose_redirect_fails_is_unknown():
    pages = by_path(
        start=answer(303, Location="http://169.254.169.254/"), keep=answer(307, Location="http://10.0.0.1/")
    )
    async with listening(pages) as server, open_to(server) as egress:
        taken = await failure_of(egress, "POST", server.url + "/start")
        passed_on = await failure_of(egress, "POST", server.url + "/keep")
    assert isinstance(taken, StepUnknown)
    assert not isinstance(passed_on, StepUnknown)
    assert {taken.error_code, passed_on.error_code} == {"blocked-destination"}


async def test_redirects_are_left_alone_when_asked():
    async with (
        listening(always(answer(302, Location="/x"))) as server,
        open_to(server) as egress,
        egress.request("GET", server.url, follow_redirects=False) as reply,
    ):
        assert reply.status == 302


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil"},
        {"Content-Length": "3"},
        {"transfer-encoding": "chunked"},
        {"X": "a\r\nY: b"},
        {"X": "a\nb"},
        {"X\r\nY": "b"},
        {"X": "\x00"},
        {"X Y": "b"},
        {"": "b"},
        {"Proxy-Authorization": "x"},
        {"X": "a" * 70_000},
        {"X": "1", "x": "2"},
    ],
)
async def test_headers_that_would_change_the_request_are_refused_before_anything_is_sent(headers):
    """S31."""
    async with listening(always(answer())) as server, open_to(server) as egress:
        failure = await failure_of(egress, "GET", server.url, headers=headers)
    assert failure.error_code == "bad-header"
    assert server.connections == 0


async def test_only_known_methods_are_sent():
    async with Egress() as egress:
        with pytest.raises(StepFailed, match="no method"):
            egress.request("GET / HTTP/1.1\r\nX:", "http://x.example/")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("certificates"))


def serving(authority, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    return context


def trusting(authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority / "authority.pem")


async def test_a_certificate_of_a_known_authority_for_the_right_name_is_taken(authority):
    tls = serving(authority, "good")
    async with (
        listening(always(answer(body=b"ok")), tls=tls) as server,
        open_to(server, trust=trusting(authority)) as egress,
        egress.request("GET", f"https://localhost:{server.port}/") as reply,
    ):
        assert await reply.read(10) == b"ok"


@pytest.mark.parametrize("name", ["self_signed", "other_name", "expired", "unknown_authority"])
async def test_a_certificate_that_proves_nothing_is_refused_before_anything_is_sent(authority, name):
    tls = serving(authority, name)
    async with (
        listening(always(answer()), tls=tls) as server,
        open_to(server, trust=trusting(authority)) as egress,
    ):
        failure = await failure_of(egress, "POST", f"https://localhost:{server.port}/", body=b"secret")
    assert (failure.error_class, failure.error_code) == ("permanent", "certificate-refused")
    assert not isinstance(failure, StepUnknown)
    assert server.requests == []


async def test_a_server_that_never_shakes_hands_is_given_up_in_time(authority):
    async with (
        listening(always(answer())) as server,
        open_to(server, trust=trusting(authority), connect_timeout=SHORT) as egress,
    ):
        failure = await asyncio.wait_for(failure_of(egress, "GET", f"https://localhost:{server.port}/"), 5)
    assert (failure.error_class, failure.error_code) == ("transient", "connect-timeout")
    assert not isinstance(failure, StepUnknown)
    assert server.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "/a%2Fb?X-Sig=a%2Fb%2B%3D&x=%41",
        "/?a=b/c",
        "/a//b/../c",
        "/?",
        "/%E4",
        "/?a=1&a=2&&b",
        "/a;b=1,2(3)'!*$",
    ],
)
async def test_an_address_is_sent_letter_for_letter(target):
    assert await target_of(target + "#part") == target.removesuffix("?")


async def test_letters_that_an_address_cannot_have_are_encoded():
    assert await target_of('/ä"<>?q=ü|{}') == "/%C3%A4%22%3C%3E?q=%C3%BC%7C%7B%7D"


async def target_of(path: str) -> str:
    async with (
        listening(always(answer())) as server,
        open_to(server) as egress,
        egress.request("GET", server.url + path) as reply,
    ):
        assert reply.status == 200
    return server.requests[0].target
