"""What is wrong with an image, its file, or what is to be done with it."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.contract.errors.base import HuemillError


class UploadTooLarge(HuemillError):
    """The image has more bytes than the operator allows.

    Send a smaller file.
    """

    code = "upload_too_large"


class UploadStalled(HuemillError):
    """The upload was too slow for too long.

    Try again on a better connection.
    """

    code = "upload_stalled"
    retryable = True


class TooManyUploads(HuemillError):
    """More uploads, or fetches of URLs, are under way than the operator allows.

    Try again after `Retry-After`.
    """

    code = "too_many_uploads"
    retryable = True


class FetchDisabled(HuemillError):
    """URLs are not fetched here.

    Send the image itself, or have the operator set `HUEMILL_FETCH_URLS`.
    """

    code = "fetch_disabled"


class UrlRefused(HuemillError):
    """The URL is of a kind, or leads to a place, that is not fetched from.

    Give an http or https address that is public, or send the image itself.
    """

    code = "url_refused"


class FetchFailed(HuemillError):
    """Nothing came from the URL that could be an image.

    Look whether the address gives the image to everybody; try again, or send the image itself.
    """

    code = "fetch_failed"
    retryable = True


class UnknownImage(HuemillError):
    """The request names a stored image that is not there: it never was, or it has expired.

    Store it again with `POST /v1/images`, or send the image itself.
    """

    code = "unknown_image"


class UnsupportedImage(HuemillError):
    """The bytes are of no image format that huemill reads, or use a part of one that it does not.

    Convert the image, to PNG for instance.
    """

    code = "unsupported_image"


class BrokenImage(HuemillError):
    """The format of the image is known, and its data are not whole.

    Send the whole file; open it in another program to see whether it is.
    """

    code = "broken_image"


class ImageTooLarge(HuemillError):
    """The image has more pixels, or longer sides, than the operator allows.

    Send a smaller image.
    """

    code = "image_too_large"


class NothingToCluster(HuemillError):
    """No pixel is left to cluster: all are transparent, masked, excluded or outside of the region.

    Change the mask, `region`, `exclude` or `alpha`.
    """

    code = "nothing_to_cluster"


class TooManyColors(HuemillError):
    """The image has more distinct colours than the algorithm can compare in its time.

    Give `max_pixels`, a `region`, or take another algorithm.
    """

    code = "too_many_colors"


class TooManyClusters(HuemillError):
    """The result would have more clusters than a result holds.

    Ask for fewer or larger clusters.
    """

    code = "too_many_clusters"


class TooManyPixels(HuemillError):
    """The image has more pixels than the reference engine can take.

    Take `engine` `exact`, or give `max_pixels`.
    """

    code = "too_many_pixels"


@contextmanager
def errors_about(name: str) -> Iterator[None]:
    """Within, what is wrong with a file is said of `name`; of the image itself it is said anyway."""
    try:
        yield
    except (UploadTooLarge, UrlRefused, FetchFailed, UnsupportedImage, BrokenImage, ImageTooLarge) as error:
        if name == "image":
            raise
        raise type(error)(f"The {name} cannot be read. {error}") from error
