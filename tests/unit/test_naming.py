"""What images' files are called."""

from pathlib import Path

import pytest

from cli.naming import names_of


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ([], []),
        (["photo.jpg"], ["photo"]),
        (["a/photo.jpg", "b/other.png"], ["photo", "other"]),
        (["photo.jpg", "photo.png"], ["photo.jpg", "photo.png"]),
        (["a/photo.jpg", "b/photo.jpg", "a/photo.png"], ["a-photo", "b-photo", "photo.png"]),
        (["a/photo.jpg", "a/photo.png", "b/photo.jpg", "b/photo.png"], ["a-photo.jpg", "a-photo.png", "b-photo.jpg",
                                                                        "b-photo.png"]),
        (["/x/a/photo.jpg", "/y/a/photo.jpg"], ["x-a-photo", "y-a-photo"]),
        (["/photo.jpg", "/a/photo.jpg"], ["photo.jpg", "a-photo"]),
        (["Photo.jpg", "photo.png"], ["Photo.jpg", "photo.png"]),
        (["/x/photo.jpg", "/x/a/photo", "/x/photo.jpg.png"], ["x-photo", "photo", "photo.jpg.png"]),
        (["photo.jpg", "photo.jpg", "./photo.jpg"], ["photo", "photo-2", "photo-3"]),
        (["photo.jpg", "photo.jpg", "photo-2.jpg"], ["photo", "photo-2", "photo-2-2"]),
        ([".hidden", "no ending", "Ünïcode [1].tar.gz"], [".hidden", "no ending", "Ünïcode [1].tar"]),
    ],
)  # fmt: skip
def test_names_are_short_and_unlike(images: list[str], names: list[str]) -> None:
    """The stem, and more of the path only for those that would be called the same, whatever their order."""
    assert names_of([Path(image) for image in images]) == names
    if len(set(images)) == len(images):
        backwards = names_of([Path(image) for image in reversed(images)])
        assert sorted(backwards) == sorted(names)
    assert len({name.casefold() for name in names}) == len(names)
