"""Signatures of callbacks, held against the library of Standard Webhooks, and when the next attempt is."""

import base64
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from standardwebhooks import Webhook

from api.callbacks.post import _seconds
from shared.contract.webhooks import Unverified, key_of, signed_headers, verify
from shared.jobs.deliveries import SCHEDULE, pause_before
from shared.runtime.settings import Settings

bodies = st.text().map(str.encode)
secrets = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())


@given(body=bodies, pair=st.lists(secrets, min_size=2, max_size=2, unique=True))
def test_the_library_agrees(body: bytes, pair: list[str]) -> None:
    """What we sign by two secrets the library verifies by each, and what it signs we do."""
    keys, now = [key_of(secret) for secret in pair], datetime.now(UTC)
    headers = signed_headers(keys, "msg_1", int(time.time()), body)
    for secret in pair:
        Webhook(secret).verify(body, headers, json_parse=False)
    made = Webhook(pair[0]).sign("msg_1", now, body.decode())
    theirs = {**headers, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": f"v1a,x {made}"}
    verify(keys[:1], theirs, body, time.time())
    with pytest.raises(Unverified, match="none of its signatures"):
        verify(keys[1:], theirs, body, time.time())


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("webhook-id", "", "no webhook-id"),
        ("webhook-id", "msg_2", "none of its signatures"),
        ("webhook-timestamp", "1000", "five minutes"),
        ("webhook-timestamp", "soon", "no number"),
        ("webhook-timestamp", "9" * 5000, "no number"),
        ("webhook-signature", "", "no webhook-signature"),
        ("webhook-signature", "v1,AAAA v2", "none of its signatures"),
        ("webhook-signature", "v1,ü", "none of its signatures"),
    ],
)
def test_what_is_not_verified(name: str, value: str, word: str) -> None:
    """A message that lacks a field, is old, or was changed is refused, and why is said."""
    keys = [bytes(32)]
    headers = signed_headers(keys, "msg_1", 2000, b"{}")
    verify(keys, headers, b"{}", 2299)
    with pytest.raises(Unverified, match=word):
        verify(keys, {**headers, name: value}, b"{}", 2000)
    with pytest.raises(Unverified, match="five minutes"):
        verify(keys, headers, b"{}", 2301)


@pytest.mark.parametrize("secret", ["whsec_AAAA", "whsec_" + "A" * 200, "whsec_äöü", "A" * 44, "whsec_ " * 3])
def test_a_secret_that_is_none(secret: str) -> None:
    """A gateway does not start with a secret that signs nothing, and does not print it."""
    with pytest.raises(ValidationError, match="24 to 64 bytes") as refused:
        Settings(callback_secret=secret)
    assert secret[6:].strip() not in str(refused.value)


def test_several_secrets() -> None:
    """Spaces and commas part them; none is shown."""
    one, two = ("whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in (1, 2))
    found = Settings(callback_secret=f" {one}, {two}\n").callback_secret
    assert [secret.get_secret_value() for secret in found] == [one, two]
    assert one[6:] not in repr(Settings(callback_secret=one))


def test_the_schedule() -> None:
    """Ten attempts within some three days; a pause is never shorter than it should be, and at most a tenth longer."""
    assert [pause_before(tries, SCHEDULE, 0) for tries in range(11)] == [*SCHEDULE, None]
    assert SCHEDULE == (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert pause_before(1, SCHEDULE, 1) == pytest.approx(5.5)


@pytest.mark.parametrize(("tries", "asked", "pause"), [(1, 60, 60), (3, 60, 1800), (1, 1e9, 86400), (10, 60, None)])
def test_what_a_receiver_asks_for(tries: int, asked: float, pause: float | None) -> None:
    """Retry-After makes a pause longer, up to a day, and never shorter; it makes no attempt more."""
    assert pause_before(tries, SCHEDULE, 0, asked) == pause


def test_forms_of_retry_after() -> None:
    """Seconds, or a date; anything else asks for nothing."""
    assert _seconds("120") == 120
    assert _seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)) == pytest.approx(90, abs=3)
    nothing = ["", "soon", "-5", "1.5", "Mon, 99 Foo 2026 10:00:00 GMT", "Sat, 01 Jan 2000 10:00:00 GMT", "²"]
    assert [_seconds(text) for text in nothing] == [0.0] * len(nothing)
    assert _seconds("9" * 5000) == 999_999_999
