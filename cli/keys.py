"""`huemill keys`: API keys, made and ended by an operator beside Redis. Over HTTP there is no way to them.

Also by itself, where nothing but the gateway is installed: `python -m cli.keys`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
import redis

from cli.embedded import NotRunning, redis_url_of
from cli.exits import EXIT_UNREACHABLE, fail
from shared.access.limits import KeyLimits, Rate, read_count, read_lifetime, read_rate, read_time
from shared.access.model import DEFAULT_SCOPES, Key, Made, Scope, made_key
from shared.access.store import KeyBook
from shared.access.text import is_key_id
from shared.contract.errors import UnreadableRecord
from shared.jobs.model import now
from shared.runtime import connections
from shared.runtime.settings import WrongSettings, read_settings

MOST_NAME = 64
T = TypeVar("T")


class _Read(click.ParamType[Any]):
    """A value that a function of ours reads."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


def _read_name(text: str) -> str:
    if not text.strip() or len(text) > MOST_NAME or not text.isprintable():
        raise ValueError(f"should be 1 to {MOST_NAME} characters that can be printed")
    return text


def _read_id(text: str) -> str:
    if not is_key_id(text):
        raise ValueError(
            "is no id of a key: take it from `huemill keys list`, or from between the underscores of a key"
        )
    return text


NAME, ID, RATE = _Read("name", _read_name), _Read("id", _read_id), _Read("rate", read_rate)
COUNT, TIME, LIFETIME = _Read("count", read_count), _Read("time", read_time), _Read("time", read_lifetime)

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="The folder of a running `huemill serve`; otherwise the Redis of HUEMILL_REDIS_URL.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def keys() -> None:
    """API keys of a service that asks for them (HUEMILL_AUTH=keys)."""


@keys.command()
@click.argument("name", type=NAME)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(scope) for scope in Scope]),
    help=f"What it is for; repeated for several.  [default: {' and '.join(DEFAULT_SCOPES)}]",
)
@click.option("--expires", type=LIFETIME, metavar="TIME", help="After which it is not valid any more: 90d, 12h.")
@click.option("--rate", type=RATE, metavar="N/UNIT", help="Most requests in a second, minute, hour or day: 60/min.")
@click.option("--max-queued", type=COUNT, metavar="N", help="Most jobs that wait at a time.")
@click.option("--pixels-per-hour", type=COUNT, metavar="N", help="Most pixels that are clustered in an hour: 2e9.")
@data_dir_option
@json_option
def create(
    name: str,
    scopes: Sequence[str],
    expires: timedelta | None,
    rate: Rate | None,
    max_queued: int | None,
    pixels_per_hour: int | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Make a key for NAME, and show it: this once and never again."""
    limits = KeyLimits(requests=rate, max_queued=max_queued, pixels_per_hour=pixels_per_hour)
    made = made_key(name, frozenset(scopes or DEFAULT_SCOPES), limits, now(), expires)
    with _book(data_dir) as book:
        book.add(made.key)
    _show_made(made, as_json)


@keys.command("list")
@data_dir_option
@json_option
def list_keys(data_dir: Path | None, as_json: bool) -> None:
    """List the keys, the oldest first; those that were revoked for a month more."""
    with _book(data_dir) as book:
        found, broken = book.all()
    for key in found:
        click.echo(orjson.dumps(_shown(key)) if as_json else _line(key))
    for key_id in broken:
        click.echo(f"{key_id}: its record is broken, or of a later version of huemill.", err=True)
    if not found and not as_json:
        click.echo("There are no keys: `huemill keys create NAME` makes one.")


@keys.command()
@click.argument("key_id", metavar="ID", type=ID)
@data_dir_option
def revoke(key_id: str, data_dir: Path | None) -> None:
    """End the key ID: within five seconds no gateway lets it in, and its streams are closed. Its jobs go on."""
    with _book(data_dir) as book:
        _there(key_id, book.change(key_id, lambda key: key.revoked(now())))
    click.echo(f"{key_id}: revoked")


@keys.command()
@click.argument("key_id", metavar="ID", type=ID)
@click.option(
    "--overlap",
    type=TIME,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="For how long the key that it had is valid too; 0s: not any more.",
)
@data_dir_option
@json_option
def rotate(key_id: str, overlap: timedelta, data_dir: Path | None, as_json: bool) -> None:
    """Give the key ID another secret, and show it, this once. The id stays, and with it all its jobs."""
    made: list[Made] = []

    def rotated(key: Key) -> Key:
        at = now()
        if (wrong := key.wrong_at(at)) is not None:
            fail(f"{key_id} is {wrong}: make another key with `huemill keys create`.")
        made.append(key.rotated(overlap, at))
        return made[-1].key

    with _book(data_dir) as book:
        _there(key_id, book.change(key_id, rotated))
    _show_made(made[-1], as_json)


@contextmanager
def _book(data_dir: Path | None) -> Iterator[KeyBook]:
    """The keys of the Redis that is meant; whatever is wrong with that is said in a line."""
    try:
        settings = read_settings(**({} if data_dir is None else {"redis_url": redis_url_of(data_dir)}))
        connections.check(settings)
        with connections.failing_fast(settings) as client:
            yield KeyBook(client)
    except (NotRunning, WrongSettings, connections.WrongServer, UnreadableRecord) as error:
        fail(str(error))
    except redis.RedisError as error:
        where = "the Redis of HUEMILL_REDIS_URL" if data_dir is None else f"the `huemill serve` of {data_dir}"
        fail(f"{where} does not answer: {error}", EXIT_UNREACHABLE)


def _there(key_id: str, key: T | None) -> T:
    if key is None:
        fail(f"There is no key {key_id}: `huemill keys list` shows those that there are.")
    return key


def _show_made(made: Made, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({**_shown(made.key), "key": str(made.text), "callback_secret": made.callback_secret}))
        return
    click.echo(f"id               {made.key.id}")
    click.echo(f"key              {made.text}")
    click.echo(f"callback secret  {made.callback_secret}")
    click.echo("Keep both now: they are not shown again.", err=True)


def _shown(key: Key) -> dict[str, Any]:
    """All of a key but its secrets."""
    rate = key.limits.requests
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "state": key.wrong_at(now()) or "valid",
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "rate": None if rate is None else {"requests": rate.count, "seconds": rate.seconds},
        "max_queued": key.limits.max_queued,
        "pixels_per_hour": key.limits.pixels_per_hour,
    }


def _line(key: Key) -> str:
    limits, rate = key.limits, key.limits.requests
    words = [
        f"{rate.count:,} requests in {rate.seconds:,} s" if rate else "",
        f"{limits.max_queued:,} queued" if limits.max_queued else "",
        f"{limits.pixels_per_hour:,} pixels/h" if limits.pixels_per_hour else "",
        f"expires {_day(key.expires_at)}" if key.expires_at else "",
    ]
    state = key.wrong_at(now()) or "valid"
    about = "; ".join(word for word in (",".join(sorted(key.scopes)), *words) if word)
    return f"{key.id}  {state:<7}  {_day(key.created_at)}  {key.name}  ({about})"


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


if __name__ == "__main__":
    keys(prog_name="python -m cli.keys")
