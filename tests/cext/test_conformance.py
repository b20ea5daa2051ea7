"""Streams of other encoders are parsed, written back as they were and coded anew without loss, or refused by name.

They lie beside the project, never in it; ``python -m exactness.conformance`` reads them to their ends.
"""

from __future__ import annotations

import pytest

from exactness.streams import (
    Reader,
    Stream,
    base_layer,
    decoded_md5s,
    first_pictures,
    hashed_as_told,
    recoding_of,
    streams,
)
from ffhybrid import hevc
from ffhybrid.errors import VerificationError

STREAMS = {stream.name: stream for stream in streams()}
PICTURES = 12
REFUSED = {
    "fate/two_first_slice.mp4": "a slice uses long-term reference pictures, which cannot be spliced exactly",
    "heif/B029.265": "a slice uses a chroma format other than 4:2:0, which cannot be spliced exactly",
}
LONGER = {"heif/B022.265": 1}
"""Slices among the first whose reference picture set takes more bits than it has to."""
NO_BASE_LAYER = "heif/B023.265"
DECODED = ("cros/bear.265", "fate/loewe.mp4", "heif/B007.265", "heif/B021.265", "heif/B022.265", "heif/B037.265")
HASHED = ("heif/B007.265", "heif/B012.265", "libde265/KristenAndSara-x265.265", "libde265/paris-ra-wpp.265")


def stream(name: str) -> Stream:
    if name not in STREAMS:
        pytest.skip("there are no streams of other encoders beside the project (../shared/conformance)")
    return STREAMS[name]


def beginning(name: str) -> list[bytes]:
    return first_pictures(base_layer(stream(name).path), PICTURES)


def test_the_streams_are_there() -> None:
    assert len(STREAMS) == 50 or not STREAMS
    stream("heif/B001.265")


@pytest.mark.parametrize("name", STREAMS)
def test_sets_and_headers_are_written_back_as_they_were(name: str) -> None:
    reader = Reader()
    for nal in beginning(name):
        reader.read(nal)
    assert reader.sets >= 3 or name == NO_BASE_LAYER
    assert reader.refusals == ({REFUSED[name]} if name in REFUSED else set())
    if name not in REFUSED:
        assert reader.headers - reader.same == LONGER.get(name, 0)


@pytest.mark.parametrize("name", LONGER)
def test_shorter_headers_say_the_same(name: str) -> None:
    reader = Reader()
    for nal in beginning(name):
        reader.read(nal)
        if hevc.is_slice(nal):
            shorter = reader.written_back(nal)
            assert len(shorter) <= len(nal)
            assert reader.written_back(shorter) == shorter
            sets = reader.sets_of(nal)
            assert hevc.slice_qp(shorter, sets) == hevc.slice_qp(nal, sets)


@pytest.mark.parametrize("name", DECODED)
def test_slices_under_compact_parameter_sets_decode_to_the_same_samples(name: str) -> None:
    assert recoding_of(beginning(name)) == "identical"


@pytest.mark.parametrize("name", REFUSED)
def test_slices_that_cannot_be_moved_are_refused_by_name(name: str) -> None:
    assert recoding_of(beginning(name)) == f"refused: {REFUSED[name]}"


@pytest.mark.parametrize("name", ["fate/two_first_slice.mp4", NO_BASE_LAYER])
def test_a_strict_decoder_refuses_damage(name: str) -> None:
    assert stream(name).is_refused
    with pytest.raises(VerificationError):
        decoded_md5s(stream(name).path)


@pytest.mark.parametrize("name", HASHED)
def test_pictures_have_the_hashes_that_other_encoders_wrote(name: str) -> None:
    assert stream(name).hashed >= PICTURES or stream(name).hashed == stream(name).frames
    assert hashed_as_told(stream(name).path, pictures=PICTURES) == min(PICTURES, stream(name).frames)
