"""The way of an upload through the code: `python -m bench.way`, or `python bench/way.py` from the root of any tree.

One PNG is posted as multipart/form-data for KMeans to a stack of its own; what is counted is

    files        project files in which a function is begun on the way through the gateway and the worker
    come back    files in which one is begun again after they had been left: all that were begun there had ended, and
                 the way went on in another file

Neither says whether the code is good. Both say how much a reader has to hold in mind who follows one request. Functions
compiled by numba are not seen; neither is what runs in the background, whose periods are set to hours.
"""

import dis
import io
import os
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

ROOMS = ("api", "worker", "shared")
WARM_UP = 3  # what is made at the first request is not on the way of an upload
_RESUMES = {dis.opmap["YIELD_VALUE"], dis.opmap["RETURN_GENERATOR"]}


class Event(NamedTuple):
    """A function was begun, or ended."""

    seconds: float
    process: str
    begun: bool
    file: str


def record(root: str, log: str) -> None:
    """Note from now on, in this process and those that it forks, each function of the project."""
    file = Path(log).open("a", buffering=1)  # noqa: SIM115 (for as long as the process runs)
    folders = tuple(os.path.join(root, room) + os.sep for room in ROOMS)  # noqa: PTH118 (for str.startswith)

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(folders):
            return
        function = code.co_flags & 1  # no module and no class: those have no fast locals
        begins = event == "call" and code.co_code[frame.f_lasti + 1] & 3 == 0  # RESUME 0; others go on after a wait
        ends = event == "return" and code.co_code[frame.f_lasti] not in _RESUMES
        if function and (begins or ends):
            name = code.co_filename.removeprefix(root + os.sep)
            file.write(f"{time.monotonic()} {os.getpid()} {'+' if begins else '-'} {name}\n")

    threading.setprofile(note)
    sys.setprofile(note)


def way(folder: Path) -> Iterator[Event]:
    """What one upload begins and ends, in the order of its time."""
    root, log = str(Path.cwd()), folder / "log"
    code = f"import runpy; runpy.run_path({str(Path(__file__).resolve())!r})['record']({root!r}, {str(log)!r})"
    (folder / "sitecustomize.py").write_text(code)  # what Python runs at its start
    os.environ |= {"PYTHONPATH": f"{folder}{os.pathsep}{root}", "HUEMILL_SWEEP_SECONDS": "9999"}
    sys.path.insert(0, root)
    import httpx
    import numpy as np
    from PIL import Image

    from cli.stack import running

    png = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)).save(png, "PNG")
    files = {"image": ("a.png", png.getvalue(), "image/png"), "params": (None, '{"n_clusters": 3}')}
    with running(folder / "data") as stack, httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as client:
        for _ in range(WARM_UP + 1):
            time.sleep(1)  # the one before it has long ended
            begin = time.monotonic()
            client.post("/v1/jobs", files=files, headers={"Cache-Control": "no-cache"}).raise_for_status()
        time.sleep(1)
        end = time.monotonic()
    for line in log.read_text().splitlines():
        seconds, process, sign, name = line.split()
        if begin <= float(seconds) <= end:
            yield Event(float(seconds), process, sign == "+", name)


def come_back(events: list[Event]) -> dict[str, int]:
    """How often each file was come back to in one process, where it was at all."""
    begun, entered, latest = Counter[str](), Counter[str](), ""
    for event in events:
        if event.begun:
            entered[event.file] += not begun[event.file] and event.file != latest
            latest = event.file
        begun[event.file] += 1 if event.begun else -1
    return {file: times - 1 for file, times in entered.items() if times > 1}


def main() -> None:
    """Print both numbers, for each process and in all, and which files they are."""
    with tempfile.TemporaryDirectory() as folder:
        events = list(way(Path(folder)))
    processes: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        processes[event.process].append(event)
    for name, its in sorted(processes.items()):
        seen, back = list(dict.fromkeys(event.file for event in its)), come_back(its)
        print(f"\nprocess {name}: {len(seen)} files, {len(back)} come back to")
        for file in seen:
            print(f"  {file}" + (f"  (come back to {back[file]} times)" if file in back else ""))
    print(f"\nin all: {len({event.file for event in events})} files")


if __name__ == "__main__":
    main()
