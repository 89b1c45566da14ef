"""log and crypto.hmac, through the doors of their context."""

import hashlib
import hmac

import pytest
from step_context import Context

from auraos.engine.sandbox import Sandbox
from auraos.sdk import StepFailed
from auraos.steps.basic import log
from auraos.steps.code import run_python
from auraos.steps.crypto import sign

ENVIRONMENT = {"AURAOS_SECRET_HOOK": "hook-secret", "AURAOS_HOSTS_HOOK": "@local", "AURAOS_SECRET_SENT": "sent-away",
               "AURAOS_HOSTS_SENT": "x.example"}  # fmt: skip
DIGEST = hmac.new(b"hook-secret", "ä".encode(), hashlib.sha256).hexdigest()


async def test_log_writes_a_line_with_its_fields():
    async with Context() as context:
        assert (
            await log.execute(
                {"message": "order", "level": "warning", "fields": {"id": 7, "level": 3}}, context
            )
            is None
        )
    assert context.lines == [("warning", "order", {"id": 7, "level_": 3})]


@pytest.mark.parametrize(
    ("settings", "output"),
    [
        ({}, {"signature": DIGEST, "valid": None}),
        ({"expected": DIGEST}, {"signature": DIGEST, "valid": True}),
        ({"expected": DIGEST.upper()}, {"signature": DIGEST, "valid": True}),
        ({"expected": DIGEST[:-1] + "x"}, {"signature": DIGEST, "valid": False}),
        ({"expected": "ü"}, {"signature": DIGEST, "valid": False}),
    ],
)
async def test_hmac_signs_and_compares(settings, output):
    async with Context(environment=ENVIRONMENT) as context:
        assert await sign.execute({"value": "ä", "secret": "hook", **settings}, context) == output


async def test_a_secret_that_is_bound_to_a_host_does_not_sign():
    async with Context(environment=ENVIRONMENT) as context:
        with pytest.raises(StepFailed) as failure:
            await sign.execute({"value": "x", "secret": "sent"}, context)
    assert failure.value.error_code == "host-not-allowed"


async def test_python_runs_in_the_sandbox_and_its_prints_go_to_the_log():
    async with Sandbox() as sandbox, Context(sandbox=sandbox) as context:
        settings = {"code": "print('one')\nprint('two')\nsum(numbers)", "inputs": {"numbers": [1, 2]}}
        assert await run_python.execute(settings, context) == 3
        assert [message for _, message, _ in context.lines] == ["one", "two"]


async def test_the_example_of_python_holds():
    async with Sandbox() as sandbox, Context(sandbox=sandbox) as context:
        assert await run_python.execute(dict(run_python.examples[0].settings), context) == {"total": 5}


async def test_pythons_clock_is_the_time_of_the_grant():
    async with Sandbox() as sandbox, Context(sandbox=sandbox) as context:
        settings = {"code": "import datetime\ndatetime.datetime.now(datetime.timezone.utc)"}
        assert await run_python.execute(settings, context) == context.now


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"code": "while True: pass", "timeout": "200ms"}, "code-timeout"),
        ({"code": "'x' * 10**9", "memory": 16}, "code-memory"),
        ({"code": "1 / 0"}, "code-error"),
        ({"code": "1", "timeout": "1h"}, "settings-refused"),
        ({"code": "1", "timeout": "0s"}, "settings-refused"),
        ({"code": "1", "memory": 0}, "settings-refused"),
        ({"code": "1", "inputs": {"a b": 1}}, "settings-refused"),
    ],
)
async def test_python_that_fails_says_how(settings, code):
    async with Sandbox() as sandbox, Context(sandbox=sandbox) as context:
        with pytest.raises(StepFailed) as failure:
            await run_python.execute(settings, context)
    assert failure.value.error_code == code
