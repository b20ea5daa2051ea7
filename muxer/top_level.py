"""The elements around the clusters of a Matroska segment (RFC 9559 section 5.1), as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ffhybrid.muxer import ebml

APP = "ffhybrid"
TIMESTAMP_SCALE = 1_000_000
"""Nanoseconds of a tick."""

EBML, SEGMENT, SEEK_HEAD, INFO, TRACKS = 0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
CLUSTER, CUES, TAGS, CHAPTERS, ATTACHMENTS = 0x1F43B675, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469
_DURATION = 0x4489


@dataclass(frozen=True, slots=True)
class CuePoint:
    """Where a keyframe lies: its time in ticks, its cluster in the segment, its block in the cluster."""

    time: int
    track: int
    cluster_position: int
    relative_position: int


def ebml_header() -> bytes:
    """EBML header of Matroska version 4, readable by version 2 readers."""
    return ebml.master(
        EBML,
        ebml.unsigned(0x4286, 1),  # EBMLVersion
        ebml.unsigned(0x42F7, 1),  # EBMLReadVersion
        ebml.unsigned(0x42F2, 4),  # EBMLMaxIDLength
        ebml.unsigned(0x42F3, 8),  # EBMLMaxSizeLength
        ebml.string(0x4282, "matroska"),  # DocType
        ebml.unsigned(0x4287, 4),  # DocTypeVersion
        ebml.unsigned(0x4285, 2),  # DocTypeReadVersion
    )


def info(duration: int | None) -> bytes:
    """Info without a date, so that output is deterministic; ``duration`` in ticks, None where it stays unknown."""
    return ebml.checked_master(
        INFO,
        ebml.unsigned(0x2AD7B1, TIMESTAMP_SCALE),
        *([] if duration is None else [ebml.float64(_DURATION, duration)]),
        ebml.string(0x4D80, APP),  # MuxingApp
        ebml.string(0x5741, APP),  # WritingApp
    )


def tags(values: Mapping[str, str]) -> bytes:
    """Tags of the whole segment."""
    simple = [
        ebml.master(0x67C8, ebml.string(0x45A3, name), ebml.string(0x4487, value)) for name, value in values.items()
    ]
    return ebml.checked_master(TAGS, ebml.master(0x7373, ebml.master(0x63C0), *simple))


def cues(points: Iterable[CuePoint]) -> bytes:
    """Cues, one point a keyframe."""
    return ebml.checked_master(CUES, *map(_cue_point, points))


def _cue_point(point: CuePoint) -> bytes:
    positions = ebml.master(
        0xB7,  # CueTrackPositions
        ebml.unsigned(0xF7, point.track),
        ebml.unsigned(0xF1, point.cluster_position),
        ebml.unsigned(0xF0, point.relative_position),
    )
    return ebml.master(0xBB, ebml.unsigned(0xB3, point.time), positions)


def seek_head(positions: Mapping[int, int]) -> bytes:
    """Seek head from identifiers to positions in the segment."""
    seeks = [
        ebml.master(0x4DBB, ebml.element(0x53AB, ebml.element_id(identifier)), ebml.unsigned(0x53AC, position))
        for identifier, position in positions.items()
    ]
    return ebml.checked_master(SEEK_HEAD, *seeks)
