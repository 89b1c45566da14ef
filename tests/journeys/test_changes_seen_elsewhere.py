"""Two processes on one database: who changes something through one of them sees it there at once, and through the other within
the seconds that are promised.
"""

import time

from served_house import ServedHouse

FLAG = "kind: flag\nname: fast\nspec:\n  type: boolean\n  default: {variant}\n"
GREET = "kind: workflow\nname: greet\nspec:\n  steps: {{a: {{type: noop}}}}\n  output: {number}\n"
BODY = "/api/v1/settings/requests.largest-body"
BELIEVED = 6.0
"""What a process knows of people, keys and grants, it believes for five seconds; of settings and flags for less."""


def draft(house, kind, name, text):
    path = f"/api/v1/definitions/{kind}/{name}"
    before = house.ask("GET", path)["revision"]
    row = house.ask("PUT", f"{path}/draft", {"text": text}, If_Match=f'"{before}"')
    house.ask("POST", f"{path}/publish", {}, If_Match=f'"{row["revision"]}"')


def told(house, key):
    """Return what a process tells of all that is changed here."""
    status = house.send("GET", "/api/v1/me", Authorization=f"Bearer {key}")[0]
    flag = house.ask("POST", "/ofrep/v1/evaluate/flags/fast", {"context": {}})["value"]
    run = house.start("greet", wait=10)["output"]
    roles = sorted(
        role["name"] for role in house.ask("GET", "/api/v1/access/roles") if role["name"] == "clerk"
    )
    return {"key": status, "flag": flag, "run": run, "body": house.ask("GET", BODY)["value"], "roles": roles}


def test_what_is_changed_through_one_process_is_seen_at_once_there_and_soon_everywhere(auraos, postgres_url):
    one = ServedHouse(auraos, "--database", postgres_url)
    other = one.another(auraos, "--database", postgres_url)
    one.ask("POST", "/api/v1/definitions", {"text": FLAG.format(variant="on")}, status=201)
    draft(one, "flag", "fast", FLAG.format(variant="off"))
    one.publish(GREET.format(number=1))
    made = one.ask("POST", "/api/v1/me/keys", {"title": "shown twice"}, status=201)
    before = {"key": 200, "flag": False, "run": 1, "roles": []}
    size = one.ask("GET", BODY)["value"]
    for house in (one, other):
        assert told(house, made["token"]) == {**before, "body": size}
    draft(one, "flag", "fast", FLAG.format(variant="on"))
    one.publish(GREET.format(number=2))
    one.ask("DELETE", f"/api/v1/me/keys/{made['key']['id']}", status=204)
    one.ask("PUT", BODY, {"value": 4000}, If_Match='"1"')
    one.ask("PUT", "/api/v1/access/roles/clerk", {"actions": ["runs.read"]}, status=(200, 204))
    changed = time.monotonic()
    after = {"key": 401, "flag": True, "run": 2, "roles": ["clerk"], "body": 4000}
    assert told(one, made["token"]) == after
    while (seen := told(other, made["token"])) != after:
        assert time.monotonic() - changed < BELIEVED, seen
        time.sleep(0.2)
    one.end()
    other.end()
