"""SSRF: whatever form an address takes, nothing connects to a place that was not opened (S18, S19, S20)."""

import socket
from datetime import timedelta
from ipaddress import ip_address

import pytest
from local_servers import always, answer, by_path, listening

from auraos.sdk import StepFailed, StepUnknown
from auraos.security.addresses import Opening, OpeningRefusedError, parse_opening, unwrap, why_refused
from auraos.security.destinations import CHECKED, BlockedAddressError, make_socket
from auraos.security.egress import Egress

REFUSED = """
127.0.0.1 127.8.9.1 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.1.1 169.254.169.254
169.254.170.2 100.64.0.1 100.100.100.200 192.0.0.192 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9
192.88.99.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 ::a9fe:a9fe 64:ff9b::a9fe:a9fe
64:ff9b::7f00:1 64:ff9b:1::a00:1 64:ff9b:1:2:3:4:a00:1 2002:a9fe:a9fe:: 2002:7f00:1::1 2002:a00:1::
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:0:7f00:1:: 2001:db8::1 2001:2::1 2001:10::1 3fff::1 5f00::1 100::1
fc00::1 fd00:ec2::254 fe80::1 fe80::5efe:7f00:1 2606:4700::5efe:a00:1 2606:4700::200:5efe:7f00:1 fec0::1 ff02::1
""".split()  # noqa: SIM905 (a table)
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]

FORMS_OF_THIS_MACHINE = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address):
    assert why_refused(ip_address(address)) != ""


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address):
    assert why_refused(ip_address(address)) == ""


def test_addresses_within_addresses_are_found():
    assert unwrap(ip_address("::ffff:10.0.0.1")) == (ip_address("10.0.0.1"),)
    assert ip_address("169.254.169.254") in unwrap(ip_address("2002:a9fe:a9fe::"))


@pytest.mark.parametrize("host", FORMS_OF_THIS_MACHINE)
async def test_no_form_of_this_machine_is_reached(host):
    async with listening(always(answer())) as target, Egress() as egress:
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", f"http://{host}:{target.port}/"):
                pass
    assert failure.value.error_code == "blocked-destination"
    assert failure.value.error_class == "permanent"
    assert not isinstance(failure.value, StepUnknown)
    assert target.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0x7f000001"])
async def test_sockets_for_other_clients_are_checked_alike(host):
    async with listening(always(answer())) as target, Egress() as egress:
        with pytest.raises(StepFailed, match="Blocked destination"):
            await egress.connect(host, target.port)
    assert target.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http://[fd00:ec2::254]/",
        "http://metadata/", "http://100.100.100.200/", "http://192.0.0.192/",
    ],
)  # fmt: skip
async def test_the_metadata_services_of_clouds_are_never_asked(url):
    async with Egress(["169.254.0.0/16:*", "100.64.0.0/10:*", "192.0.0.0/8:80", "[fc00::/7]:80"]) as egress:
        with pytest.raises(StepFailed, match="metadata service"):
            async with egress.request("GET", url):
                pass


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://x.example/", "http:///x", "//x.example/", "x", "", "http://",
        "http://a@x.example/", "http://api.x.com@127.0.0.1/", "http://u:p@x.example/", "http://x.example\\@127.0.0.1/",
        "http://127.0.0.1\n.x.example/", "http://x .example/", "http://x.example:0/", "http://x.example:99999/",
        "http://xn--/", "http://[v1.x]/", "http://x.example/\r\nHost: evil", "http://x.example/\x00", "http://..",
        "javascript:alert(1)", "http://" + "a" * 300 + ".example/", "data:,x", "http://x.example/" + "a" * 20_000,
    ],
)  # fmt: skip
async def test_an_address_that_cannot_be_understood_in_one_way_is_refused(url):
    async with Egress(lookup=never_asked) as egress:
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", url):
                pass
    assert failure.value.error_code == "bad-url"


async def never_asked(host, port):
    raise UnicodeError("label empty or too long")


def resolving(**answers):
    """Resolve names by a table; each look-up takes the next list of addresses."""
    waiting = {name.replace("_", "."): list(lists) for name, lists in answers.items()}

    async def lookup(host, port):
        lists = waiting[host.rstrip(".")]
        return lists.pop(0) if len(lists) > 1 else lists[0]

    return lookup


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["93.184.216.34", "::1"], ["::ffff:127.0.0.1"], ["fe80::1%lo"],
        ["2002:7f00:1::"], ["127.0.0.1", "127.0.0.1"],
    ],
)  # fmt: skip
async def test_a_name_is_refused_when_any_of_its_addresses_is(addresses):
    async with (
        listening(always(answer())) as target,
        Egress(lookup=resolving(evil_example=[addresses])) as egress,
    ):
        with pytest.raises(StepFailed, match=r"Blocked destination evil\.example"):
            async with egress.request("GET", f"http://evil.example:{target.port}/"):
                pass
    assert target.connections == 0


async def test_a_name_that_changes_its_address_after_the_check_is_connected_where_it_was_checked():
    """The first look-up is opened, every later one is not: only the first may count."""
    asked = []

    async def lookup(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with (
        listening(always(answer(body=b"good"))) as good,
        listening(always(answer(body=b"evil")), host="127.0.0.2", port=good.port) as evil,
        Egress([f"127.0.0.1:{good.port}"], lookup=lookup) as egress,
    ):
        async with egress.request("POST", f"http://rebind.example:{good.port}/") as reply:
            assert await reply.read(100) == b"good"
        with pytest.raises(StepFailed, match="Blocked destination"):
            async with egress.request("POST", f"http://rebind.example:{good.port}/"):
                pass
    assert (len(asked), good.connections, evil.connections) == (2, 1, 0)
    assert good.requests[0].headers["host"] == f"rebind.example:{good.port}"


def test_the_last_gate_refuses_every_address_that_was_not_checked():
    information = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    assert CHECKED.get() is None
    with pytest.raises(BlockedAddressError, match="not checked"):
        make_socket(information)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/", "//127.0.0.2:{port}/x", "http://169.254.169.254/", "//169.254.169.254/",
        "http://0x7f000002:{port}/", "http://[::ffff:127.0.0.2]:{port}/",
    ],
)  # fmt: skip
async def test_every_hop_of_a_redirect_is_checked(status, location):
    async with listening(always(answer())) as first:
        first.respond = always(answer(status, Location=location.format(port=first.port)))
        async with (
            listening(always(answer()), host="127.0.0.2", port=first.port) as second,
            Egress([f"127.0.0.1:{first.port}"]) as egress,
        ):
            with pytest.raises(StepFailed) as failure:
                async with egress.request("GET", f"{first.url}/"):
                    pass
    assert failure.value.error_code == "blocked-destination"
    assert (len(first.requests), second.connections) == (1, 0)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "gopher://127.0.0.1:70/", "javascript:1", "http://a:b@127.0.0.1/", "ftp://x/"],
)
async def test_a_redirect_leads_to_http_and_https_only(location):
    async with (
        listening(always(answer(302, Location=location))) as server,
        Egress([f"127.0.0.1:{server.port}"]) as egress,
    ):
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", server.url):
                pass
    assert failure.value.error_code == "bad-url"


async def test_more_than_five_redirects_are_refused():
    async with (
        listening(always(answer(302, Location="/again"))) as server,
        Egress([f"127.0.0.1:{server.port}"]) as egress,
    ):
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", server.url):
                pass
    assert failure.value.error_code == "too-many-redirects"
    assert len(server.requests) == 6


async def test_a_refresh_in_a_page_is_no_redirect():
    page = b'<meta http-equiv="refresh" content="0;url=http://169.254.169.254/">'
    async with (
        listening(always(answer(body=page))) as server,
        Egress([f"127.0.0.1:{server.port}"]) as egress,
        egress.request("GET", server.url) as reply,
    ):
        assert await reply.read(1000) == page
    assert len(server.requests) == 1


async def test_proxies_of_the_environment_are_ignored(monkeypatch):
    async with (
        listening(always(answer(body=b"proxy"))) as proxy,
        listening(always(answer(body=b"direct"))) as server,
        Egress([f"127.0.0.1:{server.port}", f"127.0.0.1:{proxy.port}"]) as egress,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with egress.request("GET", server.url) as reply:
            assert await reply.read(100) == b"direct"
    assert proxy.connections == 0


@pytest.mark.parametrize(
    "opening", ["127.0.0.1:{port}", "127.0.0.0/8:{port}", "127.0.0.1:*", "localhost:{port}"]
)
async def test_the_operator_opens_a_host_or_a_network_for_a_port(opening):
    host = opening.partition(":")[0].replace("127.0.0.0/8", "127.0.0.1")
    async with listening(by_path(root=answer(body=b"in"))) as server, opened(opening, server) as egress:
        async with egress.request("GET", f"http://{host}:{server.port}/") as reply:
            assert await reply.read(10) == b"in"
        sock = await egress.connect(host, server.port)
        sock.close()


def opened(opening, server):
    return Egress([opening.format(port=server.port, other=server.port - 1)])


@pytest.mark.parametrize(
    "opening", ["127.0.0.1:{other}", "127.0.0.2:{port}", "10.0.0.0/8:*", "localhost:{port}"]
)
async def test_what_was_opened_opens_nothing_else(opening):
    async with listening(always(answer())) as server, opened(opening, server) as egress:
        with pytest.raises(StepFailed, match="--allow-net 127"):
            async with egress.request("GET", server.url):
                pass
    assert server.connections == 0


@pytest.mark.parametrize(
    "text", ["", "x", "x:", ":80", "x:0", "x:99999", "x:8o", "10.0.0.0/99:1", "a b:1", "x:-1", "x:１"]
)
def test_an_opening_that_says_nothing_is_refused(text):
    with pytest.raises(OpeningRefusedError):
        parse_opening(text)


def test_an_opening_may_name_a_host_a_network_and_all_ports():
    assert parse_opening("Db.Internal.:5432") == Opening("db.internal", None, 5432)
    assert parse_opening("[::1]:*").port == 0
    assert parse_opening("[::1]:*").covers_address(ip_address("::1"), 99)


@pytest.mark.parametrize(
    ("error", "error_class", "code"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "again"), "transient", "dns-failed"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "permanent", "unknown-host"),
        (TimeoutError(), "transient", "dns-failed"),
    ],
)
async def test_a_name_that_is_not_resolved_fails_before_anything_is_sent(error, error_class, code):
    async def lookup(host, port):
        raise error

    async with Egress(lookup=lookup, connect_timeout=timedelta(seconds=1)) as egress:
        with pytest.raises(StepFailed) as failure:
            async with egress.request("POST", "https://x.example/"):
                pass
    assert (failure.value.error_class, failure.value.error_code) == (error_class, code)
    assert not isinstance(failure.value, StepUnknown)
