"""What a key looks like, and what is told of one without asking anybody."""

import re
import string
import zlib

import pytest

from shared.access.text import KeyText, NoKey, is_key_id, new_key, read_key

LETTERS = string.digits + string.ascii_lowercase + string.ascii_uppercase


def why(text: str) -> str:
    with pytest.raises(NoKey) as caught:
        read_key(text)
    return str(caught.value)


def test_what_a_key_looks_like() -> None:
    """`hm_`, an id, a secret of 256 bits and a checksum, of letters and digits; no two are the same."""
    keys = {str(new_key()) for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch(r"hm_[0-9a-z]{12}_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", key)
        assert str(read_key(key)) == key
    assert 62**43 > 2**256


def test_the_checksum_is_anybodys_to_compute() -> None:
    """It is the CRC-32 of all before it, in base 62: a program that looks for secrets needs nothing of ours."""
    text = str(new_key())
    number = 0
    for letter in text[-6:]:
        number = 62 * number + LETTERS.index(letter)
    assert number == zlib.crc32(text[:-6].encode())


def test_every_slip_is_seen() -> None:
    """One letter that is another, at any place, and two that have changed places: no such text is a key."""
    text = str(new_key("abcdefghijk0"))
    begin = len("hm_abcdefghijk0_")
    for place in range(len(text)):
        other = "1" if text[place] != "1" else "2"
        expected = "checksum" if place >= begin or (place >= 3 and text[place] != "_") else "malformed"
        assert why(text[:place] + other + text[place + 1 :]) == expected
    for place in range(begin, len(text) - 1):
        if text[place] != text[place + 1]:
            assert why(text[:place] + text[place + 1] + text[place] + text[place + 2 :]) == "checksum"


@pytest.mark.parametrize("text", ["", "hm_", "secret", "x" * 10_000, "hm_" + "a" * 12 + "_" + "é" * 49])
def test_what_is_no_key(text: str) -> None:
    """Whatever has another form is told apart from what was mistyped."""
    assert why(text) == "malformed"


def test_a_key_that_is_cut_off_or_lengthened() -> None:
    """It has another form: a key has one length."""
    text = str(new_key())
    assert {why(text[:-1]), why(text + "0"), why(" " + text), why(text + "\n")} == {"malformed"}


def test_a_secret_is_not_shown_by_accident() -> None:
    """What Python shows of a key in a log or a message has its id, and not its secret."""
    key = new_key()
    assert key.secret not in repr(key)
    assert key.id in repr(key)
    assert str(KeyText(key.id, key.secret)) == str(key)


def test_an_id_is_no_other_key_of_the_store() -> None:
    """What a person gives as an id names a key's record or nothing."""
    assert is_key_id(new_key().id)
    for text in ("", "a" * 11, "a" * 13, "A" * 12, "a:b:c:d:e:f:", "é" * 12):
        assert not is_key_id(text)
