"""What is checked of every answer beside what schemathesis checks itself: what the description allows is read."""

import schemathesis
from schemathesis.generation import GenerationMode

UNREAD = ("request-refused", "request-unparsable")
"""The codes of what was not even read. Whatever else is refused was understood, and cannot be done as it stands."""


@schemathesis.check
def described_is_read(ctx, response, case):
    """Hold that a request which the description allows is not refused for its form."""
    meta = case.meta
    if meta is None or meta.generation.mode is not GenerationMode.POSITIVE or response.status_code < 400:
        return
    told = response.json() if b"{" in response.content else {}
    if told.get("code") in UNREAD:
        raise AssertionError(
            f"The description allows what is refused: {told.get('problems') or told['detail']}"
        )
