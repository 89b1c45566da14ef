"""Everything a plugin may import: what a step type is, what it gets, how it fails, and how it is tested.

A step type is a typed function under `@step_type`; an entry point in the group `auraos.steps` names it:

    [project.entry-points."auraos.steps"]
    "acme.stamp" = "acme_steps:stamp"
"""

from auraos.core.catalogue import Behaviour, Chosen, Effect, Example, Fault, StepType
from auraos.core.failures import StepFailed, StepUnknown
from auraos.core.values import FileReference, Value
from auraos.sdk.protocols import (
    Answer,
    BlockingContext,
    Files,
    FlagAnswer,
    Flags,
    Http,
    Sandbox,
    Secrets,
    StepContext,
)
from auraos.sdk.step import deferred, names_secret, step_type

__all__ = [
    "Answer",
    "Behaviour",
    "BlockingContext",
    "Chosen",
    "Effect",
    "Example",
    "Fault",
    "FileReference",
    "Files",
    "FlagAnswer",
    "Flags",
    "Http",
    "Sandbox",
    "Secrets",
    "StepContext",
    "StepFailed",
    "StepType",
    "StepUnknown",
    "Value",
    "deferred",
    "names_secret",
    "step_type",
]
