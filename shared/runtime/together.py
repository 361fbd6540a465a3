"""Several commands of Redis as one, also where it is full."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, cast

import orjson
from redis.asyncio import Redis

Command = Sequence[str | int]

_TOGETHER = files("shared.runtime").joinpath("together.lua").read_text()


class Together:
    """Runs commands in one move: all of them, as far as none of them fails by what it finds."""

    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(_TOGETHER)

    async def __call__(self, *commands: Command) -> list[Any]:
        """The commands' answers. Raises ResponseError where one has failed; the others are done."""
        return cast(list[Any], await cast(Any, self._script([], [orjson.dumps(commands)])))
