"""The names under which files are saved, and the names that strangers give."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.disposition import content_disposition, file_name
from api.intake.filenames import clean_filename


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("photo.jpg", "photo-labels.png"),
        ("photo", "photo-labels.png"),
        ("my photo.tar.gz", "my photo.tar-labels.png"),
        ("", "labels.png"),
        (None, "labels.png"),
        (".", "labels.png"),
        ("..", "labels.png"),
        (".hidden", "hidden-labels.png"),
        ("fête.png", "fête-labels.png"),
        ('a"b.png', "a_b-labels.png"),
        ("a\\b\\c.png", "c-labels.png"),
        ("../../etc/passwd", "passwd-labels.png"),
        ("con:1%41?.png", "con_1_41_-labels.png"),
        ("a\r\nSet-Cookie: x.png", "aSet-Cookie_ x-labels.png"),
        ("x" * 300 + ".png", "x" * 100 + "-labels.png"),
    ],
)
def test_a_file_has_its_image_in_its_name(image: str | None, name: str) -> None:
    """A file is named after its image, of which nothing is left that could be a path, a pattern or a header."""
    assert file_name(image, "labels.png") == name


def test_a_plain_name() -> None:
    """A name in ASCII needs no second form; whether it is shown or saved is the first word (RFC 6266, 4.2)."""
    assert content_disposition("a b.png", download=False) == 'inline; filename="a b.png"'
    assert content_disposition("a b.png", download=True) == 'attachment; filename="a b.png"'


def test_a_name_beyond_ascii() -> None:
    """Beyond ASCII a name is given twice: for old browsers as far as it goes, and whole as RFC 8187 has it."""
    assert (
        content_disposition("fête €.png", download=False)
        == "inline; filename=\"f_te _.png\"; filename*=UTF-8''f%C3%AAte%20%E2%82%AC.png"
    )


@given(st.text(max_size=300))
def test_any_name_makes_a_header(image: str) -> None:
    """Whatever an image is called, the header is one line of ASCII, its quotes close, and the whole name comes back."""
    name = file_name(image, "labels.npy")
    header = content_disposition(name, download=True)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    if "filename*" in header:
        assert unquote(header.partition("filename*=UTF-8''")[2]) == name
    assert not set(name) & set('/\\"<>:|?*')
    assert name.endswith("labels.npy")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.png", "a.png"),
        ("C:\\fakepath\\a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("/a/", None),
        ("", None),
        (" ", None),
        ("..", None),
        ("a\x00b\r\n.png", "ab.png"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("日本.png", "日本.png"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_strangers_name_is_no_path(text: str, name: str | None) -> None:
    """Of a path the last part counts; controls, and what turns writing around, are left out; nothing is no name."""
    assert clean_filename(text) == name
