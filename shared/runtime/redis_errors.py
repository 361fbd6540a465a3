"""What Redis answers, or does not, in the words of the contract: `Unavailable` or `UnreadableRecord`."""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from redis.exceptions import RedisError, ResponseError

from shared.contract.errors import Refused, Unavailable, UnreadableRecord

P = ParamSpec("P")
T = TypeVar("T")

AWAY = "The job store cannot be reached at the moment. Try again soon."


@contextmanager
def wrong_type_told() -> Iterator[None]:
    """Within, a key of another type than it should be is an UnreadableRecord; other errors stay as they are."""
    try:
        yield
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        raise UnreadableRecord("A key of the job store is of another type than it should be.") from error


@contextmanager
def redis_errors() -> Iterator[None]:
    """Within, Redis' errors become ours: UnreadableRecord for a key of another type, Refused for any other answer,
    Unavailable where there was no answer: then nobody knows whether it was done.
    """
    try:
        with wrong_type_told():
            yield
    except ResponseError as error:
        raise Refused(AWAY) from error
    except RedisError as error:
        raise Unavailable(AWAY) from error


def asks_redis(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The same method, with `redis_errors` around it."""

    @functools.wraps(method)
    async def told(*args: P.args, **kwargs: P.kwargs) -> T:
        with redis_errors():
            return await method(*args, **kwargs)

    return told
