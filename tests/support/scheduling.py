"""Which test goes to which process under `-n`."""

from xdist.scheduler import LoadScopeScheduling

from tests.support.processes import SERVERS


class ByService(LoadScopeScheduling):
    """Tests that share a service, a store or a web server stay together; the others go to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith(("tests/integration/", "tests/e2e/", "tests/page/")):
            return nodeid
        return next((kind for kind in SERVERS if kind in nodeid), nodeid.partition("::")[0])
