"""A worker of a machine where not all kernels are compiled yet."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from tests.support.processes import Service, StoreServer
from tests.support.waiting import until
from worker.kernels import condense


def kept_by(kernel: Callable[..., object]) -> Path:
    """The folder in which a kernel compiled now would be kept."""
    return Path(numba.njit(cache=True)(kernel).stats.cache_path)


def test_what_the_first_jobs_do_not_need_is_compiled_while_they_run(
    own_store: Callable[..., StoreServer],
    own_service: Callable[..., Service],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker is ready without it, says so, and says when it is there."""
    here = Path(condense.deaths.stats.cache_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "numba"))
    there = kept_by(condense.deaths.py_func)
    shutil.copytree(here, there, ignore=shutil.ignore_patterns("condense.deaths-*", "*.pyc"), dirs_exist_ok=True)

    service = own_service(own_store()).start_gateway()
    worker = service.start_worker()
    service.wait_for_workers()
    until(lambda: worker.said("some kernels are still to be compiled"), "it says so")
    until(lambda: worker.said("all kernels are compiled"), "the kernels are compiled", 60)
    assert list(there.glob("condense.deaths-*.nbc"))
