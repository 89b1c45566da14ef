"""Routes: what each takes, what it answers, and what somebody must be allowed to for it.

A route is declared once, by the function that carries it out and its types; that is what it is matched, read, guarded,
documented and tested by. A route that says nothing of what it takes to be allowed cannot be declared.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_type_hints

import msgspec

from auraos.api.protocol.deprecation import Deprecated
from auraos.core.errors import AuraError, UnexpectedError
from auraos.security.access.authorize import Thing

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler: TypeAlias = Callable[..., Awaitable[Any]]
OPEN = "open"
"""What is allowed to anybody, known or not: the way in."""
ALWAYS = "always"
"""What is answered from the first moment of a process to its last, to anybody, without a look at who asks."""
SELF = "self"
"""What is allowed to whoever is known: what concerns nobody but themselves."""
_PARAMETER = re.compile(r"\{([a-z_]+)\}")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a path or query: how its text is read, and whether it may come more than once."""

    read: Callable[[str], Any]
    is_list: bool


class About(msgspec.Struct, frozen=True):
    """How the one thing that a route is about is known, for those who may do something to some things only."""

    find: Callable[[Any, Any], Awaitable[Thing | None]]
    """From the request and its parameters; None where it is not there."""
    missing: Callable[[Any, Any], AuraError]
    """What is told of one that is not there, or that whoever asks may not know of."""


class Guard(TypedDict, total=False):
    """What else there is to say of who may come through a route."""

    about: About
    narrows: bool
    """The handler itself leaves out, or refuses, what is not in `ask.scope`: a list, or what makes something."""
    everywhere: bool
    """It concerns the whole installation: what was granted in one workspace is worth nothing."""
    fresh: bool
    """It takes a person who proved only just now who they are."""
    deprecated: Deprecated
    """Nobody is to begin with it any more, and each of its answers says so."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be done over HTTP."""

    method: Method
    path: str
    """As in `/definitions/{kind}/{name}`; each part in braces is a field of `at`."""
    may: str
    """What the caller must be allowed to do, as in `definitions.publish`."""
    title: str
    handler: Handler
    at: type[Any] | None = None
    """What the path and the query say: a struct whose fields are the parameters."""
    body: type[Any] | None = None
    answer: Any = None
    status: int = 200
    tells: tuple[str, ...] = ()
    """The codes of the problems that it may answer with, beside those that every route may."""
    over: bool = False
    """Whether it changes something over the revision that the caller read, which `If-Match` names."""
    keyed: bool = False
    """Whether it takes an `Idempotency-Key`, under which it is done once; it answers 200 where it was done before."""
    also: tuple[int, ...] = ()
    """Other statuses of an answer of the same shape, as where it was done at once."""
    gives: str = ""
    """The kind of what it answers, where that is no JSON, or not always, as in `application/zip`."""
    about: About | None = None
    narrows: bool = False
    everywhere: bool = False
    fresh: bool = False
    deprecated: Deprecated | None = None
    parameters: dict[str, "Parameter"] = {}
    """What `at` is made of, by name."""

    @property
    def name(self) -> str:
        """Return the name of the function that carries it out."""
        return self.handler.__name__

    @property
    def noun(self) -> str:
        """Return the noun that it belongs to: the module of its function."""
        return self.handler.__module__.rpartition(".")[2]

    @property
    def is_safe(self) -> bool:
        """Return whether it only reads."""
        return self.method == "GET"

    @property
    def in_path(self) -> tuple[str, ...]:
        """Return the names of the parameters that are part of the path."""
        return tuple(_PARAMETER.findall(self.path))


class Routes:
    """The routes of one noun, declared one by one."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def get(
        self,
        path: str,
        *,
        may: str,
        status: int = 200,
        tells: tuple[str, ...] = (),
        gives: str = "",
        **guard: Unpack[Guard],
    ) -> Callable[[Handler], Handler]:
        """Declare what only reads."""
        return self._declare(
            method="GET", path=path, may=may, status=status, tells=tells, gives=gives, **guard
        )

    def post(
        self,
        path: str,
        *,
        may: str,
        status: int = 200,
        tells: tuple[str, ...] = (),
        over: bool = False,
        keyed: bool = False,
        also: tuple[int, ...] = (),
        **guard: Unpack[Guard],
    ) -> Callable[[Handler], Handler]:
        """Declare what makes something, or does something."""
        return self._declare(
            method="POST",
            path=path,
            may=may,
            status=status,
            tells=tells,
            over=over,
            keyed=keyed,
            also=also,
            **guard,
        )

    def put(
        self, path: str, *, may: str, tells: tuple[str, ...] = (), over: bool = False, **guard: Unpack[Guard]
    ) -> Callable[[Handler], Handler]:
        """Declare what takes the place of something."""
        return self._declare(method="PUT", path=path, may=may, tells=tells, over=over, **guard)

    def delete(
        self, path: str, *, may: str, tells: tuple[str, ...] = (), **guard: Unpack[Guard]
    ) -> Callable[[Handler], Handler]:
        """Declare what takes something away."""
        return self._declare(method="DELETE", path=path, may=may, status=204, tells=tells, **guard)

    def _declare(self, **declared: Any) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            self._routes.append(_route(handler, **declared))
            return handler

        return declare


class Found(msgspec.Struct, frozen=True):
    """A route, and what the path says."""

    route: Route
    given: dict[str, str]


class Map:
    """All routes by their paths. A path is matched part by part, as it was decoded once, and never written anew."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._open: dict[tuple[int, str], list[tuple[tuple[str, ...], dict[str, Route]]]] = {}
        """Those with parameters, by their number of parts and their noun; without a noun, those whose noun is a parameter."""
        self.routes = list(routes)
        for route in self.routes:
            self._add(route)

    def find(self, method: str, path: str) -> Found | None:
        """Return the route of a path, None where there is none."""
        methods, given = self._methods(path)
        route = methods.get(method)
        return Found(route, given) if route is not None else None

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path knows."""
        return sorted(self._methods(path)[0])

    def _methods(self, path: str) -> tuple[Mapping[str, Route], dict[str, str]]:
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        parts = path.split("/")
        for noun in (_noun_of(parts), ""):
            for pattern, methods in self._open.get((len(parts), noun), ()):
                given = _match(pattern, parts)
                if given is not None:
                    return methods, given
        return {}, {}

    def _add(self, route: Route) -> None:
        if route.in_path:
            pattern = tuple(route.path.split("/"))
            noun = _noun_of(pattern)
            same = self._open.setdefault((len(pattern), "" if noun.startswith("{") else noun), [])
            methods = next((methods for known, methods in same if known == pattern), None)
            if methods is None:
                methods = {}
                same.append((pattern, methods))
                same.sort(key=lambda each: [part.startswith("{") for part in each[0]])
        else:
            methods = self._fixed.setdefault(route.path, {})
        if route.method in methods:
            raise UnexpectedError(f"Two routes are declared for {route.method} {route.path}.")
        methods[route.method] = route


def _noun_of(parts: Sequence[str]) -> str:
    """Return the noun of a path as `/api/v1/runs/7`."""
    return parts[3] if len(parts) > 3 else ""


def _match(pattern: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    given: dict[str, str] = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            if not part:
                return None
            given[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return given


def _route(handler: Handler, **declared: Any) -> Route:
    if not declared["may"]:
        raise UnexpectedError(f"{handler.__name__} does not say what somebody must be allowed to for it.")
    hints = get_type_hints(handler)
    title = (inspect.getdoc(handler) or "").partition("\n")[0].rstrip(".")
    route = Route(
        handler=handler,
        title=title,
        at=hints.get("at"),
        body=hints.get("body"),
        answer=hints.get("return"),
        **declared,
    )
    route = msgspec.structs.replace(route, parameters=_parameters_of(route.at))
    if not route.parameters.keys() >= set(route.in_path):
        raise UnexpectedError(f"{handler.__name__} does not take all that stands in {route.path}.")
    return route


def _parameters_of(at: type[Any] | None) -> dict[str, Parameter]:
    if at is None:
        return {}
    info: Any = msgspec.inspect.type_info(at)
    return {field.encode_name: _parameter(field.type) for field in info.fields}


def _parameter(kind: Any) -> Parameter:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _parameter(kind.type)
    if isinstance(kind, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return Parameter(_parameter(kind.item_type).read, is_list=True)
    if isinstance(kind, msgspec.inspect.UnionType):
        (inner,) = (each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType))
        return _parameter(inner)
    if isinstance(kind, msgspec.inspect.IntType):
        return Parameter(_whole, is_list=False)
    if isinstance(kind, msgspec.inspect.FloatType):
        return Parameter(_number, is_list=False)
    if isinstance(kind, msgspec.inspect.BoolType):
        return Parameter(_yes_or_no, is_list=False)
    if isinstance(kind, msgspec.inspect.StrType | msgspec.inspect.LiteralType):
        return Parameter(str, is_list=False)
    raise UnexpectedError(f"A parameter cannot be of type {kind}.")


def _whole(text: str) -> int | str:
    """Return a whole number, written in the one way in which it is; anything else as it is, to be refused for its type."""
    return int(text) if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text, re.ASCII) else text


def _number(text: str) -> float | str:
    return float(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text, re.ASCII) else text


def _yes_or_no(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)
