"""Header stripping (RFC 9559 section 5.1.4.1.31): what every frame of pictures begins with is said once in the track.

Frames begin with the length of a NAL unit in four bytes, the upper two of which are zero but for NAL units of 65,536
bytes and more. Where such a one comes first, an access unit delimiter is put before it, so that all frames begin alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from ffhybrid import hevc
from ffhybrid.muxer.matroska import ebml

STRIPPED = bytes(2)
"""The upper half of the length of a frame's first NAL unit."""

_ENCODINGS, _ENCODING, _COMPRESSION, _ALGORITHM, _SETTINGS = 0x6D80, 0x6240, 0x5034, 0x4254, 0x4255
_HEADER_STRIPPING = 3


def content_encodings() -> bytes:
    """ContentEncodings of a track whose frames are written by :func:`stripped_frame`.

    Order, scope and type are left out: their defaults say one compression of all frames.
    """
    compression = ebml.master(
        _COMPRESSION, ebml.unsigned(_ALGORITHM, _HEADER_STRIPPING), ebml.element(_SETTINGS, STRIPPED)
    )
    return ebml.master(_ENCODINGS, ebml.master(_ENCODING, compression))


def stripped_frame(nal_units: Sequence[bytes]) -> bytes:
    """Write an access unit, which has no delimiter yet, as a frame without :data:`STRIPPED` at its beginning."""
    frame = hevc.join_length_prefixed(nal_units)
    if not frame.startswith(STRIPPED):
        frame = hevc.join_length_prefixed([hevc.access_unit_delimiter(nal_units), *nal_units])
    return frame[len(STRIPPED) :]
