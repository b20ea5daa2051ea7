"""GOPs through x265: parts of what is spooled, and pictures whose type is asked for."""

from __future__ import annotations

import pytest

from ffhybrid import hevc
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.filters import Likeness
from ffhybrid.hevc.decoding import decode_pictures
from ffhybrid.x265.encoding import Segment, X265Gop, encode_gop
from ffhybrid.x265.options import X265Options
from support import first_gop


@pytest.fixture(scope="module")
def gop(tmp_path_factory: pytest.TempPathFactory) -> SourceGop:
    return first_gop("carphone_pristine.mp4", 12, tmp_path_factory.mktemp("frames"))


def types(coded: X265Gop) -> str:
    """Types of pictures in order of presentation."""
    units = sorted(coded.access_units, key=lambda unit: unit.pts)
    slices = (next(filter(hevc.is_slice, unit.nal_units)) for unit in units)
    return "".join(hevc.slice_type(nal, coded.parameter_sets) for nal in slices)


def test_a_part_of_a_gop_is_coded_from_its_own_pictures(gop: SourceGop) -> None:
    part = gop.part(4, 9)
    coded = encode_gop(part, X265Options(crf=12), params={})
    units = [unit.nal_units for unit in coded.access_units]
    pictures = decode_pictures(units, coded.parameter_sets, 8)
    assert sorted(unit.pts for unit in coded.access_units) == list(gop.pts[4:9])
    for index, picture in enumerate(pictures, 4):
        errors = [Likeness(gop.picture(other)).distortion(picture) for other in range(len(gop))]
        assert errors.index(min(errors)) == index


def test_two_p_pictures_at_the_end_leave_no_b_picture_behind_the_last(gop: SourceGop) -> None:
    last = len(gop) - 1
    free = encode_gop(gop, X265Options(crf=35), params={})
    asked = encode_gop(gop, X265Options(crf=35), params={}, segment=Segment(ends_in_anchor=True))
    assert free.inter[-1].pts != gop.pts[last]
    assert types(asked).endswith("PP")
    assert asked.inter[-1].pts == gop.pts[last]
