"""The sandbox: what code may do, what stops it, and that nothing of it is left (S16, S17, R27, R28, R29)."""

import asyncio
import os
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from auraos.core.values import FileReference
from auraos.engine.sandbox import Sandbox
from auraos.sdk import StepFailed

MEGABYTE = 1024 * 1024
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def sandbox():
    async with Sandbox() as made:
        yield made


async def run(sandbox, code, inputs=None, *, seconds=5.0, memory=64, **options):
    span = timedelta(seconds=seconds)
    return await sandbox.run(code, inputs or {}, timeout=span, memory=memory * MEGABYTE, **options)


async def value(sandbox, code, inputs=None, **options):
    return (await run(sandbox, code, inputs, **options)).output


async def failure(sandbox, code, inputs=None, **options) -> StepFailed:
    with pytest.raises(StepFailed) as failed:
        await run(sandbox, code, inputs, **options)
    return failed.value


def workers() -> list[int]:
    """Return the worker processes of this process that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parts = (folder / "stat").read_text().rpartition(")")[2].split()
            name = (folder / "comm").read_text().strip()
        except OSError:
            continue
        if parts[1] == str(os.getpid()) and parts[0] != "Z" and name.startswith("monty"):
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("1 + 1", 2),
        ("x = 1", None),
        ("", None),
        ("# nothing", None),
        ("return 5", 5),
        ("return", None),
        ("if True:\n    return 1, 2\n3", [1, 2]),
        ("for n in range(9):\n    if n == 3: return n  # found\n0", 3),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    return 'caught'\n", "caught"),
        ("def f(n):\n    return n * 2\nf(4)", 8),
        ("(1 +\n 2)", 3),
        ("'ä'; 'ü' + 'ö'", "üö"),
        ("x = 1\r\nx + 1\r\n", 2),
        ("async def f():\n    return 3\nawait f()", 3),
        ("{'a': [1, 2.5, None, True, 'ä\\x00']}", {"a": [1, 2.5, None, True, "ä\x00"]}),
        ("(1, (2, 3))", [1, [2, 3]]),
        ("{3, 1, 2}", [1, 2, 3]),
        ("import re, json, math\nre.sub('a+', 'b', json.loads('\"caat\"')) + str(math.floor(1.5))", "cbt1"),
    ],
)
async def test_the_last_expression_or_return_is_the_output(sandbox, code, output):
    assert await value(sandbox, code) == output


async def test_values_of_the_language_go_in_and_come_out(sandbox):
    values = {
        "d": Decimal("0.10"),
        "t": datetime(2026, 1, 2, 3, tzinfo=ZoneInfo("Europe/Berlin")),
        "day": date(2026, 1, 2),
        "span": timedelta(minutes=5),
        "nested": {"$decimal": "x", "list": [1, None]},
    }
    assert await value(sandbox, "[d + 1, t, day, span, nested]", values) == [
        Decimal("1.10"),
        *list(values.values())[1:],
    ]


async def test_a_file_is_handed_over_as_its_description(sandbox):
    file = FileReference(hash="h", size=3, name="a.txt")
    assert await value(sandbox, "f['size']", {"f": file}) == 3


async def test_large_data_goes_in_and_comes_out(sandbox):
    rows = [{"n": number, "text": "x" * 20} for number in range(50_000)]
    assert await value(sandbox, "[row['n'] for row in rows]", {"rows": rows}) == list(range(50_000))


async def test_what_is_printed_is_kept(sandbox):
    result = await run(sandbox, "print('one')\nprint('two', 2)\n3")
    assert (result.output, result.printed) == (3, "one\ntwo 2\n")


async def test_the_clock_stands_still_and_chance_follows_from_the_seed(sandbox):
    code = "import random, datetime\n[random.random(), datetime.datetime.now(datetime.timezone.utc)]"
    first = await value(sandbox, code, now=NOW, seed="a")
    assert first == await value(sandbox, code, now=NOW, seed="a")
    assert first[1] == NOW
    assert first[0] != (await value(sandbox, code, now=NOW, seed="b"))[0]


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("import os\nos.system('id')", "os.system('id')"),
        ("nope(1,\r\n  2)", "nope(1,"),
        ("if True:\n    return 1 / 0", "return 1 / 0"),
        ("[\n  1 / 0,\n]", "1 / 0,"),
    ],
)
async def test_a_mistake_shows_the_line_as_its_author_wrote_it(sandbox, code, written):
    failed = await failure(sandbox, code)
    assert failed.message.endswith(f": {written})")


@pytest.mark.parametrize(
    ("code", "says", "line"),
    [
        ("1 / 0", "ZeroDivisionError", 1),
        ("x = 1\nx.nope", "AttributeError", 2),
        ("nope", "NameError", 1),
        ("x = = 1", "SyntaxError", 1),
        ("x = 1\n  y = 2", "SyntaxError", 2),
        ("def f(n):\n    return 1 / n\n\nf(0)", "ZeroDivisionError", 2),
        ("def f():\n    return f()\nf()", "RecursionError", 2),
        ("raise ValueError('my own')", "my own", 1),
        ("import time\ntime.sleep(3)", "not supported", 2),
        ("import asyncio\nawait asyncio.sleep(3)", "not supported", 2),
    ],
)
async def test_a_mistake_says_what_and_where(sandbox, code, says, line):
    failed = await failure(sandbox, code)
    assert (failed.error_class, failed.error_code) == ("permanent", "code-error")
    assert says in failed.message
    assert f"line {line}" in failed.message
    assert failed.error_data["line"] == line
    assert "_auraos" not in failed.message


def left_behind() -> list[Path]:
    """Return what code managed to write."""
    return list(Path("/tmp").glob("aura-left-behind*"))


HOST_REACH = [
    "open('/proc/1/environ').read()",
    "open('/etc/passwd')",
    "open('/tmp/aura-left-behind', 'w').write('x')",
    "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "import pathlib\npathlib.Path('/tmp/aura-left-behind').write_text('x')",
    "import os\nos.environ",
    "import os\nos.getenv('PATH')",
    "import os\nos.listdir('/')",
    "import os\nos.system('true')",
    "import os\nos.fork()",
    "import os\nos.kill(-1, 9)",
    "import os\nos.read(3, 10)",
    "import socket",
    "import subprocess",
    "import ctypes",
    "import sys\nsys.modules['json'] = 1",
    "import urllib.request",
    "import threading",
    "import multiprocessing",
    "import importlib",
    "import gc",
    "import builtins",
    "__import__('os').system('true')",
    "().__class__.__mro__[1].__subclasses__()",
    "(lambda: 0).__globals__",
    "(1).__class__.__bases__[0].__subclasses__()",
    "'{0.__class__.__mro__}'.format(1).nope",
    "try:\n    nope\nexcept NameError as error:\n    error.__traceback__.tb_frame.f_globals",
    "__builtins__",
    "import json\njson.dumps = 1",
    "import json\njson.__loader__",
]


@pytest.mark.parametrize("code", HOST_REACH)
async def test_the_host_is_out_of_reach(sandbox, code):
    failed = await failure(sandbox, code)
    assert failed.error_code in ("code-error", "code-output")
    assert left_behind() == []
    assert await value(sandbox, "1") == 1


async def test_one_run_leaves_nothing_for_the_next(sandbox):
    await run(sandbox, "global_thing = 1\nint = str\ndef len(x): return 7\nimport json\njson = None")
    assert await value(sandbox, "import json\n[len('ab'), int('3'), json.dumps([1])]") == [2, 3, "[1]"]
    assert "NameError" in (await failure(sandbox, "global_thing")).message


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "try:\n    while True: pass\nexcept BaseException:\n    pass\n5",
        "while True:\n    try:\n        while True: pass\n    finally:\n        continue",
        "sum(range(10**12))",
        "def f():\n    try:\n        f()\n    except RecursionError:\n        f()\nwhile True: f()",
        "[x for x in range(10**12) if False]",
        "import re\nre.match('(a|aa)+$', 'a' * 60 + 'b')\nwhile True: pass",
        "print('x')\nwhile True: pass",
    ],
)
async def test_code_without_an_end_is_stopped_in_time(sandbox, code):
    started = time.monotonic()
    failed = await failure(sandbox, code, seconds=0.3)
    assert (failed.error_class, failed.error_code) == ("timeout", "code-timeout")
    assert time.monotonic() - started < 3
    assert await value(sandbox, "1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "'a' * 10**9",
        "[0] * 10**9",
        "bytes(10**9)",
        "2 ** (10**10)",
        "x = []\nwhile True: x.append('x' * 1000)",
        "x = 'a'\nwhile True: x += x",
        "list(range(10**9))",
        "try:\n    'a' * 10**9\nexcept BaseException:\n    7",
        "x = {}\nn = 0\nwhile True:\n    x[n] = [n]\n    n += 1",
        "'{:>1000000000}'.format(1)",
        'f"{1:>1000000000}"',
        "'a'.ljust(10**9)",
        "'a,' .join(['x' * 1000] * 10**6)",
        "'aa'.replace('a', 'b' * 10**8)",
    ],
)
async def test_code_that_wants_too_much_memory_is_stopped(sandbox, code):
    failed = await failure(sandbox, code, memory=16)
    assert failed.error_code == "code-memory"
    assert "16 MB" in failed.message
    assert await value(sandbox, "1") == 1


@pytest.mark.parametrize(
    "code",
    [
        "list(range(3_000_000))",
        "'x' * 20_000_000",
        "import decimal\n[decimal.Decimal(1)] * 1_000_000",
        "x = 1\nfor n in range(100_000): x = [x]\nx",
        "float('nan')",
        "10 ** 30",
        "[float('inf')]",
        "b'bytes'",
        "class A: pass\nA()",
        "len = lambda x: 0\ntype = isinstance = str = len\nlist(range(3_000_000))",
        "import datetime\ndatetime.datetime.now()",
        "print('x' * 3_000_000)",
        "for n in range(200_000): print('xxxxxxxx')",
    ],
)
async def test_an_output_that_cannot_be_kept_fails_and_stalls_nobody(sandbox, code):
    stalls = asyncio.create_task(longest_stall())
    failed = await failure(sandbox, code, memory=256)
    stalls.cancel()
    assert (failed.error_class, failed.error_code) == ("data", "code-output")
    assert await stalls < 1


async def longest_stall() -> float:
    """Return the longest time for which the loop did not turn, once cancelled."""
    worst, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(0.002)
            worst, last = max(worst, time.monotonic() - last), time.monotonic()
    except asyncio.CancelledError:
        return max(worst, time.monotonic() - last)


@pytest.mark.parametrize(
    "code",
    [
        "(" * 5_000 + ")" * 5_000,
        "-" * 50_000 + "1",
        "1" + "+1" * 40_000,
        "a" + ".a" * 40_000,
        "[" * 90 + "]" * 90 + "\nnope",
        "x" * 200_000,
        "\x00",
        "\ud800",
        "if 1:" * 3000 + "pass",
        "def f(:",
        "f'{" * 300,
    ],
    ids=range(11),
)
async def test_code_that_nobody_can_read_is_refused(sandbox, code):
    assert (await failure(sandbox, code)).error_code == "code-error"


@pytest.mark.parametrize("name", ["", "a b", "class", "1a", "_auraos_output", "a.b", "a;b"])
async def test_an_input_that_could_be_no_variable_is_refused(sandbox, name):
    assert (await failure(sandbox, "1", {name: 1})).error_code == "settings-refused"


async def test_a_worker_that_is_killed_costs_only_its_own_code(sandbox):
    await value(sandbox, "1")
    task = asyncio.create_task(failure(sandbox, "while True: pass", seconds=20))
    await asyncio.sleep(0)
    busy = await asyncio.wait_for(a_busy_worker(), 30)
    os.kill(busy, 9)
    failed = await asyncio.wait_for(task, 30)
    assert (failed.error_class, failed.error_code) == ("transient", "code-crashed")
    assert await value(sandbox, "2") == 2


async def a_busy_worker() -> int:
    """Return a worker process that computes."""
    while True:
        for process in workers():
            before = computed(process)
            await asyncio.sleep(0.1)
            if computed(process) > before:
                return process


def computed(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11])


async def test_code_that_is_cancelled_gives_its_worker_back():
    async with Sandbox(workers=1) as sandbox:
        task = asyncio.create_task(run(sandbox, "while True: pass", seconds=60))
        await asyncio.wait_for(a_busy_worker(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.wait_for(value(sandbox, "1"), 30) == 1


EXITING = """
import asyncio
from datetime import timedelta
from auraos.engine.sandbox import Sandbox

async def main():
    async with Sandbox() as sandbox:
        result = await sandbox.run("1 + 1", {}, timeout=timedelta(seconds=5), memory=2**26)
        print(result.output)

asyncio.run(main())
"""


async def test_a_process_that_ran_code_ends_in_good_order():
    for _ in range(8):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", EXITING, stdout=-1, stderr=-1)
        out, errors = await process.communicate()
        assert (process.returncode, out, errors) == (0, b"2\n", b"")


async def test_closing_stops_what_still_runs():
    sandbox = Sandbox(workers=1)
    tasks = [asyncio.create_task(run(sandbox, "while True: pass", seconds=60)) for _ in range(3)]
    await asyncio.wait_for(a_busy_worker(), 30)
    await asyncio.wait_for(sandbox.close(), 30)
    endings = await asyncio.gather(*tasks, return_exceptions=True)
    assert [ending.error_code for ending in endings] == ["code-crashed"] * 3
    assert [ending.error_class for ending in endings] == ["transient"] * 3
    assert workers() == []


async def test_many_pieces_of_code_share_few_workers(sandbox):
    outputs = await asyncio.gather(*(value(sandbox, "n * 2", {"n": number}) for number in range(50)))
    assert outputs == [number * 2 for number in range(50)]
    assert len(workers()) <= 2


async def test_workers_are_replaced_after_a_while():
    async with Sandbox(workers=1, recycle_after=3) as sandbox:
        await value(sandbox, "1")
        first = workers()
        for _ in range(5):
            await value(sandbox, "1")
        assert set(first).isdisjoint(workers())


async def test_nothing_is_left_when_the_sandbox_is_closed():
    sandbox = Sandbox()
    assert workers() == []
    await value(sandbox, "1")
    assert workers() != []
    await sandbox.close()
    assert workers() == []
