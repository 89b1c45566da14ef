"""`AuraOSProvider`: the feature flags of a server for programs that ask by OpenFeature (`pip install auraos[openfeature]`).

from openfeature import api

api.set_provider(AuraOSProvider("https://auraos.example.com", key, workspace="shop"))
api.get_client().get_boolean_value("new-price", False, EvaluationContext("user-7", {"country": "DE"}))
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode, FlagNotFoundError, GeneralError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import AbstractProvider, Metadata

from auraos.client.client import Client
from auraos.client.errors import ClientError, ProblemError

T = TypeVar("T")
PATIENCE = 5.0
"""For so many seconds a flag is waited for; then the default of the program holds."""
_KEY = "targetingKey"


class AuraOSProvider(AbstractProvider):
    """Asks a server for each evaluation, on a thread of its own; what goes wrong leaves the default of the program."""

    def __init__(self, url: str, key: str = "", *, workspace: str = "", patience: float = PATIENCE) -> None:
        super().__init__()
        self._client = Client(url, key, workspace=workspace, patience=0.0)
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="auraos-flags", daemon=True)
        self._thread.start()

    def get_metadata(self) -> Metadata:
        """Return what it is called."""
        return Metadata(name="AuraOS")

    def shutdown(self) -> None:
        """Close the connections and end the thread."""
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result(self._patience)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(self._patience)
            self._loop.close()

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:  # fmt: skip
        """Return what a boolean flag gives."""
        return self._resolve(flag_key, default_value, evaluation_context, bool)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Return what a flag of texts gives."""
        return self._resolve(flag_key, default_value, evaluation_context, str)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Return what a flag of whole numbers gives."""
        return self._resolve(flag_key, default_value, evaluation_context, int)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Return what a flag of numbers gives."""
        return self._resolve(flag_key, default_value, evaluation_context, float)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[Any] | Mapping[str, Any],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[Any] | Mapping[str, Any]]:
        """Return what a flag of objects gives."""
        return self._resolve(flag_key, default_value, evaluation_context, dict)

    def _resolve(
        self, name: str, default: T, context: EvaluationContext | None, wanted: type[Any]
    ) -> FlagResolutionDetails[T]:
        asked = asyncio.run_coroutine_threadsafe(self._ask(name, context), self._loop)
        try:
            found = asked.result(self._patience)
        except TimeoutError as error:
            asked.cancel()
            raise GeneralError(f"The server did not answer within {self._patience:g} s.") from error
        except ProblemError as problem:
            if problem.code == "no-flag":
                raise FlagNotFoundError(problem.what) from problem
            raise GeneralError(str(problem)) from problem
        except ClientError as error:
            raise GeneralError(str(error)) from error
        if found.error_code:
            return FlagResolutionDetails(
                default, error_code=ErrorCode(found.error_code), error_message=found.error, reason="ERROR"
            )
        value = float(found.value) if wanted is float and type(found.value) is int else found.value
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise TypeMismatchError(f"{name} gives {value!r}, which is no {wanted.__name__}.")
        metadata: dict[str, Any] = {"version": found.version, **({"rule": found.rule} if found.rule else {})}
        return FlagResolutionDetails(
            value, reason=found.reason, variant=found.variant, flag_metadata=metadata
        )

    async def _ask(self, name: str, context: EvaluationContext | None) -> Any:
        told: dict[str, Any] = {}
        if context is not None:
            told = dict(msgspec.to_builtins(dict(context.attributes), enc_hook=str))
            if context.targeting_key is not None:
                told[_KEY] = context.targeting_key
        return await self._client.flags.explain_flag(name, context=told)
