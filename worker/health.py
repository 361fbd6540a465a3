"""Was this host's worker heard lately? `python -m worker.health` is the container's health check.

It asks Redis, as the gateway's /readyz does, and needs no kernels for that.
"""

import asyncio

from shared.jobs.clients import heard_workers
from shared.jobs.worker_names import is_of_this_host
from shared.runtime import connections
from shared.runtime.settings import Settings


async def heard() -> bool:
    """Whether a worker of this host is among those heard within the last seconds."""
    async with connections.gateway(Settings()) as redis:
        return any(map(is_of_this_host, await heard_workers(redis)))


if __name__ == "__main__":
    raise SystemExit(0 if asyncio.run(heard()) else 1)
