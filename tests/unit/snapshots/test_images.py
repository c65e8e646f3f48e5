"""What a registry answered tells which image runs on an architecture."""

import pytest

from lab.snapshots.images import ImageProbe, Platform

AMD64, ARM64 = Platform("amd64", "sha256:a", "amd64"), Platform("arm64", "sha256:b", "arm64")
INDEX = ImageProbe("h:5000/app:1", found=True, index_digest="sha256:i", platforms=(AMD64, ARM64))
SINGLE = ImageProbe("h:5000/app@sha256:b", found=True, platforms=(ARM64, AMD64))


def test_an_image_is_named_by_its_digest() -> None:
    """Whatever the reference named before; there is none for another architecture."""
    assert INDEX.image_for("arm64") == SINGLE.image_for("arm64") == "h:5000/app@sha256:b"
    assert INDEX.image_for("riscv64") == ""


def test_a_single_image_has_one_architecture() -> None:
    """An index has none of its own."""
    assert (SINGLE.architecture, INDEX.architecture) == ("arm64", "")


@pytest.mark.parametrize(
    ("platform", "holds"), [(Platform("arm64", "", "amd64"), "amd64"), (Platform("arm64", ""), "arm64")]
)
def test_the_image_itself_knows_better_than_its_index(platform: Platform, holds: str) -> None:
    """An index can be wrong; where the image was not read, the index is believed."""
    assert platform.holds == holds


def test_only_an_index_holds_other_images() -> None:
    """A single image is listed with its siblings, and is no index of them."""
    assert (INDEX.is_index_of("sha256:b"), INDEX.is_index_of("sha256:c"), SINGLE.is_index_of("sha256:b")) == (
        True,
        False,
        False,
    )
