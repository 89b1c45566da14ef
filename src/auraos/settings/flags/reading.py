"""Reads a flag out of a document: every field, all problems at once. Input of any shape gives problems, never an error."""

from datetime import date
from typing import Any, Final

from auraos.core.document import Document, Node
from auraos.core.expressions import Expression, LocatedError, compile_expression, find_expressions
from auraos.core.graph.fields import Fields
from auraos.core.graph.findings import Findings, did_you_mean
from auraos.core.problems import Path, Problem, Severity
from auraos.settings.flags.model import KEY, Flag, FlagType, Guard, Rule, Serve
from auraos.settings.flags.names import VERSION_OF, version_of, workflow_of

FIELDS: Final = ("type", "variants", "default", "off", "rules", "unit", "seed", "expires", "guard")
GUARD_FIELDS: Final = ("runs", "failures", "margin")
RULE_FIELDS: Final = ("name", "when", "variant", "split")
TYPES: Final[tuple[FlagType, ...]] = ("boolean", "string", "number", "object")
SWITCH: Final = {"on": True, "off": False}
"""The variants of a boolean flag that names none."""
MOST_VARIANTS: Final = 50
MOST_RULES: Final = 100
MOST_GUARDED: Final = 1000
"""So many runs a guard looks at."""
_OF_TYPE: Final[dict[FlagType, type | tuple[type, ...]]] = {
    "boolean": bool, "string": str, "number": (int, float), "object": dict,
}  # fmt: skip


def read_flag(document: Document) -> tuple[Flag | None, list[Problem]]:
    """Return the flag of a document, None where it has errors, and all that is wrong with it."""
    findings = Findings(document.tree, document.text)
    node = document.tree.child("spec")
    if node is None or node.kind != "mapping":
        return None, findings.problems
    flag = _Reader(document.name, node, findings).read()
    failed = any(problem.severity is Severity.ERROR for problem in findings.problems)
    return (None if failed else flag), findings.problems


class _Reader:
    """One reading of one flag."""

    def __init__(self, name: str, node: Node, findings: Findings) -> None:
        self.name = name
        self.findings = findings
        self.fields = Fields(node, ("spec",), findings)
        self.variants: dict[str, Any] = {}

    def read(self) -> Flag:
        fields = self.fields
        fields.refuse_unknown(FIELDS, "A flag")
        fields.require("type", "A flag", "It is boolean, string, number or object.")
        type_: FlagType = fields.choice("type", TYPES, "boolean")
        self.variants = self._variants(type_)
        if workflow_of(self.name):
            self._refuse_no_versions(type_)
        fields.require("default", "A flag", "It names a variant, or splits a hundred among some.")
        return Flag(
            name=self.name,
            type=type_,
            variants=self.variants,
            default=self._serve(fields.value("default"), ("spec", "default")),
            off=self._off(),
            rules=self._rules(),
            unit=fields.text("unit") or KEY,
            seed=fields.text("seed"),
            expires=self._expires(),
            guard=self._guard(),
        )

    def _variants(self, type_: FlagType) -> dict[str, Any]:
        fields = self.fields
        if "variants" not in fields and type_ == "boolean":
            return dict(SWITCH)
        if not fields.require("variants", "A flag", "As in `variants: {small: 10, large: 100}`."):
            return {}
        given = fields.mapping("variants")
        if not 1 <= len(given) <= MOST_VARIANTS:
            self._add("flag-variant", ("variants",), f"A flag has 1 to {MOST_VARIANTS} variants.")
        for name, value in given.items():
            is_right = isinstance(value, _OF_TYPE[type_]) and isinstance(value, bool) == (type_ == "boolean")
            if not is_right:
                self._add(
                    "flag-value",
                    ("variants", name),
                    f"The variant {name!r} of a flag of type {type_} has another type.",
                )
        return given

    def _refuse_no_versions(self, type_: FlagType) -> None:
        if type_ != "number":
            message = (
                f"The flag gives versions of the workflow {workflow_of(self.name)!r}: it is of type number."
            )
            self._add("flag-release", ("type",), message)
            return
        for name, value in self.variants.items():
            if version_of(value) is None:
                message = f"The variant {name!r} is no version of the workflow {workflow_of(self.name)!r}."
                self._add(
                    "flag-release", ("variants", name), message, hint="Write its number, as in `new: 8`."
                )

    def _guard(self) -> Guard | None:
        if "guard" not in self.fields:
            return None
        fields = self.fields.fields("guard")
        if fields is None:
            return None
        if not workflow_of(self.name):
            message = "Only a flag that gives versions of a workflow has a guard."
            self._add(
                "flag-release",
                ("guard",),
                message,
                hint=f"Its name begins with {VERSION_OF}, the workflow follows.",
            )
        fields.refuse_unknown(GUARD_FIELDS, "A guard")
        fields.require("failures", "A guard", "How many of a hundred may fail, as in `failures: 10`.")
        return Guard(
            runs=fields.whole("runs", 50, 1, MOST_GUARDED),
            failures=fields.number("failures", 0, 0, 100),
            margin=fields.number("margin", 5, 0, 100),
        )

    def _off(self) -> str:
        name = self.fields.value("off")
        if name is None and "off" not in self.fields:
            found = next((each for each, value in self.variants.items() if value is False), "")
            if not found:
                self._add(
                    "missing-field",
                    (),
                    "A flag needs a field 'off': the variant that is given while it is switched off.",
                )
            return found
        return self._variant(name, ("off",))

    def _rules(self) -> tuple[Rule, ...]:
        items = self.fields.items("rules")
        if len(items) > MOST_RULES:
            self._add("flag-rule", ("rules",), f"A flag has at most {MOST_RULES} rules.")
            return ()
        return tuple(self._rule(node, place) for place, node in enumerate(items))

    def _rule(self, node: Node, place: int) -> Rule:
        path: Path = ("spec", "rules", place)
        if node.kind != "mapping":
            self.findings.add("flag-rule", path, "A rule says `when` it fits, and which `variant` it gives.")
            return Rule(name="", when="", serve=Serve())
        fields = Fields(node, path, self.findings)
        fields.refuse_unknown(RULE_FIELDS, "A rule")
        fields.require("when", "A rule", "As in `when: \"{{ context.country == 'DE' }}\"`.")
        when = fields.text("when")
        if when:
            self._condition(when, (*path, "when"))
        if ("variant" in fields) == ("split" in fields):
            self.findings.add("flag-rule", path, "A rule gives one `variant`, or a `split`.")
        given = fields.value("split") if "split" in fields else fields.value("variant")
        serve = self._serve(given, (*path, "split" if "split" in fields else "variant"))
        return Rule(name=fields.text("name") or f"rule {place + 1}", when=when, serve=serve)

    def _serve(self, given: Any, path: Path) -> Serve:
        if not isinstance(given, dict):
            return Serve(variant=self._variant(given, path[1:]))
        shares: list[tuple[str, float]] = []
        for name, share in given.items():
            self._variant(name, (*path[1:], name))
            is_share = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 100
            if not is_share:
                self._add("flag-split", (*path[1:], name), "A share is a number from 0 to 100.")
            shares.append((name, float(share) if is_share else 0.0))
        if abs(sum(share for _, share in shares) - 100) > 1e-6:
            self._add("flag-split", path[1:], "The shares of a split come to 100.")
        return Serve(split=tuple(shares))

    def _variant(self, name: Any, path: Path) -> str:
        name = {True: "on", False: "off"}.get(name, name) if isinstance(name, bool) else name
        if not isinstance(name, str) or name not in self.variants:
            if name is not None and self.variants:
                self._add(
                    "flag-variant",
                    path,
                    f"There is no variant {str(name)[:60]!r}.",
                    hint=did_you_mean(str(name), self.variants),
                )
            return ""
        return name

    def _condition(self, when: str, path: Path) -> None:
        try:
            expressions = _expressions(when)
        except LocatedError as error:
            self.findings.add("flag-rule", path, str(error))
            return
        if not expressions:
            self.findings.add("flag-rule", path, "The condition has no expression in it.")
        for expression in expressions:
            unknown = sorted({read[0] for read in expression.reads if read and read[0] != "context"})
            if unknown:
                self.findings.add(
                    "flag-rule",
                    path,
                    f"A rule knows no {unknown[0]!r}.",
                    hint="It reads `context`, as in context.country.",
                )

    def _expires(self) -> str:
        given = self.fields.value("expires")
        if given is None:
            return ""
        try:
            return date.fromisoformat(str(given)[:10]).isoformat()
        except ValueError:
            self.fields.wrong_type("expires", "a day, as in 2027-03-01,", given)
            return ""

    def _add(self, code: str, path: Path, message: str, hint: str = "") -> None:
        self.findings.add(code, ("spec", *path), message, hint=hint)


def _expressions(when: str) -> list[Expression]:
    if "{{" not in when:
        return [compile_expression(when)]
    found, errors = find_expressions(when)
    if errors:
        raise errors[0].error
    return [placed.expression for placed in found]
