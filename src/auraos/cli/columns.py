"""Rows of words in columns that stand under each other."""

from collections.abc import Sequence

from auraos.cli.screen import Screen, clean, pad, width


def show_columns(screen: Screen, rows: Sequence[Sequence[str]]) -> None:
    """Write rows; the first column is the name of the thing."""
    cleaned = [[clean(" ".join(word.split())) for word in row] for row in rows]
    if not cleaned:
        return
    wide = [max(width(row[at]) for row in cleaned) for at in range(len(cleaned[0]))]
    for name, *others in cleaned:
        rest = "  ".join(pad(word, room) for word, room in zip(others, wide[1:], strict=True))
        screen.line(f"{screen.tint(pad(name, wide[0]), 'bold')}  {rest}".rstrip())
