"""From `test` to `production` and back, as somebody does it from the command line (N09, X16)."""

import pytest

from owned_server import owned_server

ORDER = """kind: workflow
name: order
spec:
  variables: {url: "http://127.0.0.1:1/dev", currency: EUR}
  steps:
    ask: {type: http.request, with: {url: "http://127.0.0.1:1/x", secret: stock}}
    say: {type: transform, with: {set: {where: "{{ vars.url }}"}}}
  links: [ask -> say]
"""


@pytest.fixture
def server(auraos):
    with owned_server(auraos) as opened:
        for name in ("test", "production"):
            opened.ask("POST", "/workspaces", {"name": name, "title": ""})
        auraos.environment |= {"AURAOS_SERVER": opened.url, "AURAOS_KEY": opened.key}
        yield opened


def within(server, workspace, method, path, body=None, **headers):
    return server.ask(method, path, body, X_AuraOS_Workspace=workspace, **headers)


def keep_secret(server, workspace, name):
    value = {"credential": {"kind": "bearer", "token": f"canary-{workspace}-{name}"}, "hosts": ["127.0.0.1"]}
    within(server, workspace, "POST", "/secrets", {"name": name, "value": value})


def test_a_version_is_promoted_with_what_is_bound_and_rolled_back(auraos, server):
    keep_secret(server, "default", "stock")
    keep_secret(server, "test", "stock-test")
    made = server.ask("POST", "/definitions", {"text": ORDER})
    server.publish("workflow", "order", made["revision"])

    def test(*words):
        return auraos(*words, "--workspace", "test")

    def production(*words):
        return auraos(*words, "--workspace", "production")

    promote = ("definitions", "promote", "order", "--from")
    refused = test(*promote, "default", "--dry-run")
    assert (refused.code, "There is no secret 'stock'" in refused.err) == (2, True), refused.err
    assert "order.yaml:6" in refused.err
    assert test("bindings", "set", "secret", "stock", "stock-test").code == 0
    assert test("bindings", "set", "variable", "url", "http://127.0.0.1:1/test").code == 0
    would = test(*promote, "default", "--dry-run")
    assert "workflow/order would be version 1 here, from version 1" in would.out
    assert "the secret `stock` is `stock-test` here" in would.out
    assert test(*promote, "default").code == 0

    refused = production(*promote, "test")
    assert refused.code == 2
    assert "The variable 'url' is bound where it comes from, and not here" in refused.err
    assert "There is no secret" not in refused.err or "stock'" in refused.err
    assert production("bindings", "set", "variable", "url", '"http://127.0.0.1:1/live"').code == 0
    refused = production(*promote, "test")
    assert "There is no secret 'stock'" in refused.err
    keep_secret(server, "production", "stock")
    done = production(*promote, "test", "--note", "for Monday")
    assert done.code == 0, done.err
    text = within(server, "production", "GET", "/definitions/workflow/order")["text"]
    assert "secret: stock}" in text
    assert "http://127.0.0.1:1/live" in text
    assert "is the same already" in production(*promote, "test").out

    rolled_back(auraos, server, promote)


def rolled_back(auraos, server, promote):
    """Promote a newer version, and go back."""

    def test(*words):
        return auraos(*words, "--workspace", "test")

    def production(*words):
        return auraos(*words, "--workspace", "production")

    row = server.ask("GET", "/definitions/workflow/order")
    path = "/definitions/workflow/order"
    newer = ORDER.replace("EUR", "USD")
    saved = server.ask("PUT", f"{path}/draft", {"text": newer}, If_Match=f'"{row["revision"]}"')
    server.publish("workflow", "order", saved["revision"])
    assert test(*promote, "default").code == 0
    assert production(*promote, "test").code == 0
    assert "USD" in within(server, "production", "GET", path)["text"]
    back = production("definitions", "roll-back", "order")
    assert back.out == "order is live as version 3. Rolled back to version 1.\n"
    assert "EUR" in within(server, "production", "GET", path)["text"]
    assert production("definitions", "roll-back", "order@2").out.startswith("order is live as version 4.")
    assert "variable  url" in production("bindings", "list").out
    assert production("bindings", "clear", "variable", "url").code == 0
    assert production(*promote, "test", "--as-written", "url").code == 0
    assert "http://127.0.0.1:1/test" in within(server, "production", "GET", path)["text"]
