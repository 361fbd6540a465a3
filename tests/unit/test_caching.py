"""Conditional and range requests by the rules of RFC 9110, on values alone."""

import pytest

from api.http.caching import Conditions, Part, cache_control, etag_of, is_known, wanted_part
from shared.contract.errors import PreconditionFailed, RangeNotSatisfiable

ETAG = etag_of("results/a/1/labels.png")
OTHER = etag_of("results/a/2/labels.png")
SIZE = 1000


def test_tags_are_strong_and_tell_things_apart() -> None:
    """The same words give the same tag, others another; how the words are parted counts (8.8.3)."""
    assert ETAG.startswith('"')
    assert ETAG.endswith('"')
    assert etag_of("results/a/1/labels.png") == ETAG
    tags = [etag_of(*words) for words in (["a"], ["b"], ["a", "gzip"], ["a/b", "c"], ["a", "b", "c"], ["agzip"])]
    assert len({ETAG, OTHER, *tags}) == 8


@pytest.mark.parametrize(
    "field",
    [ETAG, f"W/{ETAG}", "*", f"{OTHER}, {ETAG}", f'"x,y",{ETAG}', f"{OTHER},  W/{ETAG} , {OTHER}", f'"", {ETAG}'],
)
def test_what_the_client_has_is_known(field: str) -> None:
    """If-None-Match compares weakly, in a list, and `*` is anything that there is (13.1.2)."""
    assert is_known(Conditions(if_none_match=field), ETAG)


@pytest.mark.parametrize("field", ["", OTHER, ETAG.strip('"'), f'"{ETAG[1:-2]}"', '"*"', f"w/{OTHER}", "nonsense"])
def test_what_the_client_has_is_another(field: str) -> None:
    """Another tag, or what is none, makes no 304."""
    assert not is_known(Conditions(if_none_match=field), ETAG)


@pytest.mark.parametrize("field", ["", ETAG, "*", f"{OTHER}, {ETAG}"])
def test_a_client_that_insists_gets_what_it_wants(field: str) -> None:
    """If-Match lets the tag pass that it lists, and anything for `*` (13.1.1)."""
    assert not is_known(Conditions(if_match=field), ETAG)


@pytest.mark.parametrize("field", [OTHER, f"W/{ETAG}", "nonsense"])
def test_a_client_that_insists_on_another(field: str) -> None:
    """If-Match compares strongly: a weak tag never matches; and it comes before If-None-Match (13.2.2)."""
    with pytest.raises(PreconditionFailed):
        is_known(Conditions(if_match=field, if_none_match=ETAG), ETAG)


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-", (500, SIZE)),
        ("bytes=999-999", (999, SIZE)),
        ("bytes=999-5000", (999, SIZE)),
        ("bytes=-1", (999, SIZE)),
        ("bytes=-1000", (0, SIZE)),
        ("bytes=-5000", (0, SIZE)),
        ("bytes=0-", (0, SIZE)),
        ("BYTES=1-2", (1, 3)),
        ("bytes=,1-2,", (1, 3)),
        ("bytes= 1-2 ", (1, 3)),
        ("bytes=00000000000000000000000000001-2", (1, 3)),
        (f"bytes=1-{'9' * 5000}", (1, SIZE)),
        (f"bytes=-{'9' * 5000}", (0, SIZE)),
    ],
)
def test_a_part(field: str, part: tuple[int, int]) -> None:
    """First and last byte, or the last so many, are cut off at the file's end (14.1.2)."""
    assert wanted_part(Conditions(range=field), ETAG, SIZE) == Part(*part)


@pytest.mark.parametrize(
    "field",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=2-1",
        "bytes=a-b",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=¹-²",
        "bytes=0-0,-1",
        "items=0-1",
        "=0-1",
        "0-1",
    ],
)
def test_a_range_that_is_passed_over(field: str) -> None:
    """What is malformed, of another unit, or of several parts gives the whole (14.2)."""
    assert wanted_part(Conditions(range=field), ETAG, SIZE) is None


@pytest.mark.parametrize("field", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", f"bytes={'9' * 5000}-"])
def test_a_part_that_is_not_there(field: str) -> None:
    """A part that begins at the end or behind it cannot be had, nor can the last zero bytes (14.1.2, 15.5.17)."""
    with pytest.raises(RangeNotSatisfiable) as raised:
        wanted_part(Conditions(range=field), ETAG, SIZE)
    assert raised.value.size == SIZE


def test_an_empty_file_has_no_parts() -> None:
    """Of nothing, nothing but the whole can be had."""
    for field in ("bytes=0-", "bytes=-1", "bytes=0-0"):
        assert wanted_part(Conditions(range=field), ETAG, 0) is None


@pytest.mark.parametrize(
    ("if_range", "wanted"),
    [
        (ETAG, Part(0, 1)),
        ("", Part(0, 1)),
        (OTHER, None),
        (f"W/{ETAG}", None),
        ("*", None),
        (f"{ETAG}, {OTHER}", None),
        ("Sat, 28 Nov 2026 17:00:00 GMT", None),
    ],
)
def test_the_rest_of_what_was_begun(if_range: str, wanted: Part | None) -> None:
    """If-Range takes one strong tag; of anything else, dates included, the whole is sent anew (13.1.5)."""
    assert wanted_part(Conditions(range="bytes=0-0", if_range=if_range), ETAG, SIZE) == wanted


def test_how_long_it_may_be_kept() -> None:
    """As long as the job, in whole seconds, and never less than none."""
    assert cache_control(59.9) == "private, immutable, max-age=59"
    assert cache_control(-3) == "private, immutable, max-age=0"
