"""KMeans over counted colours: exactly Lloyd's algorithm on every pixel.

engine    points -> clustering
grids     the points in cells, and the means of cells in coarser ones
starts    k-means++, crossings and a local search on a coarse grid, and on through the finer ones
swaps     centres that are little missed move to where they are needed
sweep     many numbers of clusters from one preparation
lloyd     Lloyd's iterations on the points of a grid
"""

from shared.contract.params import KMeansParams, rgb_of_color
from worker.clustering.base import Clustering, ClusteringMethod
from worker.clustering.kmeans import engine, peer
from worker.clustering.kmeans.details import KMeansDetails
from worker.color.points import Points
from worker.progress import Meter


def run(points: Points, params: KMeansParams, meter: Meter) -> Clustering:
    return engine.run(points, params, meter, [rgb_of_color(color) for color in params.fixed])


METHOD = ClusteringMethod(
    run=run,
    peer=peer.run,
    compare=KMeansDetails.compare,
    fewer=lambda _: "Use a smaller n_clusters.",
    variants=(
        KMeansParams(init=[[0, 0, 0], [0, 0, 0]]),  # of two equal centres one is left without a colour
        KMeansParams(fixed=["#ffffff"]),
        KMeansParams(n_clusters=32),  # starts of so many centres are crossed
    ),
)
