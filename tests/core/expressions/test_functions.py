"""Every function and method has a docstring and examples, and the examples hold."""

import pytest
from expression_values import SCOPE

from auraos.core.expressions import FunctionDoc, Meter, compile_expression, describe_functions
from auraos.core.expressions.comparisons import equal

DOCS = describe_functions()
EXAMPLES = [(doc.signature, *example) for doc in DOCS for example in doc.examples]


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.signature)
def test_a_function_is_described(doc: FunctionDoc) -> None:
    assert doc.docstring.endswith((".", ":"))
    assert doc.examples
    assert doc.result
    assert doc.group in {"text", "patterns", "lists", "numbers", "dates", "ids", "mappings"}


@pytest.mark.parametrize(("signature", "source", "answer"), EXAMPLES)
def test_an_example_of_the_reference_holds(signature: str, source: str, answer: str) -> None:
    found = compile_expression(source).evaluate(SCOPE)
    expected = compile_expression(answer).evaluate(SCOPE)
    assert equal(found, expected, Meter()), f"{signature}: {found!r}"


def test_names_are_unique_within_their_receiver() -> None:
    names = [(doc.receiver, doc.name) for doc in DOCS]
    assert len(names) == len(set(names))
