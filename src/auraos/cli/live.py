"""A run shown live on a terminal: one row per step, redrawn a few times a second."""

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from auraos.cli.progress import MARKS, Progress, Row
from auraos.cli.screen import clean
from auraos.cli.times import took_words
from auraos.engine.stream import Change

_MOST_ROWS = 40


class LiveRun:
    """A block of rows at the end of the terminal, kept up to date while the run goes on."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._live = Live(self._table(), console=console, refresh_per_second=8, transient=False)

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()

    def stop(self) -> None:
        """Draw a last time and leave the rows standing."""
        self._live.update(self._table())
        self._live.stop()

    def show(self, change: Change) -> None:
        """Take a change in and draw it soon."""
        self._progress.note(change)
        self._live.update(self._table())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=1)
        table.add_column(justify="right", no_wrap=True)
        rows = [row for row in self._progress.rows.values() if row.mark != "skipped" or row.ended]
        hidden = max(0, len(rows) - _MOST_ROWS)
        if hidden:
            table.add_row("", Text(f"… {hidden} earlier steps", style="dim"))
        for row in rows[hidden:]:
            table.add_row(*self._cells(row))
        return table

    def _cells(self, row: Row) -> tuple[Text, Text, Text, Text]:
        sign, tint = MARKS[row.mark]
        words = [clean(row.words)] if row.words else []
        if row.total is None and row.ended > 1:
            words.insert(0, f"{row.ended} ×")
        if row.attempts > 1 and row.mark != "retrying":
            words.append(f"{row.attempts} attempts")
        end = row.ended_at if row.mark in ("done", "failed", "undone") else self._progress.now
        took = took_words(end - row.began_at) if row.began_at and end > row.began_at else ""
        name = "  " * row.depth + clean(row.title)
        style = "dim" if row.mark == "skipped" else ""
        return (
            Text(sign, style=tint),
            Text(name, style=style),
            Text("  ".join(words), style="dim"),
            Text(took, style="dim"),
        )
