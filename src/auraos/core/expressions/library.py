"""All functions and methods of the language together, and what the reference says of them."""

from auraos.core.expressions.functions_lists import LISTS
from auraos.core.expressions.functions_numbers import NUMBERS
from auraos.core.expressions.registry import FunctionDoc, Library


def _gather() -> Library:
    library = Library()
    for part in (LISTS, NUMBERS):
        library.include(part)
    return library


LIBRARY = _gather()


def describe_functions() -> list[FunctionDoc]:
    """Return what the reference says of every function and method, by group, functions first."""
    functions = [function.doc for function in LIBRARY.functions.values()]
    methods = [method.doc for methods in LIBRARY.methods.values() for method in methods.values()]
    return sorted([*functions, *methods], key=lambda doc: (doc.group, doc.receiver, doc.name))
