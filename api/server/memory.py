"""The memory that a crowd took is given back to the system when the crowd has left.

glibc keeps what was freed for the next time. Hundreds of readers that did not read leave a hundred megabytes behind.
"""

import ctypes

from api.server.admission import Admission

# So many connections at once are a crowd: what fewer leave behind is not worth a thought.
CROWD = 100
LOOK_SECONDS = 10

# Where the C library is another one, it has no such thing.
_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


class Returned:
    """Looks at the connections now and then."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def look(self) -> None:
        """Give memory back, which takes some milliseconds, if half of a crowd has left since that was done last."""
        if self._admission.most_lately >= CROWD and self._admission.count < self._admission.most_lately / 2:
            self._admission.most_lately = self._admission.count
            if _malloc_trim is not None:
                _malloc_trim(0)
