"""`@step_type`: makes a step type of a typed function. Its form is drawn from the settings' type, its docs from docstrings."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_type_hints

import msgspec

from auraos.core.catalogue import Behaviour, Chosen, Effect, Example, Fault, Schema, StepType
from auraos.core.failures import StepFailed
from auraos.core.values import Value


def step_type(  # noqa: PLR0913 (the traits of a step type, each by its name)
    name: str,
    *,
    title: str,
    effect: Effect | Callable[[Mapping[str, Any]], Effect],
    version: int = 1,
    ports: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ("out",),
    output: Schema | Callable[[Mapping[str, Any]], Schema] | None = None,
    examples: tuple[Example, ...] = (),
    place: Literal["thread", "process"] | None = None,
    check: Callable[[Mapping[str, Any]], Sequence[Fault]] | None = None,
    ports_by: Callable[[Any], tuple[str, ...]] | None = None,
) -> Callable[[Callable[..., Any]], StepType]:
    """Return a decorator that turns `def f(settings: Settings) -> Output` or `async def f(settings, context)` into a step type.

    A plain function is evaluated by the run machine itself and must be pure; an `async` one is executed by the runtime.
    With a `place` a plain function is executed too: `def f(settings, context)` in a thread, for what waits, or
    `def f(settings)` in a process that is killed when its time is up, for what reckons.
    The first sentence of the docstring is the summary, the rest the description; the schema of the output comes from
    the return annotation unless `output` says it. `check` looks at the settings as they are written, before anything runs.
    A function that chooses among the ports returns `Chosen`.
    """

    def decorate(function: Callable[..., Any]) -> StepType:
        hints = get_type_hints(function)
        settings_type = hints["settings"]
        convert = _converter(name, settings_type)
        summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        schema = settings_schema(settings_type)
        executes = place is not None or inspect.iscoroutinefunction(function)

        def evaluate(settings: dict[str, Any]) -> Any:
            return _to_value(function(convert(settings)))

        async def execute(settings: dict[str, Any], context: Any) -> Any:
            return _to_value(await function(convert(settings), context))

        async def execute_in_thread(settings: dict[str, Any], context: Any) -> Any:
            return _to_value(await context.wholly_in_thread(function, convert(settings)))

        async def execute_in_process(settings: dict[str, Any], context: Any) -> Any:
            return await context.in_process(function, settings)

        ways = {None: execute, "thread": execute_in_thread, "process": execute_in_process}

        return StepType(
            name=name,
            version=version,
            title=title,
            summary=" ".join(summary.split()),
            description=description,
            behaviour=Behaviour.EXECUTE if executes else Behaviour.EVALUATE,
            settings=schema,
            output=output if output is not None else _output_schema(hints.get("return")),
            effect=effect,
            ports=ports,
            deferred=_deferred_fields(schema),
            evaluate=None if executes and place != "process" else evaluate,
            execute=ways[place] if executes else None,
            examples=examples,
            check=check,
            ports_by=ports_by,
        )

    return decorate


def deferred(*names: str) -> Any:
    """Return the annotation of a settings field whose expressions the step itself calls, for each item or in its own time.

    `where: Annotated[Any, deferred("item", "index")]` is handed over as `where(item=…, index=…) -> value`.
    """
    return msgspec.Meta(extra_json_schema={"x-deferred": list(names)})


def names_secret(description: str = "", *, goes_to: str = "") -> Any:
    """Return the annotation of a settings field that names a secret: a step gets at the secrets that such fields name, and at no
    others, so that everybody sees in a workflow what it may use.

    `goes_to` is the field with the address that the secret is sent to, or `@local` where it is used in the step alone; then the
    checks know whether it may go there.
    """
    marks = {"type": "string", "x-kind": "secret", **({"x-goes-to": goes_to} if goes_to else {})}
    return msgspec.Meta(description=description or None, extra_json_schema=marks)


def settings_schema(settings_type: Any) -> Schema:
    """Return the JSON Schema of a settings type, references resolved at the top."""
    (schema,), components = msgspec.json.schema_components([settings_type], ref_template="#/$defs/{name}")
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    own = components.pop(reference.removeprefix("#/$defs/"))
    return {**own, **({"$defs": components} if components else {})}


def _converter(name: str, settings_type: Any) -> Callable[[dict[str, Any]], Any]:
    def convert(settings: dict[str, Any]) -> Any:
        try:
            return msgspec.convert(settings, settings_type, strict=True)
        except msgspec.ValidationError as error:
            raise StepFailed(
                f"The settings of {name} do not fit: {error}.", error_class="data", code="settings-refused"
            ) from None

    return convert


def _deferred_fields(schema: Schema) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(field["x-deferred"])
        for name, field in schema.get("properties", {}).items()
        if "x-deferred" in field
    }


def _to_value(output: Any) -> Value:
    is_struct = isinstance(output, msgspec.Struct) and not isinstance(output, Chosen)
    return msgspec.to_builtins(output, builtin_types=()) if is_struct else output


def _output_schema(annotation: Any) -> Schema:
    if annotation is None or annotation is Any:
        return {}
    try:
        return settings_schema(annotation)
    except TypeError:
        return {}
