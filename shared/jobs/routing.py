"""Which queue a job waits in."""

from shared.contract.params import AnyParams

FAST = "huemill.fast"
SLOW = "huemill.slow"
QUEUES = (FAST, SLOW)


def queue_of(params: AnyParams) -> str:
    """The queue of the parameters' method; what the reference engine does is slow."""
    return FAST if params.method.queue == "fast" and params.engine == "exact" else SLOW
