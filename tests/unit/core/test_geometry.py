import pytest

from mien.core.geometry import BBox


def test_a_box_knows_what_it_holds() -> None:
    box = BBox(10, 20, 30, 50)
    assert box.holds((10, 50))
    assert box.holds((20, 30))
    assert not box.holds((9.9, 30))
    assert not box.holds((20, 51))
    assert (box.width, box.height, box.area, box.centre) == (20, 30, 600, (20, 35))


@pytest.mark.parametrize("corners", [(0, 0, 0, 1), (0, 0, float("nan"), 1), (5, 0, 1, 1)])
def test_a_box_without_area_is_refused(corners: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="finite corners"):
        BBox(*corners)
