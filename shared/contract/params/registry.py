"""The methods that there are. A new one is a file beside this one, and its name in `AnyParams`."""

from typing import Annotated, TypeAlias, get_args

from pydantic import Field

from shared.contract.params.agglomerative import AgglomerativeParams
from shared.contract.params.assign import AssignParams
from shared.contract.params.hdbscan import HdbscanParams
from shared.contract.params.kmeans import KMeansParams
from shared.contract.params.optics import OpticsParams

AnyParams: TypeAlias = KMeansParams | HdbscanParams | OpticsParams | AgglomerativeParams | AssignParams
Params = Annotated[AnyParams, Field(discriminator="algorithm")]
MODELS: dict[str, type[AnyParams]] = {model.model_fields["algorithm"].default: model for model in get_args(AnyParams)}
DEFAULT_ALGORITHM = "kmeans"
REFERENCE_MAX_PIXELS = {
    name: model.method.reference_max_pixels for name, model in MODELS.items() if model.method.reference_max_pixels
}
