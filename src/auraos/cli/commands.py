"""The list of all commands: their words, where their code is, and one line on each.

The front page is printed from it and the command tree is built from it, so a command cannot be in one
and not in the other. Nothing is imported until its command is called.
"""

from auraos.cli.command import Chapter, Command
from auraos.cli.server_commands import SERVER

NOUNS = {
    "runs": "Look at runs, answer them, and lead them on.",
    "engine": "The process that serves a data folder.",
    "journal": "The journals of a store, as a whole.",
    "data": "The folders that hold runs.",
    "settings": "What is set, where it comes from, and who changed it.",
    "owner": "Who owns an installation.",
    "audit": "The trail of who did what.",
    "privacy": "What there is about a person: found, handed out, erased, held.",
    "profiles": "The servers that commands can ask.",
    "definitions": "What a server keeps: drafts and published versions.",
    "flags": "Feature flags of a server: how they stand, and the switch.",
    "secrets": "What a server keeps under seal.",
    "access": "Who may do what on a server, and why.",
    "keys": "By what programs come in to a server.",
    "services": "Who programs are on a server.",
    "people": "Who belongs to a server.",
    "workspaces": "The rooms that a server is divided into.",
    "encryption": "Keys that seal, and values that no server can read.",
    "bindings": "What differs between the workspaces of a server.",
    "git": "A workspace and a git repository, kept the same.",
    "steps": "The step types that are installed.",
    "expressions": "The expression language: its functions, and a place to try it.",
    "completion": "Let the shell complete commands and options.",
}
"""Words that only gather other commands."""

CHAPTERS = (
    Chapter(
        "Write",
        (
            Command(
                "check",
                "auraos.cli.check:check",
                "Find every problem of workflow files; --fix mends the safe ones.",
            ),
            Command(
                "diff", "auraos.cli.change:diff", "Say what changed between two workflow files.", "either"
            ),
            Command("merge", "auraos.cli.change:merge", "Bring another side's changes into your file."),
            Command("rename", "auraos.cli.change:rename", "Rename a step everywhere in its file."),
            Command("graph", "auraos.cli.graph:graph", "Draw a workflow in the terminal or as SVG."),
            Command(
                "test", "auraos.cli.test:run_cases", "Run the test cases of workflow files, without network."
            ),
        ),
    ),
    Chapter(
        "Run",
        (
            Command("run", "auraos.cli.run:run", "Run a workflow file on this machine and keep its journal."),
            Command(
                "start",
                "auraos.cli.start:start",
                "Start a run in the process that serves the data folder.",
                "either",
            ),
            Command("runs prune", "auraos.cli.runs.prune:prune", "Delete runs that ended long ago."),
            Command(
                "runs list", "auraos.cli.runs.listing:list_runs", "List the runs, the newest first.", "either"
            ),
            Command(
                "runs failed",
                "auraos.cli.runs.failed:failed",
                "Show the failed runs that nobody has taken up again, by their cause.",
                "either",
            ),
            Command(
                "runs figures",
                "auraos.cli.runs.figures:figures",
                "Show how the runs of a workflow went: how many succeeded, and how long they and their steps took.",
                "either",
            ),
            Command(
                "runs show",
                "auraos.cli.runs.look:show",
                "Show one run: its steps on a timeline, its output, its error.",
                "either",
            ),
            Command(
                "runs why", "auraos.cli.runs.look:why", "Say why a run is in the state it is in.", "either"
            ),
            Command(
                "runs journal",
                "auraos.cli.runs.look:journal",
                "Print the facts of a run, in order.",
                "either",
            ),
            Command(
                "runs replay",
                "auraos.cli.runs.look:replay",
                "Fold the journal up to a fact and show the run as it was then.",
                "either",
            ),
            Command(
                "runs logs", "auraos.cli.runs.look:logs", "Print what the steps of a run logged.", "either"
            ),
            Command(
                "runs search",
                "auraos.cli.runs.search:search",
                "Search what the steps of all runs logged.",
                "either",
            ),
        ),
    ),
    Chapter(
        "Answer and lead",
        (
            Command(
                "runs signal", "auraos.cli.runs.lead:signal", "Send a signal that a run waits for.", "either"
            ),
            Command(
                "runs event",
                "auraos.cli.runs.lead:event",
                "Bring an event to every run that waits for its type.",
                "either",
            ),
            Command("runs approve", "auraos.cli.runs.lead:approve", "Say yes to what a run asks.", "either"),
            Command("runs reject", "auraos.cli.runs.lead:reject", "Say no to what a run asks.", "either"),
            Command(
                "runs resolve",
                "auraos.cli.runs.lead:resolve",
                "Say what became of an attempt whose outcome is unknown.",
                "either",
            ),
            Command(
                "runs prioritize",
                "auraos.cli.runs.lead:prioritize",
                "Change the priority of a run that waits to begin.",
                "either",
            ),
            Command(
                "runs pause",
                "auraos.cli.runs.lead:pause",
                "Start nothing new in a run until it is resumed.",
                "either",
            ),
            Command(
                "runs resume",
                "auraos.cli.runs.lead:resume",
                "Let a run go on: a paused one, or one whose process ended.",
                "either",
            ),
            Command(
                "runs cancel",
                "auraos.cli.runs.lead:cancel",
                "End a run; what it must clean up still runs.",
                "either",
            ),
            Command(
                "runs retry",
                "auraos.cli.runs.again:retry",
                "Run again from a step, keeping what was done, as a new run.",
                "either",
            ),
            Command(
                "runs fork",
                "auraos.cli.runs.again:fork",
                "Run again with other outputs of some steps, as a new run.",
                "either",
            ),
            Command(
                "runs move",
                "auraos.cli.runs.move:move",
                "Let a run go on by another version of its workflow.",
                "either",
            ),
        ),
    ),
    Chapter(
        "Serve and look after",
        (
            Command(
                "serve", "auraos.cli.serve:serve", "Drive the runs of a data folder until it is told to end."
            ),
            Command(
                "engine status",
                "auraos.cli.engine:status",
                "Show how the process stands that serves the data folder.",
            ),
            Command(
                "engine drain",
                "auraos.cli.engine:drain",
                "Let the process that serves the data folder leave in good order.",
            ),
            Command(
                "engine release",
                "auraos.cli.engine:release",
                "Let the runs of a restored data folder go on.",
            ),
            Command(
                "backup",
                "auraos.cli.backup:backup",
                "Write all that a data folder holds into one file, while it is in use.",
            ),
            Command(
                "restore",
                "auraos.cli.backup:restore",
                "Make a data folder from a backup; nothing in it moves until you release it.",
            ),
            Command("doctor", "auraos.cli.doctor:doctor", "Name what is wrong, and what to do about it."),
            Command(
                "journal verify",
                "auraos.cli.journal:verify",
                "Hold journals against what the store shows of their runs.",
            ),
            Command(
                "journal export",
                "auraos.cli.journal:export",
                "Write journals as JSON lines: a header, and then versions, runs and facts.",
            ),
            Command(
                "data adopt",
                "auraos.cli.data:adopt",
                "Let the runs of a copied or restored data folder go on here.",
            ),
            Command(
                "audit verify",
                "auraos.cli.audit:verify",
                "Check without a server that the audit trail is as it was written.",
            ),
            Command(
                "privacy find",
                "auraos.cli.privacy:find",
                "Tell where something about a person is kept.",
                "either",
            ),
            Command(
                "privacy export",
                "auraos.cli.privacy:export",
                "Hand out all that is kept about a person.",
                "either",
            ),
            Command(
                "privacy erase", "auraos.cli.privacy:erase", "Erase what runs tell about a person.", "either"
            ),
            Command(
                "privacy requests",
                "auraos.cli.privacy:requests",
                "List what was asked about persons.",
                "either",
            ),
            Command(
                "privacy reapply",
                "auraos.cli.privacy:reapply",
                "Erase again what a restored backup brought back.",
            ),
            Command(
                "privacy holds",
                "auraos.cli.privacy:holds",
                "List what is neither deleted nor erased.",
                "either",
            ),
            Command(
                "privacy hold",
                "auraos.cli.privacy:hold",
                "Hold something, so that it is neither deleted nor erased.",
                "either",
            ),
            Command("privacy lift", "auraos.cli.privacy:lift", "Hold something no more.", "either"),
            Command(
                "owner rescue",
                "auraos.cli.owner:rescue",
                "Make somebody an owner when no owner comes in any more.",
            ),
        ),
    ),
    Chapter(
        "Keep in git",
        (
            Command(
                "git connect",
                "auraos.cli.git:connect",
                "Link a workspace with a git repository.",
                "either",
            ),
            Command("git status", "auraos.cli.git:status", "Say what differs from the repository.", "either"),
            Command("git sync", "auraos.cli.git:sync", "Bring both sides together.", "either"),
            Command("git pull", "auraos.cli.git:pull", "Take what the repository changed.", "either"),
            Command("git push", "auraos.cli.git:push", "Send what was changed here.", "either"),
            Command(
                "git settle",
                "auraos.cli.git:settle",
                "Decide what both sides are to have where both changed.",
                "either",
            ),
            Command(
                "git disconnect", "auraos.cli.git:disconnect", "End the link with the repository.", "either"
            ),
        ),
    ),
    SERVER,
    Chapter(
        "Look up",
        (
            Command("steps list", "auraos.cli.steps:list_types", "List the step types that are installed."),
            Command(
                "steps show",
                "auraos.cli.steps:show",
                "Show one step type: its settings, ports, effect and examples.",
            ),
            Command(
                "expressions list",
                "auraos.cli.expressions:list_functions",
                "List functions and methods of the language.",
            ),
            Command(
                "expressions eval",
                "auraos.cli.expressions:evaluate",
                "Evaluate an expression over data you give.",
            ),
            Command(
                "completion install",
                "auraos.cli.completion:install",
                "Install completion for bash, zsh or fish.",
            ),
            Command("completion show", "auraos.cli.completion:show", "Print the completion script."),
        ),
    ),
)
