"""KMeans over counted colours: exactly Lloyd's algorithm on every pixel.

engine    points -> clustering
grids     the points in cells, and the means of cells in coarser ones
starts    k-means++ on a coarse grid, and on through the finer ones
swaps     centres that are little missed move to where they are needed
sweep     many numbers of clusters from one preparation
lloyd     Lloyd's iterations on the points of a grid
"""

from shared.contract.params import KMeansParams
from worker.clustering.base import ClusteringMethod
from worker.clustering.kmeans import engine, peer
from worker.clustering.kmeans.details import KMeansDetails

METHOD = ClusteringMethod(
    run=engine.run,
    peer=peer.run,
    compare=KMeansDetails.compare,
    fewer=lambda _: "Use a smaller n_clusters.",
    variants=(KMeansParams(init=[[0, 0, 0], [0, 0, 0]]),),  # of two equal centres one is left without a colour
)
