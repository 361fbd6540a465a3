"""JSON bodies with base64 in them, taken apart as they stream."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.intake.forms.base64_text import Base64Decoder, NotBase64
from api.intake.forms.long_strings import LongStrings
from shared.contract.errors import InvalidRequest

NAMES = ("image_base64", "mask_base64")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(['"', "\\", '"image_base64": "', "{[", "]}"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


def decoded(text: bytes, size: int = 10**6) -> bytes:
    decoder = Base64Decoder()
    return b"".join(map(decoder.feed, cut(text, size))) + decoder.end()


def taken(text: bytes, size: int, limit: int = 10**6) -> tuple[dict[str, str], bytes]:
    """The long strings, and the rest."""
    splitter = LongStrings(NAMES, limit)
    found: dict[str, str] = {}
    for piece in (piece for chunk in cut(text, size) for piece in splitter.feed(chunk)):
        found[piece.name] = found.get(piece.name, "") + piece.text.decode()
    return found, bytes(splitter.rest)


@given(
    members=st.dictionaries(st.text(max_size=8), values, max_size=4),
    image=st.text(alphabet='ABab09+/= \n\\"{}', max_size=30),
    size=st.integers(1, 50),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_long_strings_come_out_of_any_json(
    members: dict[str, object], image: str, size: int, ascii_only: bool, indent: int | None
) -> None:
    """However the text is written and cut, the named members come out whole and everything else stays as it was."""
    members = {name: value for name, value in members.items() if name not in NAMES}
    text = json.dumps({**members, "image_base64": image}, ensure_ascii=ascii_only, indent=indent).encode()
    found, rest = taken(text, size)
    assert found == {"image_base64": image}
    assert json.loads(rest) == {**members, "image_base64": ""}


def test_only_the_outermost_members_are_taken() -> None:
    """A member of the same name further inside is none of ours."""
    text = json.dumps({"a": {"image_base64": "AAAA"}, "b": ["image_base64"], "image_base64": 7}).encode()
    assert taken(text, 3) == ({}, text)


def test_what_is_escaped_by_some_writers() -> None:
    """Slashes and pluses that came escaped are slashes and pluses."""
    text = rb'{"image_base64": "ab\/\u002b\u002F=\r\n"}'
    for size in range(1, len(text) + 1):
        assert taken(text, size)[0] == {"image_base64": "ab/+/=\r\n"}


def test_the_rest_is_bounded() -> None:
    """However it is made, what is not base64 may have so many bytes and no more."""
    for text in (b'{"a": "' + b"x" * 200, b"[" * 200, b"{" + b'"a":1,' * 40, b" " * 200):
        for size in (1, 1000):
            with pytest.raises(InvalidRequest, match="larger than 100"):
                taken(text, size, limit=100)


def test_an_escape_that_is_none() -> None:
    """An escape that JSON does not have is said to be wrong."""
    with pytest.raises(InvalidRequest, match="image_base64"):
        taken(rb'{"image_base64": "\x41AAA"}', 1000)


@given(data=st.binary(max_size=200), size=st.integers(1, 100), lines=st.booleans(), head=st.booleans())
def test_base64_in_pieces(data: bytes, size: int, lines: bool, head: bool) -> None:
    """However the text is cut, wrapped or headed, the bytes are those that were encoded."""
    text = base64.encodebytes(data) if lines else base64.b64encode(data)
    assert decoded(b"data", size) == base64.b64decode(b"data")
    assert decoded(b"data:image/png;base64," * head + text, size) == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"AAAA*AAA", "character 5 of it is '\\*'"),
        (b"A" * 1000 + b"-AAA", "character 1,001 of it is '-'"),
        (b"AA==AAAA", "character 3 of it is '='"),
        (b"A===", "character 2 of it is '='"),
        (b"====", "character 1 of it is '='"),
        (b"AAAAA", "cut off after 5 characters"),
        (b"\xc3\xa4AA", "character 1 "),
        (b"data:image/png,AAAA", "without base64"),
        (b"data:image/png;base64", "without base64"),
        (b"data:" + b"x" * 1000, "without base64"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_what_is_no_base64(text: bytes, message: str, size: int) -> None:
    """What is wrong is told with its place."""
    with pytest.raises(NotBase64, match=message):
        decoded(text, size)
