"""The nouns of the API, with what can be asked of each, as its description tells."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Schema = dict[str, Any]


class Operation(NamedTuple):
    """One thing that can be asked for."""

    method: str
    path: str
    said: Schema
    """As the description has it."""

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.said["operationId"])

    @property
    def title(self) -> str:
        """Return what it does, in a sentence."""
        return str(self.said["summary"]).rstrip(".") + "."

    @property
    def body(self) -> Schema | None:
        """Return the schema of what is sent."""
        body = self.said.get("requestBody")
        return body["content"]["application/json"]["schema"] if body else None

    @property
    def good(self) -> tuple[str, Schema | None]:
        """Return the kind and the schema of what is answered where all is well; no kind where nothing is."""
        status = next(each for each in self.said["responses"] if each.startswith(("2", "3")))
        content = self.said["responses"][status].get("content", {})
        for kind, told in content.items():
            return kind, told.get("schema")
        return "", None

    @property
    def is_for_browsers(self) -> bool:
        """Return whether it only sends a browser elsewhere."""
        return "303" in self.said["responses"]

    def parameters(self, place: str) -> list[Schema]:
        """Return the parameters of a path, a query or of the headers."""
        return [each for each in self.said["parameters"] if each.get("in") == place]

    @property
    def is_of_workspace(self) -> bool:
        """Return whether it asks about a workspace."""
        return any("Workspace" in each.get("$ref", "") for each in self.said["parameters"])


class Noun(NamedTuple):
    """A noun and what can be asked of it."""

    name: str
    operations: list[Operation]

    @property
    def title(self) -> str:
        """Return the name of its class."""
        return "".join(word.capitalize() for word in self.name.split("_")) + "Calls"

    @property
    def words(self) -> str:
        """Return its name in words."""
        return self.name.replace("_", " ")


def nouns_of(described: Schema) -> list[Noun]:
    """Return the nouns of a description that programs can ask about, by name."""
    found: dict[str, list[Operation]] = {}
    for operation in _operations(described):
        if not operation.is_for_browsers:
            (noun,) = operation.said["tags"]
            found.setdefault(noun, []).append(operation)
    return [Noun(name, found[name]) for name in sorted(found)]


def _operations(described: Schema) -> Iterator[Operation]:
    for path, methods in described["paths"].items():
        for method, said in methods.items():
            yield Operation(method.upper(), path, said)
