"""HDBSCAN's parameters."""

from typing import Literal

from pydantic import Field

from shared.contract.params.common import CommonParams, CountOrShare, Method


class HdbscanParams(CommonParams):
    """HDBSCAN: clusters of any shape by density, over all scales; what is sparse is noise."""

    method = Method(
        queue="slow",
        timeout_seconds=300,
        reference_max_pixels=300_000,  # time: some 10 s, and more than linear
    )

    algorithm: Literal["hdbscan"] = "hdbscan"
    min_cluster_size: CountOrShare = Field(
        0.01, description="Smallest cluster: pixels, or a share of the clustered pixels when below 1."
    )
    min_samples: CountOrShare = Field(
        0.003, description="Neighbouring pixels that make a colour dense: pixels, or a share when below 1."
    )
    cluster_selection_method: Literal["auto", "eom", "leaf", "plscan"] = Field(
        "auto",
        description="`eom`: the most persistent clusters (excess of mass). `leaf`: the finest ones. `auto`: as `eom`, "
        "`plscan`: as `leaf`, at a size from `min_cluster_size` up that is chosen for the image.",
    )
    cluster_selection_epsilon: float = Field(
        0.0, ge=0, description="Clusters nearer than this distance are not split further."
    )
    allow_single_cluster: bool = Field(False, strict=True, description="Whether one cluster may be the answer.")
    resolution: float | None = Field(
        None,
        # Far finer and far coarser than any space; beyond, squares and densities would leave the range of numbers.
        ge=1e-9,
        le=1e6,
        description="Smaller distances count as this one, so that no colour is infinitely dense; null: one 8-bit step.",
    )
