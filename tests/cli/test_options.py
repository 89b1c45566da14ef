"""What people type as input becomes values, or an error that says where it is wrong."""

import pytest

from auraos.cli.failures import WrongInputError
from auraos.cli.options import read_input, read_pair, read_pools, read_size
from auraos.core.errors import UserError


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ((), None),
        (('{"a": 1}',), {"a": 1}),
        (("[1, 2]",), [1, 2]),
        (("7",), 7),
        (("name=Ada",), {"name": "Ada"}),
        (
            ("name=Ada", "age=36", "tags=[1]", "ok=true", "none=null"),
            {"name": "Ada", "age": 36, "tags": [1], "ok": True, "none": None},
        ),
        (("a=b=c",), {"a": "b=c"}),
        (('{"a": "x=y"}',), {"a": "x=y"}),
    ],
)
def test_input_is_json_or_pairs(given, value):
    assert read_input(given) == value


def test_input_comes_from_a_file(tmp_path):
    file = tmp_path / "in.json"
    file.write_text('{"a": [1]}')
    assert read_input((f"@{file}",)) == {"a": [1]}
    assert read_pair(f"all=@{file}") == ("all", {"a": [1]})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (('{"a": ',), "The input is no JSON"),
        (("{'a': 1}",), "line 1, column 2"),
        (('{"a": 1,\n "b": }',), "line 2, column 7"),
        (("name=Ada", '{"a": 1}'), "is no `key=value`"),
        (("@nix.json",), "There is no file 'nix.json'."),
    ],
)
def test_what_cannot_be_read_is_told(given, words):
    with pytest.raises(UserError) as caught:
        read_input(given)
    assert words in caught.value.message


def test_single_quotes_in_json_are_explained():
    with pytest.raises(WrongInputError) as caught:
        read_input(("{'a': 1}",))
    assert "JSON wants double quotes" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "words"),
    [("[" * 100_000, "The input is nested too deep."), ("@/dev/zero", "more than the 10,000,000 bytes")],
)
def test_input_without_end_is_refused(given, words):
    with pytest.raises(UserError) as caught:
        read_input((given,))
    assert words in caught.value.message
    assert read_pair("a=" + "[" * 100_000) == ("a", "[" * 100_000)


def test_pools_are_names_with_numbers():
    assert read_pools(("erp=3", "gpu_a=0")) == {"erp": 3, "gpu_a": 0}


@pytest.mark.parametrize(
    "given", [("erp",), ("erp=many",), ("Erp=3",), ("erp=-1",), ("=3",), ("erp=1", "erp=2")]
)
def test_a_pool_that_is_written_otherwise_is_refused(given):
    with pytest.raises(WrongInputError):
        read_pools(given)


@pytest.mark.parametrize(
    ("given", "size"), [("64MB", 64_000_000), ("5 kb", 5_000), ("1gb", 1_000_000_000), ("7", 7), ("9B", 9)]
)
def test_a_size_is_a_number_with_its_unit(given, size):
    assert read_size(given, most=1_000_000_000) == size


@pytest.mark.parametrize("given", ["", "MB", "1.5MB", "-1KB", "64 megs", "0", "2GB", "١KB"])
def test_a_size_that_is_none_or_out_of_bounds_is_refused_with_the_form(given):
    with pytest.raises(WrongInputError) as caught:
        read_size(given, most=1_000_000_000)
    assert "as 64MB; the most is 1000MB" in caught.value.hint
