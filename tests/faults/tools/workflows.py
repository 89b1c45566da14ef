"""Workflows of tests, written as data, and the effects that they have on the witness."""

import json
from collections.abc import Sequence
from typing import Any

from auraos.app.definitions.versions import make_version
from auraos.app.installed import load_installed
from auraos.engine.ports import Version

MANY = {"attempts": 40, "first": "20ms", "factor": 1.2, "max": "200ms"}


def version_of(
    name: str, steps: dict[str, Any], links: Sequence[str] = (), *, output: str = "", settings: dict[str, Any] | None = None
) -> Version:
    """Return the version of a workflow with these steps."""
    spec: dict[str, Any] = {"steps": steps, "links": list(links)}
    if output:
        spec["output"] = output
    if settings:
        spec["settings"] = settings
    return make_version(json.dumps({"kind": "workflow", "name": name, "spec": spec}), load_installed().catalogue)


def put(place: str, name: str, **more: Any) -> dict[str, Any]:
    """Return a step that may be repeated."""
    given = {"method": "PUT", "url": f"http://{place}/{name}", "json": {"run": "{{ run.id }}"}}
    return {"type": "http.request", "with": given, "retry": MANY, **more}


def post(place: str, name: str, **more: Any) -> dict[str, Any]:
    """Return a step that may not be repeated; whether it was done can be asked."""
    given = {"method": "POST", "url": f"http://{place}/{name}", "json": {"run": "{{ run.id }}"}}
    asks = {"type": "http.request", "with": {"url": f"http://{place}/-/seen/{name}"}, "done": "{{ output.json.times > 0 }}"}
    return {"type": "http.request", "with": given, "verify": asks, "retry": MANY, **more}


def chain(*names: str) -> list[str]:
    """Return the links of steps that follow each other."""
    return [f"{one} -> {other}" for one, other in zip(names, names[1:], strict=False)]
