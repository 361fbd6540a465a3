"""Bodies of every form as typed parts, from plain values: no request, no server."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.intake.body import Body, announced, limited, patient
from api.intake.forms import read_form
from api.intake.forms.multipart import MOST_PARTS
from api.intake.forms.parts import FilePart, ParamsPart, ReferencePart
from api.intake.forms.query import query_values
from shared.contract.errors import InvalidParams, InvalidRequest, UnsupportedEncoding, UploadStalled, UploadTooLarge
from shared.runtime.settings import Settings

LIMIT = 1000
SETTINGS = Settings(max_upload_bytes=LIMIT)
IMAGE, MASK = b"\x89PNG\r\n--a: not the boundary\r\n--", b"mask"
SHA256 = "0" * 64
Taken = list[tuple[str, Any]]


class Source:
    """A body's chunks, of which it is known how many were taken."""

    def __init__(self, data: bytes, size: int) -> None:
        self.taken, self._data, self._size = 0, data, size

    async def chunks(self) -> AsyncIterator[bytes]:
        for begin in range(0, len(self._data), self._size):
            self.taken += 1
            yield self._data[begin : begin + self._size]


def taken(data: bytes, content_type: str, size: int = 10**6, settings: Settings = SETTINGS) -> Taken:
    """The parts in their order: a file as its name and bytes, references and parameters as they are."""

    async def run() -> Taken:
        found: Taken = []
        body = Body(content_type, len(data), [], Source(data, size).chunks())
        async for part in read_form(body, settings):
            match part:
                case FilePart(name, filename, chunks):
                    found.append((name, (filename, b"".join([chunk async for chunk in chunks]))))
                case ReferencePart(name, kind, value):
                    found.append((name, {kind: value}))
                case ParamsPart(values):
                    found.append(("params", values))
        return found

    return asyncio.run(run())


def part(name: str, data: bytes, filename: str = "") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


@given(names=st.permutations(["image", "mask", "params"]), size=st.integers(1, 200))
def test_a_form_gives_its_parts_in_order(names: list[str], size: int) -> None:
    """However a multipart body is cut, its parts come whole, once, and in the order in which they were sent."""
    data = {"image": IMAGE, "mask": MASK, "params": b'{"n_clusters": 3}'}
    body = b"".join(part(name, data[name], "a/b.png" * (name != "params")) for name in names) + b"--b--\r\n"
    expected = {"image": ("b.png", IMAGE), "mask": ("b.png", MASK), "params": {"n_clusters": 3}}
    assert taken(body, "multipart/form-data; boundary=b", size) == [(name, expected[name]) for name in names]


@pytest.mark.parametrize("params", [b"", b"{}", b" {} "])
def test_parameters_that_are_none(params: bytes) -> None:
    """An empty part `params` is no set of parameters."""
    body = part("params", params) + part("image", IMAGE) + b"--b--\r\n"
    assert taken(body, "multipart/form-data; boundary=b") == [("image", (None, IMAGE))]
    assert taken(json.dumps({"image_url": "u"}).encode(), "application/json") == [("image", {"url": "u"})]


@given(
    size=st.integers(1, 200),
    preamble=st.sampled_from([b"", b"\r\n", b"a preamble\r\n", b"--a\r\n--b is no boundary\r\n"]),
)
@pytest.mark.parametrize("padding", [b"", b" ", b" \t  "])
def test_a_form_with_all_that_the_standard_allows(size: int, preamble: bytes, padding: bytes) -> None:
    """A preamble, white space behind boundaries and an epilogue are passed over, however the body is cut."""
    body = preamble + part("image", IMAGE).replace(b"--b\r", b"--b" + padding + b"\r") + b"--b--" + padding
    for epilogue in (b"", b"\r\n", b"\r\nand so on --b"):
        assert taken(body + epilogue, "multipart/form-data; boundary=b", size) == [("image", (None, IMAGE))]


@given(size=st.integers(1, 200))
def test_an_empty_part_is_an_absent_part(size: int) -> None:
    """Forms send their empty fields too: a file without name and bytes, and empty parameters, are none."""
    nothing = b'--b\r\nContent-Disposition: form-data; name="mask"; filename=""\r\nContent-Type: x/y\r\n\r\n\r\n'
    body = nothing + part("params", b"") + part("mask", b"") + part("image", IMAGE) + nothing + b"--b--\r\n"
    assert taken(body, "multipart/form-data; boundary=b", size) == [("image", (None, IMAGE))]
    assert taken(part("mask", MASK) + body, "multipart/form-data; boundary=b", size)[0] == ("mask", (None, MASK))
    with pytest.raises(InvalidRequest, match="no part `image`"):
        taken(nothing + part("image", b"") + b"--b--", "multipart/form-data; boundary=b", size)


@pytest.mark.parametrize("name", ["image", "mask", "params", "other"])
def test_parts_have_an_end(name: str) -> None:
    """Also empty parts are so many at most, and a part's name is not sent back at any length."""
    form, empty = "multipart/form-data; boundary=b", part(name, b"")
    if name != "other":
        assert taken(empty * (MOST_PARTS - 1) + part("image", IMAGE) + b"--b--", form, 10**6) == [
            ("image", (None, IMAGE))
        ]
    with pytest.raises(InvalidRequest, match=f"more than {MOST_PARTS} parts" if name != "other" else "has a part"):
        taken(empty * MOST_PARTS + part("image", IMAGE) + b"--b--", form, 10**6)
    with pytest.raises(InvalidRequest) as told:
        taken(part("n" * 10_000, b"") + b"--b--", form, 10**6)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_a_head_of_a_part_has_an_end(size: int) -> None:
    """A part's head is lines with a colon, and not too many of them; the body ends with its closing boundary."""
    form = "multipart/form-data; boundary=b"
    for body, words in [
        (b"--b\r\nno colon\r\n\r\nx\r\n--b--", "no name and colon"),
        (b"--b\r\n\r\nx\r\n--b--", "a part ''"),
        (part("image", IMAGE)[:-2], "cut off"),
        (part("image", IMAGE), "cut off"),
        (b"--b\r\nA: " + bytes(17_000), "head"),
        (b"no boundary", "cut off"),
    ]:
        with pytest.raises(InvalidRequest, match=words):
            taken(body, form, size)


def test_a_part_in_the_encoding_of_mail() -> None:
    """A part that is base64 is not taken for a broken image: its encoding is named. What changes no byte is none."""
    form, head = "multipart/form-data; boundary=b", b"\r\nContent-Transfer-Encoding: %b\r\n\r\n"
    for encoding in (b"binary", b"8bit", b"7Bit"):
        body = part("image", IMAGE).replace(b"\r\n\r\n", head % encoding, 1) + b"--b--"
        assert taken(body, form) == [("image", (None, IMAGE))]
    for encoding in (b"base64", b"Quoted-Printable"):
        body = part("image", IMAGE).replace(b"\r\n\r\n", head % encoding, 1) + b"--b--"
        with pytest.raises(UnsupportedEncoding, match=f"`image`.*{encoding.decode().lower()}"):
            taken(body, form)


@pytest.mark.parametrize("scheme", ["data", "DATA", "Data"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_data_url_in_any_case(scheme: str, size: int) -> None:
    """A scheme has no case (RFC 3986, section 3.1)."""
    url = f"{scheme}:image/png;BASE64,{base64.b64encode(IMAGE).decode()}"
    assert taken(json.dumps({"image_base64": url}).encode(), "application/json", size) == [("image", (None, IMAGE))]


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-gzip", "gzip, identity", "g" * 999])
def test_an_encoding_that_is_not_read_is_named(encoding: str) -> None:
    """A compressed body is not taken for a broken image, nor read."""
    source = Source(IMAGE, 100)
    with pytest.raises(UnsupportedEncoding, match=encoding[:64]):
        read_form(Body("image/png", None, [], source.chunks(), encoding), SETTINGS)
    assert source.taken == 0


@given(size=st.integers(1, 200), order=st.permutations(["image_base64", "mask_sha256", "n_clusters"]))
def test_json_gives_files_first(size: int, order: list[str]) -> None:
    """However JSON is ordered and cut, a file comes as it streams; references and parameters when all is known."""
    members = {"image_base64": base64.b64encode(IMAGE).decode(), "mask_sha256": SHA256, "n_clusters": 3}
    body = json.dumps({name: members[name] for name in order}).encode()
    expected = [("image", (None, IMAGE)), ("mask", {"sha256": SHA256}), ("params", {"n_clusters": 3})]
    assert taken(body, "application/json", size) == expected


def test_base64_in_lines_takes_no_room_of_the_file() -> None:
    """Two files of as many bytes as are allowed pass as base64, too, in lines as mail has them."""
    limit = 2**22
    image = bytes(limit)
    body = json.dumps({f"{name}_base64": base64.encodebytes(image).decode() for name in ("image", "mask")}).encode()
    found = taken(body, "application/json", settings=Settings(max_upload_bytes=limit))
    assert found == [(name, (None, image)) for name in ("image", "mask")]


@given(data=st.binary(max_size=LIMIT), size=st.integers(1, 200))
def test_a_raw_body_is_the_image(data: bytes, size: int) -> None:
    """The body itself is one file, whatever it is cut into."""
    assert taken(data, "image/png", size) == [("image", (None, data))]


def test_a_part_that_is_wrong_ends_the_reading() -> None:
    """Parameters that are no JSON are refused when they have come, and not when the image behind them has."""
    body = part("params", b"{") + part("image", bytes(900)) + b"--b--\r\n"
    source = Source(body, 20)

    async def run() -> None:
        form = read_form(Body("multipart/form-data; boundary=b", None, [], source.chunks()), SETTINGS)
        await anext(form)

    with pytest.raises(InvalidRequest, match="JSON"):
        asyncio.run(run())
    assert source.taken < 6


@pytest.mark.parametrize(
    ("content_type", "begin", "room"),
    [
        ("image/png", b"", LIMIT),
        ("multipart/form-data; boundary=b", part("image", IMAGE) + b"--b--\r\n", 2 * LIMIT + 2**17),
        ("application/json", b'{"image_base64": "', 2 * LIMIT * 3 // 2 + 2**17),
    ],
)
@pytest.mark.parametrize("announces", [True, False])
def test_a_body_has_room_for_what_its_form_brings(content_type: str, begin: bytes, room: int, announces: bool) -> None:
    """Beyond it a body is refused with the limit of a file: at once where it says how long it is, else as it comes.

    So is one that would go on for ever with white space or with what stands behind the last part.
    """
    source = Source(begin + b" " * room, 100)

    async def run() -> None:
        body = Body(content_type, len(begin) + room + 1 if announces else None, [], source.chunks())
        async for each in read_form(body, SETTINGS):
            assert isinstance(each, FilePart)
            async for _ in each.chunks:
                pass

    if not begin and not announces:
        asyncio.run(run())  # it is exactly as large as it may be
        return
    with pytest.raises(UploadTooLarge, match=f"{LIMIT:,} bytes"):
        asyncio.run(run())
    assert source.taken == 0 if announces else source.taken * 100 >= room


@given(size=st.integers(1, 50), more=st.integers(-1, 1))
def test_the_limit_is_exact(size: int, more: int) -> None:
    """As many bytes as the limit pass, and not one more."""

    async def run() -> int:
        return sum([len(chunk) async for chunk in limited(Source(bytes(100 + more), size).chunks(), 100)])

    if more > 0:
        with pytest.raises(UploadTooLarge):
            asyncio.run(run())
    else:
        assert asyncio.run(run()) == 100 + more


@pytest.mark.parametrize(
    ("text", "length"), [("", None), ("12", 12), ("-1", None), ("1e3", None), ("²", None), ("9" * 9999, 10**20 - 1)]
)
def test_what_a_length_announces(text: str, length: int | None) -> None:
    """A Content-Length is digits alone; however many there are, it is only a number."""
    assert announced(text) == length


def test_patience_is_used_up_by_waiting() -> None:
    """Who sends too little for too long is cut off; who sends enough in between is not."""

    async def slow(size: int) -> AsyncIterator[bytes]:
        for _ in range(8):
            await asyncio.sleep(0.05)
            yield bytes(size)

    async def run(size: int) -> int:
        return sum([len(chunk) async for chunk in patient(slow(size), 0.2, 1000)])

    assert asyncio.run(run(1000)) == 8000
    with pytest.raises(UploadStalled, match=r"0\.2 s"):
        asyncio.run(run(1))


def test_a_query_is_json_or_text() -> None:
    """A value of a query that is JSON is read as JSON, any other is text; one name may stand there once."""
    assert query_values([("a", "1"), ("b", "x"), ("c", "[1]"), ("d", "")]) == {"a": 1, "b": "x", "c": [1], "d": ""}
    with pytest.raises(InvalidParams, match="twice"):
        query_values([("a", "1"), ("a", "1")])
