"""What an HTTP answer means: success, a failure certainly without effect, or an unknown outcome; and how its body is read."""

import base64
import re
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from auraos.sdk import Answer, StepContext, StepFailed, StepUnknown, Value
from auraos.sdk.retry_after import read_retry_after
from auraos.steps.json import read_json

As: TypeAlias = Literal["auto", "json", "text", "bytes", "file"]

EXCERPT = 2_000
_CHARSET = re.compile(r"(?:utf-?(?:8|16|32)(?:-?[bl]e)?|us-ascii|ascii|(?:iso-?|latin-?)[\w-]+|windows-\d+|cp\d+|koi8-[ru]"
                      r"|shift_jis|euc-(?:jp|kr)|gb(?:2312|k|18030)|big5)", re.IGNORECASE)  # fmt: skip
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json|text/json", re.IGNORECASE)
_TEXT = re.compile(
    r"text/.*|application/(?:[\w.+-]+\+)?(?:xml|yaml|javascript|x-www-form-urlencoded|graphql)", re.IGNORECASE
)


async def judge(answer: Answer, expected: list[int], context: StepContext) -> None:
    """Return when the status is one that was expected (any 2xx unless said otherwise); else fail as it deserves."""
    status = answer.status
    if status in expected if expected else 200 <= status < 300:
        return
    data = {"status": status, "body": await _excerpt(answer)}
    said = f"{_place(answer.url)} answered with status {status}"
    code = f"http-{status}"
    retry_after = read_retry_after(answer.headers, context.now)
    if status == 429 or (status == 503 and retry_after is not None):
        message = f"{said}: it wants to be asked later."
        raise StepFailed(message, error_class="transient", code=code, retry_after=retry_after, data=data)
    if status == 408 or status >= 500:
        doubt = "" if context.effect == "read" else ": nobody can say whether the request was carried out"
        raise StepUnknown(f"{said}{doubt}.", code=code, data=data)
    if status in (401, 403, 407):
        raise StepFailed(
            f"{said}: it does not accept who asks.", error_class="credential", code=code, data=data
        )
    raise StepFailed(f"{said}, which was not expected.", code=code, data=data)


async def read_body(answer: Answer, wanted: As, limit: int, context: StepContext) -> dict[str, Value]:
    """Return the body under the name of its form: `json`, `text`, `bytes` (as base64) or `file`; nothing where it is empty."""
    media_type, charset = _content_type(answer)
    if wanted == "file" or (
        wanted == "auto" and not _JSON.fullmatch(media_type) and not _TEXT.fullmatch(media_type)
    ):
        if wanted == "auto" and answer.headers.get("content-length") == "0":
            return {}
        pieces = answer.stream(limit)
        file = await context.files.write(
            pieces, media_type=media_type or "application/octet-stream", name=_file_name(answer)
        )
        return {"file": file} if file.size or wanted == "file" else {}
    body = await answer.read(limit)
    if wanted == "bytes":
        return {"bytes": base64.b64encode(body).decode()}
    if wanted == "json" or (wanted == "auto" and body and _JSON.fullmatch(media_type)):
        try:
            return {"json": read_json(body)}
        except StepFailed as failure:
            if wanted == "json":
                message = f"The answer of {_place(answer.url)} is no JSON. {failure.message}"
                raise StepFailed(message, error_class="data", code="unreadable-answer") from None
    return {"text": body.decode(charset, "replace")} if body or wanted == "text" else {}


async def read_output(answer: Answer, wanted: As, limit: int, context: StepContext) -> dict[str, Any]:
    """Return the output of a step: status, headers and body. A write whose answer cannot be read is unknown, not failed."""
    try:
        body = await read_body(answer, wanted, limit, context)
    except StepUnknown:
        raise
    except StepFailed as failure:
        if context.effect in ("pure", "read"):
            raise
        message = f"The request was carried out, but its answer is of no use: {failure.message}"
        raise StepUnknown(
            message, code=failure.error_code, data={"status": answer.status}, hint=failure.hint
        ) from None
    return {"status": answer.status, "headers": dict(answer.headers), **body}


async def _excerpt(answer: Answer) -> str:
    body = bytearray()
    try:
        async for piece in answer.stream(1_000_000):
            body += piece
            if len(body) >= EXCERPT * 4:
                break
    except StepFailed:  # the status says enough
        pass
    return bytes(body).decode(_content_type(answer)[1], "replace")[:EXCERPT]


def _content_type(answer: Answer) -> tuple[str, str]:
    media_type, *parameters = answer.headers.get("content-type", "").split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"')
        if name.strip().lower() == "charset" and _CHARSET.fullmatch(charset) and _is_known(charset):
            return media_type.strip().lower(), charset
    return media_type.strip().lower(), "utf-8"


def _is_known(charset: str) -> bool:
    try:
        b"".decode(charset)
    except LookupError:
        return False
    return True


def _file_name(answer: Answer) -> str:
    name = unquote(urlsplit(answer.url).path.rpartition("/")[2])
    return re.sub(r"[^\w.\- ]", "_", name)[:120].lstrip(".")


def _place(url: str) -> str:
    return url.partition("?")[0][:300]
