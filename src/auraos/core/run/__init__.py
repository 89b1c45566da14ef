"""The run machine: compile a workflow, advance a run by facts, fold a journal. No I/O, clock, chance or threads."""
