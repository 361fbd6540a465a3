"""The methods, each by its parameters."""

from typing import Annotated, TypeAlias

from pydantic import Field

from shared.contract.params.agglomerative import AgglomerativeParams
from shared.contract.params.hdbscan import HdbscanParams
from shared.contract.params.kmeans import KMeansParams
from shared.contract.params.optics import OpticsParams

AnyParams: TypeAlias = KMeansParams | HdbscanParams | OpticsParams | AgglomerativeParams
Params = Annotated[AnyParams, Field(discriminator="algorithm")]
MODELS: dict[str, type[AnyParams]] = {
    "kmeans": KMeansParams,
    "hdbscan": HdbscanParams,
    "optics": OpticsParams,
    "agglomerative": AgglomerativeParams,
}
DEFAULT_ALGORITHM = "kmeans"

# What the reference engine takes: each keeps a run within about a minute and two gigabytes, on two cores.
REFERENCE_MAX_PIXELS = {
    "kmeans": 20_000_000,  # memory: a pixel is 24 bytes, and there are a few copies
    "hdbscan": 300_000,  # time: some 10 s, and more than linear
    "optics": 60_000,  # time: quadratic, 40 s for 50,000
    "agglomerative": 20_000,  # memory: quadratic, 1.6 GB of distances
}
