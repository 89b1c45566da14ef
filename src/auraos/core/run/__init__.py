"""The run machine: compile a workflow, advance a run by facts, fold a journal. No I/O, clock, chance or threads."""

from auraos.core.run.journal import decode_fact, encode_fact
from auraos.core.run.machine import advance, fold, refold
from auraos.core.run.program import CompileError, Program, StepProgram, compile_workflow, static_path
from auraos.core.run.state import FINAL, RunState
from auraos.core.run.turn import StepMade

__all__ = [
    "FINAL",
    "CompileError",
    "Program",
    "RunState",
    "StepMade",
    "StepProgram",
    "advance",
    "compile_workflow",
    "decode_fact",
    "encode_fact",
    "fold",
    "refold",
    "static_path",
]
