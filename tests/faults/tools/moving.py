"""The program that is injured: an engine on a folder, and a run that is moved to another version of its workflow.

    moving.py FOLDER start     starts the run, moves it, says `ACK <run> <new run>` when that is durable
    moving.py FOLDER recover   goes on with what is there

It says `RUN <run> <workflow> <state> <parent>` for each run.
"""

from small_engine import run_program, say

from auraos.app.definitions.versions import FolderDefinitions
from auraos.engine.engine import Engine

OLD = """kind: workflow
name: moving
spec:
  steps: {one: {type: noop, with: {value: 1}}, hold: {type: wait.signal, with: {name: go, expires: 3d}}}
  links: [one -> hold]
"""
NEW = OLD.replace("name: go", "name: on")


async def begin(engine: Engine, definitions: FolderDefinitions) -> None:
    old, new = definitions.add(OLD), definitions.add(NEW)
    run = await engine.start(old)
    say("BEGAN", run)
    say("ACK", run, await engine.move(run, new))


if __name__ == "__main__":
    run_program(begin)
