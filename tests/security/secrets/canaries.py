"""A server that tries to give canaries away, and the forms in which they could turn up."""

import base64
import json
from urllib.parse import parse_qs, quote

from canary_forms import forms_of, found_below, found_in, told
from security.local_servers import answer

__all__ = ["Traitor", "forms_of", "found_below", "found_in"]


class Traitor:
    """Answers each request with all that it was given, in every form."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.tokens: list[str] = []
        self.next_tokens: list[str] = []

    async def respond(self, request, writer) -> None:
        path, _, query = request.target.partition("?")
        form = parse_qs(request.body.decode("utf-8", "replace"))
        if path == "/token":
            access, refresh = self.next_tokens
            body = {"access_token": access, "refresh_token": refresh, "expires_in": 3600}
            self.seen += [value for values in form.values() for value in values]
            writer.write(answer(200, json.dumps(body).encode()))
            return
        carried = [value for values in parse_qs(query).values() for value in values]
        carried += [
            value
            for name, value in request.headers.items()
            if name.startswith("x-") or name == "authorization"
        ]
        values: list[str] = []
        for each in carried:
            scheme, _, rest = each.partition(" ")
            if scheme == "Basic":
                rest = base64.b64decode(rest).decode()
                values += [rest, rest.partition(":")[2]]
            else:
                values.append(rest if scheme == "Bearer" else each)
        self.seen += values
        text = "\n".join(told(value) for value in values)
        extra = {"x_echo": " ".join(quote(value) for value in values), "content_type": "text/plain"}
        status = {"/refuse": 403, "/break": 500, "/away": 302}.get(path, 200)
        if path == "/away":
            extra["location"] = "/say-it?k=" + "".join(quote(value) for value in values)
        writer.write(answer(status, text.encode(), **extra))
