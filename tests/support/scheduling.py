"""Which test goes to which process under `-n`."""

from xdist.scheduler import LoadScopeScheduling

from tests.support.processes import SERVERS

SHARING = ("tests/integration/", "tests/e2e/", "tests/page/")
# They share a process or a copy of huemill, and are long: together they also begin before all single tests.
LONG = ("tests/unit/test_new_things.py", "tests/unit/test_threads.py", "tests/unit/test_warmup.py")


class ByService(LoadScopeScheduling):
    """Tests that share a service, a store or a web server stay together; the others go to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith((*SHARING, *LONG)):
            return nodeid
        return next((kind for kind in SERVERS if kind in nodeid), nodeid.partition("::")[0])
