"""What the check says of statements is what the sandbox does with them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from auraos.engine.sandbox import Sandbox
from auraos.sdk import StepFailed
from auraos.steps.python_subset import MODULES, find_faults

REFUSED = {
    "no syntax": "x = = 1",
    "an argument twice": "def f(a, a):\n    pass",
    "a name without a binding": "def f():\n    nonlocal zz",
    "break outside": "if 1:\n    break",
    "continue in the else of a loop": "for x in []:\n    pass\nelse:\n    continue",
    "break in a function in a loop": "for x in []:\n    def f():\n        break",
    "yield": "def f():\n    yield 1",
    "yield from": "def f():\n    yield from [1]",
    "yield in a lambda": "f = lambda: (yield)",
    "del": "x = 1\ndel x",
    "del of a part": "x = {1: 2}\ndel x[1]",
    "async for": "async def f():\n    async for x in y:\n        pass",
    "async with": "async def f():\n    async with x:\n        pass",
    "async comprehension": "async def f():\n    return [x async for x in y]",
    "except*": "def f():\n    try:\n        pass\n    except* ValueError:\n        pass",
    "a base": "class B(dict):\n    pass",
    "a metaclass": "class B(metaclass=type):\n    pass",
    "a decorated method": "class A:\n    @property\n    def m(self):\n        return 1",
    "a statement in a class": "class A:\n    for x in [1]:\n        pass",
    "two names in a class": "class A:\n    x = y = 1",
    "a class in a class": "class A:\n    class B:\n        pass",
    "a number in a class": "class A:\n    1",
    "a star": "from json import *",
    "a relative import": "from . import x",
    "a module that is not there": "import numpy",
    "a part of a module that is not there": "from collections.abc import Mapping",
}
TAKEN = {
    "nothing": "",
    "a return": "return 1",
    "a class": "class A:\n    'About it.'\n    x: int = 1\n    y: int\n    z = 2\n    def m(self):\n        return 1\nA().m()",
    "a decorated class": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nA(1).x",
    "a match": "match 1:\n    case int(x):\n        x\n    case _:\n        pass",
    "loops": "for x in [1]:\n    while True:\n        break\n    else:\n        continue",
    "a loop in a function": "def f():\n    for x in [1]:\n        if x:\n            break\nf()",
    "comprehensions": "[x for x in [1] if x]\n{x: 1 for x in [1]}\nsum(x for x in [1])",
    "functions": "def f(a, /, b=1, *c, d=2, **e):\n    return a\nf(1)",
    "global": "x = 1\ndef f():\n    global x\n    x = 2\nf()",
    "nonlocal": "def f():\n    y = 1\n    def g():\n        nonlocal y\n        y = 2\nf()",
    "an import that may fail": "try:\n    import numpy\nexcept ImportError:\n    pass",
    "a walrus": "if (n := 3) > 2:\n    n",
    "with": "def f(x):\n    with x as y:\n        pass",
    "unpacking": "a, *b = [1, 2]\n[*b, a]",
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


async def runs(sandbox: Sandbox, code: str) -> bool:
    try:
        await sandbox.run(code, {}, timeout=timedelta(seconds=5), memory=64 * 1024 * 1024)
    except StepFailed:
        return False
    return True


@pytest.mark.parametrize("code", REFUSED.values(), ids=list(REFUSED))
async def test_what_is_reported_does_not_run(sandbox: Sandbox, code: str) -> None:
    (fault, *_) = find_faults(code)
    assert fault.is_certain
    assert 1 <= fault.line <= code.count("\n") + 1
    assert not await runs(sandbox, code)


@pytest.mark.parametrize("code", TAKEN.values(), ids=list(TAKEN))
async def test_of_what_runs_nothing_is_said(sandbox: Sandbox, code: str) -> None:
    assert find_faults(code) == []
    assert await runs(sandbox, code)


async def test_every_module_that_is_said_to_be_there_is(sandbox: Sandbox) -> None:
    assert [name for name in sorted(MODULES) if not await runs(sandbox, f"import {name}")] == []


@pytest.mark.parametrize(
    "code", ["(" * 5000, "x" * 100_001, "\x00", "class A:", "if 1:\n\tx\n        y", "é = 'ä'; del é"]
)
def test_no_text_makes_it_raise(code: str) -> None:
    assert find_faults(code)[0].message


def test_the_place_counts_characters() -> None:
    (fault,) = find_faults("é = 'ää'; del é")
    assert (fault.line, fault.column, fault.width) == (1, 11, 5)
