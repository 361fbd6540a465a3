"""A key's record: who it lets in, until when, and what it holds of its secrets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.routing import Match

from api.http.access import is_open, wanted_scope
from api.main import create_app
from shared.access.limits import MOST, KeyLimits, Rate, read_count, read_lifetime, read_rate, read_time
from shared.access.model import Key, Made, Scope, made_key
from shared.access.text import new_key
from shared.contract.webhooks import key_of
from shared.runtime.settings import Settings
from tests.support.keys import all_routes, filled

AT = datetime(2026, 11, 29, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def made(scopes: frozenset[str] = frozenset({Scope.READ}), lasts: timedelta | None = None) -> Made:
    return made_key("a name", scopes, KeyLimits(), AT, lasts)


def test_a_record_holds_no_secret_that_lets_anybody_in() -> None:
    """As it is stored, and as Python shows it, neither the key nor its secret is in it; the record comes back whole."""
    one = made()
    stored = one.key.model_dump_json()
    for text in (stored, repr(one.key), repr(one)):
        assert one.text.secret not in text
        assert str(one.text) not in text
        assert one.callback_secret not in text or text is stored
    assert len(key_of(one.callback_secret)) == 32
    assert Key.model_validate_json(stored) == one.key
    later = stored.replace('"name":', '"colour":"red","name":')
    assert Key.model_validate_json(later) == one.key, "what a later version knows of is passed over"


def test_only_its_own_secret_is_a_keys() -> None:
    """Another secret, or that of another key, is none of its; equal secrets have hashes that differ."""
    one, other = made(), made()
    assert one.key.secret_of(one.text) == one.key.secrets[0]
    assert one.key.secret_of(other.text) is None
    assert one.key.secret_of(new_key(one.key.id)) is None
    salted = one.key.secrets[0].model_copy(update={"salt": "00" * 32})
    assert one.key.model_copy(update={"secrets": (salted,)}).secret_of(one.text) is None


def test_a_key_ends() -> None:
    """At its time, or when it is revoked, which comes first in words and stays as it was."""
    one = made(lasts=DAY).key
    assert one.wrong_at(AT + DAY - SECOND) is None
    assert one.wrong_at(AT + DAY) == "expired"
    revoked = one.revoked(AT + SECOND)
    assert revoked.wrong_at(AT + SECOND) == revoked.wrong_at(AT + 2 * DAY) == "revoked"
    assert revoked.revoked(AT + DAY) == revoked
    assert made().key.wrong_at(AT + 10_000 * DAY) is None


def test_a_secret_is_changed_with_an_overlap() -> None:
    """The id stays. Both secrets are valid until the overlap ends, and both sign callbacks, the newer one first."""
    one = made()
    two = one.key.rotated(DAY, AT)
    assert two.text.id == one.text.id == two.key.id
    assert two.text.secret != one.text.secret
    newer, older = two.key.secret_of(two.text), two.key.secret_of(one.text)
    assert newer is not None
    assert older is not None
    assert newer.is_valid(AT + 100 * DAY)
    assert older.is_valid(AT + DAY - SECOND)
    assert not older.is_valid(AT + DAY)
    assert two.key.callback_secrets(AT) == [two.callback_secret, one.callback_secret]
    assert two.key.callback_secrets(AT + DAY) == [two.callback_secret]


def test_a_secret_is_changed_twice() -> None:
    """An overlap that is running out is not made longer by the next change; what is over is forgotten."""
    one = made()
    two = one.key.rotated(DAY, AT)
    three = two.key.rotated(10 * DAY, AT + SECOND)
    first = three.key.secret_of(one.text)
    assert first is not None
    assert first.until == AT + DAY
    four = three.key.rotated(timedelta(0), AT + 2 * DAY)
    assert four.key.secret_of(one.text) is None
    assert [secret.until for secret in four.key.secrets] == [None, AT + 2 * DAY, AT + 2 * DAY]


def test_scopes() -> None:
    """A key is for what it says; `admin` is for everything, and what a later version calls a scope is none of ours."""
    assert [made(frozenset({scope})).key.may(Scope.WRITE) for scope in Scope] == [True, False, False, True]
    assert all(made(frozenset({Scope.ADMIN})).key.may(scope) for scope in Scope)
    assert not any(made(frozenset({"jobs:all"})).key.may(scope) for scope in Scope)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/jobs", Scope.READ),
        ("HEAD", "/v1/jobs/x/labels", Scope.READ),
        ("POST", "/v1/jobs", Scope.WRITE),
        ("POST", "/v1/jobs/x/callbacks/replay", Scope.WRITE),
        ("DELETE", "/v1/images/x", Scope.WRITE),
        ("BREW", "/v1/whatever/comes", Scope.WRITE),
        ("GET", "/metrics", Scope.METRICS),
        ("GET", "/not/thought/of", Scope.READ),
    ],
)
def test_what_a_request_wants(method: str, path: str, scope: Scope) -> None:
    """What only looks wants to read, figures have a scope of their own, and everything else writes."""
    assert wanted_scope(method, path) is scope
    assert not is_open(path)


@pytest.mark.parametrize("root", ["", "/colors"])
def test_another_spelling_of_an_address_wants_what_the_address_wants(root: str) -> None:
    """Whatever the router takes for a route, `/metrics%0A` among it, is no more open, and has no other scope."""
    routes = create_app(Settings(auth="keys")).routes
    names = {"job_id": "0" * 32, "sha256": "0" * 64, "name": "labels.png", "ending": "json", "code": "not_found"}
    taken = 0
    for method, route in all_routes():
        path = filled(route, **names)
        spellings = (path + "\n", path + "/", "/" + path, path.upper(), path + ";x", "\n" + path, path + "\x00")
        for spelling in spellings if method != "WEBSOCKET" else ():
            scope: dict[str, Any] = {
                "type": "http",
                "method": method,
                "path": root + spelling,
                "root_path": root,
                "headers": [],
            }
            if not any(each.matches(scope)[0] is Match.FULL for each in routes):
                continue
            taken += 1
            assert is_open(path) or not is_open(spelling), spelling
            assert is_open(path) or wanted_scope(method, spelling) is wanted_scope(method, path), spelling
    assert taken >= 40, "a line's end is passed over: else this test has nothing to look at"


def test_what_is_for_everybody() -> None:
    """Of all routes these are open, and none but these: probes, the document and its console, errors, the page."""
    opened = {path for _, path in all_routes() if is_open(path) and not path.startswith(("/docs/", "/page/"))}
    assert opened == {"/", "/healthz", "/readyz", "/docs", "/openapi.json", "/v1/errors", "/v1/errors/{code}"}


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/docs", "/docs/x.js", "/openapi.json", "/page/x.js"])
def test_what_is_open(path: str) -> None:
    """Probes and pages ask for no key."""
    assert is_open(path)


@pytest.mark.parametrize(
    "path", ["", "//", "/healthz/", "/docsx", "/pages", "/page", "/v1/docs/x", "/Docs", "/metrics"]
)
def test_what_only_looks_open(path: str) -> None:
    """Nothing beside them is open, however like them it is."""
    assert not is_open(path)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("60/min", (60, 60)), ("5/s", (5, 1)), (" 1e3 / hour ", (1000, 3600)), ("2_000/day", (2000, 86400))],
)
def test_rates(text: str, rate: tuple[int, int]) -> None:
    """A number and a unit of time, as a person writes them."""
    assert read_rate(text) == Rate(count=rate[0], seconds=rate[1])


@pytest.mark.parametrize("text", ["", "60", "60/", "/min", "60/fortnight", "0/min", "-1/s", "1.5/s", "nan/s", "1e13/s"])
def test_what_is_no_rate(text: str) -> None:
    """Anything else is refused in a sentence that says what is wanted."""
    with pytest.raises(ValueError, match="should be"):
        read_rate(text)


@pytest.mark.parametrize(("text", "count"), [("100", 100), ("2e9", 2 * 10**9), ("1_000", 1000), (str(MOST), MOST)])
def test_counts(text: str, count: int) -> None:
    """Whole numbers, also as powers of ten."""
    assert read_count(text) == count


@pytest.mark.parametrize("text", ["", "many", "0", "-5", "2.5", "inf", "1e400", "1e12000", "nan", "0x10"])
def test_what_is_no_count(text: str) -> None:
    """Nothing, parts of one, and what has no end are refused."""
    with pytest.raises(ValueError, match="whole number"):
        read_count(text)


def test_times() -> None:
    """A number and a unit; nothing that a calendar cannot hold, and of what must last not nothing."""
    with pytest.raises(ValueError, match="longer than nothing"):
        read_lifetime("0d")
    assert read_lifetime("1s") == SECOND
    assert [read_time(text) for text in ("90d", "24h", "30m", " 0s ")] == [
        90 * DAY,
        DAY,
        timedelta(minutes=30),
        timedelta(0),
    ]
    for text in ("", "90", "d", "-1d", "1.5h", "1w", "36501d", "9999999999d", "٣d"):
        with pytest.raises(ValueError, match="such as 90d"):
            read_time(text)
