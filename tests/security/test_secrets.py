"""Secrets: bound to hosts, sent nowhere else, and masked in every form (S09, S10)."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from local_servers import always, answer, by_path, listening
from yarl import URL

from auraos.core.values import FileReference
from auraos.sdk import StepFailed
from auraos.security.egress import Egress
from auraos.security.redaction import MASK, Redactor
from auraos.security.reveal import Reveal

CANARY = 'k3y/with+"odd" chars&ä'
ENVIRONMENT = {
    "AURAOS_SECRET_STOCK_API": CANARY,
    "AURAOS_HOSTS_STOCK_API": "api.x.com, *.stock.example,127.0.0.1",
    "AURAOS_SECRET_LOOSE": "unbound-value",
    "AURAOS_SECRET_SHORT": "abc",
    "AURAOS_HOSTS_SHORT": "x.com",
    "AURAOS_HOSTS_EMPTY": "x.com",
    "AURAOS_SECRET_WRONG": "wrong-hosts",
    "AURAOS_HOSTS_WRONG": "https://x.com/path",
    "AURAOS_SECRET_STAR": "starred-value",
    "AURAOS_HOSTS_STAR": "*",
    "AURAOS_SECRET_SIGN": "signing-value",
    "AURAOS_HOSTS_SIGN": "@local",
    "HOME": "/home/somebody",
}


async def refusal(name: str, host: str) -> StepFailed:
    with pytest.raises(StepFailed) as failure:
        await Reveal(ENVIRONMENT).reveal(name, host=host)
    assert failure.value.error_class == "credential"
    assert CANARY not in str(failure.value)
    return failure.value


@pytest.mark.parametrize(
    "host", ["api.x.com", "API.X.COM", "api.x.com.", "a.stock.example", "b.a.stock.example", "127.0.0.1"]
)
async def test_a_secret_is_revealed_to_a_host_it_is_bound_to(host):
    assert await Reveal(ENVIRONMENT).reveal("stock-api", host=host) == CANARY


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil",
            "api.x.com.evil",
            "xapi.x.com",
            "x.com",
            "evil-api.x.com",
            "stock.example",
            "xstock.example",
            "",
        ),
        *(
            ".stock.example",
            "api.x.com@evil",
            "api.x.com:80",
            "@local",
            "127.0.0.11",
            "stock.example.evil",
            "*",
        ),
    ],
)
async def test_a_secret_is_not_revealed_to_any_other_host(host):
    failure = await refusal("stock-api", host)
    assert failure.error_code == "host-not-allowed"
    assert "AURAOS_HOSTS_STOCK_API" in failure.hint


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("none", "secret-missing", "AURAOS_SECRET_NONE to its value and AURAOS_HOSTS_NONE"),
        ("empty", "secret-missing", "AURAOS_SECRET_EMPTY"),
        ("loose", "secret-unbound", "AURAOS_HOSTS_LOOSE"),
        ("short", "secret-too-short", "longer"),
        ("wrong", "secret-unbound", "without a scheme"),
        ("star", "secret-unbound", "'*', which is no host"),
        ("../x", "secret-missing", "no name of a secret"),
        ("Stock_API", "secret-missing", "no name of a secret"),
        ("sign", "host-not-allowed", "@local"),
    ],
)
async def test_a_secret_that_is_not_ready_says_which_variables_to_set(name, code, says):
    failure = await refusal(name, "x.com")
    assert failure.error_code == code
    assert says in str(failure)


async def test_a_secret_for_use_in_a_step_is_bound_to_no_host():
    assert await Reveal(ENVIRONMENT).reveal("sign", host="@local") == "signing-value"


def sending(server) -> Egress:
    return Egress([f"127.0.0.1:{server.port}", f"127.0.0.2:{server.port}"], secrets=Reveal(ENVIRONMENT))


@pytest.mark.parametrize(
    ("secret_in", "header", "value"),
    [
        ("header:X-Api-Key", "x-api-key", CANARY),
        ("bearer", "authorization", f"Bearer {CANARY}"),
        ("basic", "authorization", "Basic " + base64.b64encode(CANARY.encode()).decode()),
        ("basic:me", "authorization", "Basic " + base64.b64encode(f"me:{CANARY}".encode()).decode()),
    ],
)
async def test_a_secret_goes_where_it_was_told_to(secret_in, header, value):
    async with (
        listening(always(answer())) as server,
        sending(server) as egress,
        egress.request("GET", server.url, secret="stock-api", secret_in=secret_in) as reply,
    ):
        assert reply.status == 200
    assert server.requests[0].headers[header].encode("latin-1").decode() == value


async def test_a_secret_in_the_query_is_not_part_of_the_answers_address():
    async with (
        listening(always(answer())) as server,
        sending(server) as egress,
        egress.request("GET", server.url + "/a?b=1", secret="stock-api", secret_in="query:key") as reply,
    ):
        assert reply.url == server.url + "/a"
    assert server.requests[0].target == "/a?b=1&key=" + quote(CANARY, safe="/").replace("%20", "+")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"secret_in": "body"}, "settings-refused"),
        ({"secret_in": "header:"}, "settings-refused"),
        ({"secret_in": "header:a b"}, "settings-refused"),
        ({"secret_in": "query:"}, "settings-refused"),
        ({"secret_in": "header:Host"}, "bad-header"),
        ({"headers": {"authorization": "mine"}}, "bad-header"),
    ],
)
async def test_a_place_that_is_none_is_refused_before_anything_is_sent(options, code):
    async with listening(always(answer())) as server, sending(server) as egress:
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", server.url, secret="stock-api", **options):
                pass
    assert failure.value.error_code == code
    assert server.connections == 0


@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/end", "//127.0.0.2:{port}/end"])
@pytest.mark.parametrize("secret_in", ["bearer", "header:X-Api-Key", "query:key"])
async def test_a_redirect_to_another_host_carries_no_secret_and_no_header_of_ours(target, secret_in):
    async with listening(always(answer())) as first:
        first.respond = always(answer(307, Location=target.format(port=first.port)))
        async with (
            listening(always(answer()), host="127.0.0.2", port=first.port) as second,
            sending(first) as egress,
            egress.request(
                "GET",
                first.url,
                headers={"Cookie": "c", "X-Token": "t", "Accept": "text/x"},
                secret="stock-api",
                secret_in=secret_in,
            ) as reply,
        ):
            assert reply.status == 200
    arrived = second.requests[0]
    assert {"cookie", "x-token", "authorization", "x-api-key"} & set(arrived.headers) == set()
    assert arrived.headers["accept"] == "text/x"
    assert arrived.target == "/end"


async def test_a_redirect_within_the_host_keeps_the_secret():
    pages = by_path(start=answer(307, Location="/end"), end=answer())
    async with (
        listening(pages) as server,
        sending(server) as egress,
        egress.request(
            "GET", server.url + "/start", secret="stock-api", secret_in="header:X-Api-Key"
        ) as reply,
    ):
        assert reply.status == 200
    assert "x-api-key" in server.requests[1].headers


async def public(host: str, port: int) -> list[str]:
    return ["93.184.216.34"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://evil.example/", "host-not-allowed"),
        ("https://api.x.com.evil.example/", "host-not-allowed"),
        ("https://evil.example/#@api.x.com", "host-not-allowed"),
        ("https://evil.example?@api.x.com", "host-not-allowed"),
        ("https://api.x.com@evil.example/", "bad-url"),
        ("https://api.x.com:443@evil.example/", "bad-url"),
        ("https://evil.example\\@api.x.com/", "bad-url"),
        ("http://api.x.com/", "secret-needs-https"),
    ],
)
async def test_no_spelling_of_an_address_gets_a_secret_to_another_host(url, code):
    async with Egress(secrets=Reveal(ENVIRONMENT), lookup=public) as egress:
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", url, secret="stock-api"):
                pass
    assert failure.value.error_code == code


RAW = CANARY.encode()
FORMS = {
    "raw": CANARY,
    "json": json.dumps(CANARY)[1:-1],
    "json of json": json.dumps(json.dumps(CANARY))[1:-1],
    "json, not ascii": json.dumps(CANARY, ensure_ascii=False)[1:-1],
    "url": quote(CANARY, safe=""),
    "form": quote_plus(CANARY),
    "lower url": quote(CANARY, safe="").replace("%C3%A4", "%c3%a4").replace("%2F", "%2f"),
    "every byte": "".join(f"%{byte:02X}" for byte in RAW),
    "hex": RAW.hex(),
    "HEX": RAW.hex().upper(),
    "base64": base64.b64encode(RAW).decode(),
    "base64url": base64.urlsafe_b64encode(RAW).decode(),
    "base64 behind 1": base64.b64encode(b"u" + RAW).decode(),
    "base64 behind 2": base64.b64encode(b"u:" + RAW + b"!").decode(),
    "html": "k3y/with+&quot;odd&quot; chars&amp;ä",
    "reversed": CANARY[::-1],
    "repr": repr(CANARY)[1:-1],
    "spelled": "".join(f"\\u{ord(letter):04x}" for letter in CANARY),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_revealed_value_is_masked_in_every_form(form):
    redactor = Reveal(ENVIRONMENT).redactor
    text = redactor.redact(f"before {FORMS[form]} after")
    assert MASK in text
    assert text.startswith("before ")
    assert [part for part in pieces(FORMS[form]) if part in text] == []


def pieces(form: str, size: int = 8) -> list[str]:
    """Return stretches of the middle of a text, none of which may survive."""
    return [form[at : at + size] for at in range(4, len(form) - size - 4)]


def test_masking_reaches_keys_lists_and_names_of_files():
    redactor = Redactor([CANARY])
    file = FileReference(hash="h", size=1, name=f"{CANARY}.txt")
    value = {"a": [CANARY, 1, None, {CANARY: (CANARY,)}], "f": file, "b": CANARY.encode()}
    assert redactor.redact(value) == {
        "a": [MASK, 1, None, {MASK: (MASK,)}],
        "f": FileReference(hash="h", size=1, name=f"{MASK}.txt"),
        "b": MASK.encode(),
    }


def test_a_longer_secret_is_masked_whole_when_a_shorter_one_is_part_of_it():
    assert Redactor(["abcdef", "abcd"]).redact("xabcdefx abcd") == f"x{MASK}x {MASK}"


def test_without_secrets_nothing_is_touched():
    value = {"a": ["text"]}
    assert Redactor().redact(value) is value


ODD = 'sk-9f8e7d6c/+=x y"z'


@pytest.mark.parametrize(
    "text",
    [
        str(URL("https://a.example/").with_query({"key": ODD})),
        str(URL("https://a.example/") / ODD),
        "".join(f"%{ord(sign):02x}" if sign in "/=" else sign for sign in ODD),
        "".join(f"\\u{ord(sign):04X}" if sign in "+-" else sign for sign in ODD),
        ODD.replace("/", "\\/").replace('"', '\\"').replace("=", "\\u003d"),
        ODD.upper(),
        ODD.lower(),
    ],
)
def test_a_value_of_which_some_signs_are_encoded_is_masked(text):
    assert "9f8e7d6c" not in Redactor([ODD]).redact_text(f"<{text}>").lower()


@pytest.mark.parametrize("length", range(8, len(ODD)))
def test_a_value_that_was_cut_off_at_either_end_of_a_text_is_masked(length):
    redactor = Redactor([ODD])
    assert redactor.redact_text("refused: " + ODD[:length]) == f"refused: {MASK}"
    assert redactor.redact_text(ODD[-length:] + " was refused") == f"{MASK} was refused"


def test_what_only_looks_like_the_beginning_of_a_value_stays():
    redactor = Redactor([ODD])
    for text in ("sk-9f8e", "sk-9f8e7d6c is an id", "x y", f"{ODD[:12]} and more"):
        assert redactor.redact_text(text) == text


def test_the_media_type_of_a_file_is_masked():
    file = FileReference(hash="0" * 64, size=1, media_type=f"text/{ODD}", name=ODD)
    masked = Redactor([ODD]).redact([file])[0]
    assert (masked.media_type, masked.name, masked.hash) == (f"text/{MASK}", MASK, "0" * 64)
