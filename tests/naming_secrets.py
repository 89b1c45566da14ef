"""Workflows that name a secret, generated: by every step type that takes one, at every place of a workflow, in every spelling.

The step types are those that are installed, and the settings are those that their schemas mark: a new one is among the cases
without a word. `POSITIONS` are all the places of a workflow at which a step can stand.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from auraos.app.installed import load_installed
from auraos.core.catalogue import Schema, StepType

Made: TypeAlias = dict[str, Any]


class Taking(NamedTuple):
    """A setting of a step type that names a secret, with settings around it that can be carried out."""

    type: StepType
    path: tuple[str | int, ...]
    url: str
    """The setting with the address that it goes to; nothing where it goes nowhere."""

    def __str__(self) -> str:
        return f"{self.type.name}-{'.'.join(map(str, self.path))}"

    def step(self, secret: str, url: str = "https://stock.example/items", **more: Any) -> Made:
        """Return a step that names a secret."""
        settings = {**self._least(), **({self.url: url} if self.url else {}), **more}
        inner: Any = settings
        for part, below in zip(self.path, (*self.path[1:], None), strict=True):
            if below is None:
                inner[part] = secret
            else:
                inner = inner.setdefault(part, {})
        return {"type": self.type.name, "with": settings}

    def _least(self) -> Made:
        examples = [dict(example.settings) for example in self.type.examples]
        required = self.type.settings.get("required", ())
        whole = next((one for one in examples if set(required) <= one.keys() | {self.path[0]}), None)
        assert whole is not None, f"{self.type.name} has no example that a case can be made of"
        return {name: whole[name] for name in required if name in whole}


def taking() -> list[Taking]:
    """Return every setting of every step type that names a secret."""
    found = []
    for step_type in load_installed().catalogue.all():
        definitions = step_type.settings.get("$defs", {})
        found += [
            Taking(step_type, path, "" if goes_to.startswith("@") else goes_to)
            for path, goes_to in _marked(step_type.settings, definitions, ())
        ]
    return found


def _marked(
    schema: Any, definitions: Schema, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if not isinstance(schema, dict) or len(path) > 6:
        return
    schema = definitions.get(schema.get("$ref", "").removeprefix("#/$defs/"), schema)
    if schema.get("x-kind") == "secret":
        yield path, schema.get("x-goes-to", "")
        return
    for words in ("anyOf", "oneOf", "allOf"):
        for option in schema.get(words, ()):
            yield from _marked(option, definitions, path)
    for name, inner in schema.get("properties", {}).items():
        yield from _marked(inner, definitions, (*path, name))


RISKY = {"type": "fail", "with": {"message": "no", "code": "no-way"}}
DONE = {"type": "log", "with": {"message": "done"}}
NOTHING = {"type": "noop", "with": {"value": 1}}

POSITIONS: dict[str, Callable[[Made], Made]] = {
    "at the top": lambda step: {"steps": {"a": step}},
    "behind another": lambda step: {"steps": {"a": NOTHING, "b": step}, "links": ["a -> b"]},
    "in a loop": lambda step: {
        "steps": {"a": {"type": "foreach", "with": {"items": [1]}, "steps": {"b": step}}}
    },
    "in rounds": lambda step: {
        "steps": {
            "a": {"type": "while", "with": {"condition": "{{ false }}", "limit": 2}, "steps": {"b": step}}
        }
    },
    "in a try": lambda step: {"steps": {"a": {"type": "try", "steps": {"b": step}}}},
    "in a catch": lambda step: {
        "steps": {"a": {"type": "try", "steps": {"b": RISKY}, "catch": {"steps": {"c": step}}}}
    },
    "in a finally": lambda step: {
        "steps": {"a": {"type": "try", "steps": {"b": NOTHING}, "finally": {"steps": {"c": step}}}}
    },
    "in a race": lambda step: {"steps": {"a": {"type": "race", "branches": {"one": {"steps": {"b": step}}}}}},
    "as an undo": lambda step: {"steps": {"a": {**DONE, "undo": step}, "b": RISKY}, "links": ["a -> b"]},
    "deep within": lambda step: {
        "steps": {
            "a": {
                "type": "try",
                "steps": {"b": {"type": "foreach", "with": {"items": [1]}, "steps": {"c": step}}},
            }
        }
    },
}
"""Of all of these a run comes by."""
VERIFYING = {
    "to verify another": lambda step: {
        "steps": {
            "a": {
                "type": "http.request", "with": {"method": "POST", "url": "https://stock.example/"},
                "uncertain": "verify", "verify": {**step, "done": "{{ true }}"},
            }
        }
    },
}  # fmt: skip


def text_of(name: str, spec: Made, **more: Any) -> str:
    """Return the text of a workflow; JSON is YAML, too."""
    return json.dumps({"kind": "workflow", "name": name, **more, "spec": spec})


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "by an escape": lambda text: text.replace('"stock"', '"\\x73toc\\u006b"'),
    "with a tag": lambda text: text.replace('"stock"', "!!str stock"),
    "in single quotes": lambda text: text.replace('"stock"', "'stock'"),
    "by an alias": lambda text: text.replace('"spec": {', '"spec": {"variables": {"s": &s stock}, ').replace(
        '"stock"', "*s "
    ),
    "of a pinned type": lambda text: text.replace('"type": "http.request"', '"type": "http.request@1"'),
    "behind a mark of order": lambda text: "\ufeff" + text,
    "beside what is wrong": lambda text: text.replace('"spec": {', '"spec": {"nonsense": 7, "links": 7, '),
    "beside a step that cannot be read": lambda text: text.replace(
        '"steps": {', '"steps": {"Bad Name": 7, ', 1
    ),
    "twice": lambda text: text.replace('"secret": "stock"', '"secret": "stock", "secret": "mine"'),
}
"""Ways to write the name so that somebody could read over it."""
FROM_DATA = ("{{ input.name }}", "{{ vars.name }}", 'sto{{ "ck" }}', "{{ 'stock' }}")
"""Expressions that are the name at last. `input` and the variables say it."""
