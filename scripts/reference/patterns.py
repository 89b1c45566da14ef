"""The control-flow patterns: which hold natively, which by composition, and which do not, read off `examples/patterns`."""

from pathlib import Path

import yaml

from markdown import Page, code, page, table

TITLE = "Control-flow patterns"
FRONT = "patterns.md"
SUMMARY = "the 43 patterns of workflowpatterns.com, each with a workflow that runs."

FOLDER = Path(__file__).parents[2] / "examples" / "patterns"

NOT_HELD = {
    34: (
        "Static partial join for multiple instances",
        "`enough` ends the loop and cancels the rest; no loop lets the rest go on beside what follows.",
    ),
    39: (
        "Critical section",
        "Two parts that exclude each other need a lock that both take. `pool` and `concurrency` are read and checked, "
        "but nothing enforces them yet.",
    ),
}


def pages() -> list[Page]:
    """Return the page with the table of all 43."""
    held = sorted(_read(path) for path in FOLDER.glob("*.yaml"))
    rows = [(str(number), title, how, f"{code(name)}: {words}") for number, title, how, name, words in held]
    rows += [(str(number), title, "not", why) for number, (title, why) in NOT_HELD.items()]
    rows.sort(key=lambda row: int(row[0]))
    natively = sum(row[2] == "natively" for row in rows)
    composed = sum(row[2] == "by composition" for row in rows)
    return [
        page(
            FRONT,
            TITLE,
            "Wil van der Aalst and others collected 43 patterns of control flow (workflowpatterns.com); they are a measure "
            "of what a workflow language can say. Each that holds here is a workflow in `examples/patterns`, with at "
            "least two cases that differ in who finishes first, where the order can matter.",
            f"{natively} hold natively, {composed} by composition of several steps, {len(NOT_HELD)} not yet. "
            "`auraos test examples/patterns` runs them all.",
            table(("no.", "pattern", "holds", "how"), rows),
        )
    ]


def _read(path: Path) -> tuple[int, str, str, str, str]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    labels = document["labels"]
    words = " ".join(document["description"].split()).replace("|", "\\|")
    return int(labels["pattern"]), document["title"], labels["holds"], path.stem, words
