"""The run machine: compile a workflow, advance a run by facts, fold a journal. No I/O, clock, chance or threads."""

from auraos.core.run.inherit import InheritanceError, effects_repeated, inherit
from auraos.core.run.journal import UnreadableFactError, decode_fact, encode_fact, encode_success, fill_fact
from auraos.core.run.large import LARGE, LARGEST, LargeValues, Reading, has_references, refuse_vast
from auraos.core.run.machine import advance, fold, refold
from auraos.core.run.program import CompileError, Program, StepProgram, compile_workflow, static_path
from auraos.core.run.snapshot import restore, snapshot
from auraos.core.run.starting import parent_of
from auraos.core.run.state import FINAL, RunState
from auraos.core.run.turn import StepMade
from auraos.core.run.view import RunView, StepView, Why, explain, outstanding, view

__all__ = [
    "FINAL",
    "LARGE",
    "LARGEST",
    "CompileError",
    "InheritanceError",
    "LargeValues",
    "Program",
    "Reading",
    "RunState",
    "RunView",
    "StepMade",
    "StepProgram",
    "StepView",
    "UnreadableFactError",
    "Why",
    "advance",
    "compile_workflow",
    "decode_fact",
    "effects_repeated",
    "encode_fact",
    "encode_success",
    "explain",
    "fill_fact",
    "fold",
    "has_references",
    "inherit",
    "outstanding",
    "parent_of",
    "refold",
    "refuse_vast",
    "restore",
    "snapshot",
    "static_path",
    "view",
]
