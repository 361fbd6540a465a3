"""OPTICS' parameters."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from shared.contract.params.common import CommonParams, CountOrShare, Method, PositiveNumber


class OpticsParams(CommonParams):
    """OPTICS: an ordering of the pixels by reachability, and clusters cut from it."""

    method = Method(
        queue="slow",
        timeout_seconds=300,
        reference_max_pixels=60_000,  # time: quadratic, 40 s for 50,000
    )

    algorithm: Literal["optics"] = "optics"
    min_samples: CountOrShare = Field(
        0.003, description="Neighbouring pixels that make a colour dense: pixels, or a share when below 1."
    )
    max_eps: PositiveNumber | None = Field(None, description="Largest distance looked at; null: no limit.")
    cluster_method: Literal["auto", "xi", "dbscan"] = Field(
        "auto",
        description="How clusters are cut from the plot: by huemill's criterion, by steepness, or at `eps`.",
    )
    xi: float = Field(0.05, gt=0, lt=1, description="Least steepness of a cluster's border (`xi`).")
    eps: PositiveNumber | None = Field(
        None, validate_default=True, description="Height of the cut (`dbscan`); null: `max_eps`."
    )
    min_cluster_size: CountOrShare | None = Field(
        None,
        description="Smallest cluster: pixels or a share; null: `min_samples` for `xi`, 0.01 for `auto`.",
    )
    predecessor_correction: bool = Field(True, strict=True, description="Correct clusters by predecessors (`xi`).")

    @field_validator("eps")
    @classmethod
    def _check_cut(cls, eps: float | None, info: ValidationInfo) -> float | None:
        max_eps = info.data.get("max_eps")
        if info.data.get("cluster_method") == "dbscan" and eps is None and max_eps is None:
            raise ValueError("is the height of the cut, which dbscan needs: give eps or max_eps")
        if eps is not None and max_eps is not None and eps > max_eps:
            raise ValueError(f"should be at most max_eps, which is {max_eps:g}")
        return eps
