"""log and crypto.hmac, through the doors of their context."""

import hashlib
import hmac

import pytest
from step_context import Context

from auraos.sdk import StepFailed
from auraos.steps.basic import log
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
