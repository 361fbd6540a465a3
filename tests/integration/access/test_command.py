"""The command line with a key that has limits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.client import Client, ServiceError
from cli.jobs import Batch, Done
from cli.saving import Folder
from shared.access.limits import Rate
from shared.access.model import Made
from tests.conftest import ONE_STORE
from tests.support.images import encoded, noise
from tests.support.keys import Operator
from tests.support.processes import Service

pytestmark = ONE_STORE


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Four small pictures."""
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(noise(20, 20 + number)))
    return paths


@pytest.fixture
def client_of(guarded: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Made], Client]]:
    """Makes the command's client for a key."""
    with ExitStack() as stack:

        def begin(key: Made) -> Client:
            monkeypatch.setenv("HUEMILL_KEY", str(key.text))
            return stack.enter_context(Client(guarded.url))

        yield begin


def test_a_rate_is_kept(
    operator: Operator, client_of: Callable[[Made], Client], images: list[Path], tmp_path: Path
) -> None:
    """Who may ask five times in two seconds has all results in the end: each pause is as long as the gateway says."""
    client = client_of(operator.make("slow", requests=Rate(count=5, seconds=2)))
    keep = Folder(client, tmp_path / "saved", images, ["gpl"]).save
    outcomes = Batch(client, {"n_clusters": 2}, None, lambda *_: None, keep).run(images)
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True] * 4, outcomes
    assert len(list((tmp_path / "saved").glob("*-palette.gpl"))) == 4


def test_what_no_pause_helps_against(
    operator: Operator, client_of: Callable[[Made], Client], images: list[Path]
) -> None:
    """An image of more pixels than the key has in an hour is refused at once."""
    with pytest.raises(ServiceError, match="pixels"):
        client_of(operator.make("small", pixels_per_hour=100)).submit(images[0], {})
