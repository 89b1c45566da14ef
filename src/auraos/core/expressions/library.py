"""All functions and methods of the language together, and what the reference says of them."""

from auraos.core.expressions.functions_dates import DATES
from auraos.core.expressions.functions_ids import IDS
from auraos.core.expressions.functions_lists import LISTS
from auraos.core.expressions.functions_numbers import NUMBERS
from auraos.core.expressions.functions_patterns import PATTERNS
from auraos.core.expressions.functions_text import TEXT
from auraos.core.expressions.methods_dates import DATE_METHODS
from auraos.core.expressions.methods_lists import LIST_METHODS
from auraos.core.expressions.methods_mappings import MAPPING_METHODS
from auraos.core.expressions.methods_numbers import NUMBER_METHODS
from auraos.core.expressions.methods_text import TEXT_METHODS
from auraos.core.expressions.registry import FunctionDoc, Library

_PARTS = (
    TEXT,
    PATTERNS,
    LISTS,
    NUMBERS,
    DATES,
    IDS,
    TEXT_METHODS,
    LIST_METHODS,
    MAPPING_METHODS,
    NUMBER_METHODS,
    DATE_METHODS,
)


def _gather() -> Library:
    library = Library()
    for part in _PARTS:
        library.include(part)
    return library


LIBRARY = _gather()


def describe_functions() -> list[FunctionDoc]:
    """Return what the reference says of every function and method, by group, functions first."""
    functions = [function.doc for function in LIBRARY.functions.values()]
    methods = [method.doc for methods in LIBRARY.methods.values() for method in methods.values()]
    return sorted([*functions, *methods], key=lambda doc: (doc.group, doc.receiver, doc.name))
