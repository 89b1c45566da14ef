"""The program that is injured: an engine on a folder, and a run that fails and whose failure another workflow hears of.

    failing.py FOLDER start     starts the run, says `ACK <run>` when it is durable, and waits until all is quiet
    failing.py FOLDER recover   goes on with what is there

It says `RUN <run> <workflow> <state> <parent>` for each run.
"""

from small_engine import run_program, say

from auraos.app.definitions.versions import FolderDefinitions
from auraos.engine.engine import Engine

TELL = "kind: workflow\nname: tell\nspec: {steps: {say: {type: noop, with: {value: '{{ input.run }}'}}}}\n"
BREAK = """kind: workflow
name: breaking
spec:
  settings: {on_failure: tell}
  steps: {one: {type: noop}, two: {type: fail, with: {message: It broke.}}}
  links: [one -> two]
"""


async def begin(engine: Engine, definitions: FolderDefinitions) -> None:
    tell, breaking = definitions.add(TELL), definitions.add(BREAK)
    say("ACK", await engine.start(breaking, called=[tell]))


if __name__ == "__main__":
    run_program(begin)
