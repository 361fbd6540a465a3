"""The algorithms' parameters: the only source of their names, bounds, defaults and documentation.

One frozen model for each algorithm, told apart by `algorithm`. Names and meanings are scikit-learn's and hdbscan's.
The OpenAPI page, `GET /v1/algorithms`, the error messages and the command line are all made from what stands here.

    common      what all methods share; kmeans, hdbscan, optics, agglomerative, assign: one file a method
    number      a number of clusters, or a range of them
    registry    the methods that there are
    parse       a request's JSON -> parameters, or InvalidParams
    json_text   JSON text -> its object or value, no name twice
    schema      a model -> JSON Schema; wording: what is wrong, in words
    checks      parameters and what an image's header says -> nothing, or an error
"""

from shared.contract.params.agglomerative import AgglomerativeParams
from shared.contract.params.assign import AssignParams
from shared.contract.params.checks import check_mask_size, check_reference_size, check_region
from shared.contract.params.common import (
    MOST_CLUSTERS,
    ColorSpace,
    CommonParams,
    resolve_count,
    rgb_of_color,
)
from shared.contract.params.hdbscan import HdbscanParams
from shared.contract.params.json_text import read_object, read_value
from shared.contract.params.kmeans import KMeansParams
from shared.contract.params.number import number_of, range_of
from shared.contract.params.optics import OpticsParams
from shared.contract.params.parse import parse_params
from shared.contract.params.registry import DEFAULT_ALGORITHM, MODELS, REFERENCE_MAX_PIXELS, AnyParams, Params
from shared.contract.params.schema import json_schema
from shared.contract.params.wording import plain, pointer

__all__ = [
    "DEFAULT_ALGORITHM",
    "MODELS",
    "MOST_CLUSTERS",
    "REFERENCE_MAX_PIXELS",
    "AgglomerativeParams",
    "AnyParams",
    "AssignParams",
    "ColorSpace",
    "CommonParams",
    "HdbscanParams",
    "KMeansParams",
    "OpticsParams",
    "Params",
    "check_mask_size",
    "check_reference_size",
    "check_region",
    "json_schema",
    "number_of",
    "parse_params",
    "plain",
    "pointer",
    "range_of",
    "read_object",
    "read_value",
    "resolve_count",
    "rgb_of_color",
]
