"""A stranger who recomputes a result's numbers from the label map and the image, without a line of huemill's.

pixels     which pixels count, and for how much: from the image's pixels and the request's parameters
colors     spaces, differences, names: by coloraide
measures   the measures of a labelling, by their definitions, by scikit-learn where it has them
palette    what each entry of a palette says of itself
result     all of a result, number by number
"""
