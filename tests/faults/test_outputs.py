"""An output for which there is not enough memory."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.support.calls import finished
from tests.support.jobs import IMPATIENT, ended, posted, reasons
from tests.support.processes import Service, StoreServer, resident_bytes
from tests.support.waiting import until

Stores = Callable[..., StoreServer]
Services = Callable[..., Service]
Saw = Callable[..., None]

# The result of such an image takes some 170 MB more than a worker's child at rest, the picture beside it 110 MB on top.
SIDE, AT_REST, BETWEEN = 4000, 240 * 2**20, 230 * 2**20


def speckled(side: int) -> bytes:
    """16 levels a channel, at random: few colours, and pictures that hardly become smaller."""
    pixels = np.random.default_rng(1).integers(0, 16, (side, side, 3), np.uint8) * 17
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def test_the_job_fails_and_says_what_to_do(own_store: Stores, own_service: Services, saw: Saw) -> None:
    """A picture beside its original that does not fit: `out_of_memory`, not a result without it; the worker lives.

    The same image without that output has its result in the same worker, and no file is left of what was begun.
    """
    service = own_service(own_store(), **{**IMPATIENT, "lease_seconds": 5}).start_gateway()
    worker = service.start_worker(max_memory_bytes=AT_REST + BETWEEN)
    service.wait_for_workers()
    image = speckled(SIDE)
    with service.client() as client:
        plain = ended(client, posted(client, image, n_clusters=4))
        assert (plain["status"], plain["attempt"]) == ("succeeded", 1)
        done = ended(client, posted(client, image, n_clusters=4, outputs="side_by_side"), 120)
        assert (done["status"], done["error"]["code"], done["attempt"]) == ("failed", "out_of_memory", 3)
        assert reasons(done) == ["out_of_memory"] * 3
        assert "ask for fewer outputs" in done["error"]["message"]
        assert done["result"] is None
        assert not [path for path in service.blob_files() if done["id"] in path.parts and "results" in path.parts]
        assert finished(client, outputs="side_by_side")["attempt"] == 1
        until(lambda: not [path for path in service.blob_files() if "uploads" in path.parts], "no upload is left", 12)
        worker.check()
        saw(attempts=done["attempt"], main_mb=resident_bytes(worker.pid) / 2**20)
