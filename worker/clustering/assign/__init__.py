"""A given palette: every colour to the entry that is nearest to it.

engine    points -> clustering
"""

from shared.contract.params import AssignParams, rgb_of_color
from worker.clustering.assign.details import AssignDetails
from worker.clustering.assign.engine import assign
from worker.clustering.base import Clustering, ClusteringMethod
from worker.color.points import Points
from worker.progress import Meter


def run(points: Points, params: AssignParams, meter: Meter) -> Clustering:
    return assign(points, [rgb_of_color(color) for color in params.palette], params.metric, meter)


METHOD: ClusteringMethod[AssignParams, AssignDetails, AssignDetails] = ClusteringMethod(
    run=run,
    fewer=lambda _: "Give fewer colours.",
    variants=(AssignParams(palette=["#000000", "#ffffff"], metric="euclidean"),),
    keeps_order=True,
)
