"""JSON of requests: what is an object, and names that are given twice."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.errors import InvalidParams, InvalidRequest
from shared.contract.params import read_object, read_value

NAMES = st.sampled_from(["a", "b", "ä", "\\", '"', "a:", ",", "{", "]", ""])
Pairs = tuple[tuple[str, Any], ...]
"""An object as its text has it."""
texts = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=3).map(tuple),
    max_leaves=12,
)


def written(value: Any, ascii_only: bool) -> str:
    """JSON with objects from tuples of pairs, so that a name can be there twice."""
    if isinstance(value, tuple):
        members = (
            f"{json.dumps(name, ensure_ascii=ascii_only)} : {written(entry, ascii_only)}" for name, entry in value
        )
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(entry, ascii_only) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def doubled(text: str) -> bool:
    """Whether an object has a name twice, as Python's own reader sees it."""
    found = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return any(found)


@given(value=texts, ascii_only=st.booleans())
def test_a_name_is_refused_exactly_where_it_is_there_twice(value: Any, ascii_only: bool) -> None:
    """However it is written and however deep: twice in one object is wrong, in two objects it is not."""
    text = written(value, ascii_only)
    if doubled(text):
        with pytest.raises(InvalidParams, match="is given twice"):
            read_value("x", text)
    else:
        assert read_value("x", text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "field", "pointer", "value"),
    [
        ('{"a": 1, "a": 2}', "a", "/a", 2),
        ('{"a": 1, "\\u0061": null}', "a", "/a", None),
        ('{"a": {"b": 1, "c": 2, "b": "3"}}', "a.b", "/a/b", "3"),
        ('{"a": [0, [1, {}], {"b": [], "b": []}]}', "a[2].b", "/a/2/b", "(long)"),
        ('{"a": {"b": 1, "b": 2}, "a": 3}', "a", "/a", 3),  # the outer one: what is inside it is gone
        ('{"c": "{\\"a\\": 1, \\"a\\": 2}", "a": 4, "a": 5}', "a", "/a", 5),
        ('{"a/b~.c": 1, "a/b~.c": 2}', "a/b~.c", "/a~1b~0.c", 2),
    ],
)
def test_the_place_of_a_doubled_name(text: str, field: str, pointer: str, value: object) -> None:
    """The error names the place, also as a JSON pointer, and has the value that came last."""
    with pytest.raises(InvalidParams) as caught:
        read_object(text.encode(), "The body", "{}")
    assert caught.value.errors == [{"field": field, "pointer": pointer, "value": value, "message": "is given twice"}]


def test_a_doubled_name_in_one_parameter() -> None:
    """In the value of a query's or an option's parameter the place begins with the parameter."""
    with pytest.raises(InvalidParams, match=r"region\.box is given twice"):
        read_value("region", '{"box": [0, 0, 1, 1], "box": [0, 0, 2, 2]}')


@pytest.mark.parametrize("text", ["kmeans", "blend:#ffffff", "NaN", "{", "", '{"a": 1, "a": }'])
def test_what_is_no_json_is_text(text: str) -> None:
    """A query's or an option's value that is not JSON is the text itself."""
    assert read_value("x", text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[]", 'The body must be a JSON object, such as {"n": 1}'),
        (b"null", "must be a JSON object"),
        (b'{"a": 1', "The body is not JSON, or cut off: "),
        (b'{"a": NaN}', "is not JSON"),
        (b'{"a": "\xff"}', "is not JSON"),
        (b"", "is not JSON"),
    ],
)
def test_what_is_no_object(text: bytes, message: str) -> None:
    """What a request must bring as an object is refused with its name and an example."""
    with pytest.raises(InvalidRequest) as caught:
        read_object(text, "The body", '{"n": 1}')
    assert message in str(caught.value)


def test_depth_is_no_trouble() -> None:
    """A doubled name is found at any depth that JSON's reader takes."""
    text = '{"a":' * 1000 + '{"b": 1, "b": 2}' + "}" * 1000
    with pytest.raises(InvalidParams, match=r"a\.a\.b is given twice"):
        read_value("x", text)
