"""Figures as Prometheus reads them: its text format, version 0.0.4."""

from collections.abc import Iterable, Iterator

from auraos.observability.figures import Figure, Row

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def exposed(figures: Iterable[Figure]) -> bytes:
    """Return figures as a text."""
    return "".join(line for figure in figures for line in _lines(figure)).encode(errors="replace")


def _lines(figure: Figure) -> Iterator[str]:
    words = figure.words.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {figure.name} {words}\n# TYPE {figure.name} {figure.kind}\n"
    for row in figure.rows:
        yield f"{figure.name}{row.suffix}{_labels(row)} {_number(row.value)}\n"


def _labels(row: Row) -> str:
    if not row.labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in row.labels) + "}"


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124 (only what is no number differs from itself)
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
