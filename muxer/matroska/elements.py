"""The elements around the clusters of a Matroska segment (RFC 9559 section 5.1), as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from ffhybrid.muxer.matroska import ebml
from ffhybrid.muxer.streams.values import Attachment, Chapter

APP = "ffhybrid"
TIMESTAMP_SCALE = 1_000_000
"""Nanoseconds of a tick."""

EBML, SEGMENT, SEEK_HEAD, INFO, TRACKS = 0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
CLUSTER, CUES, TAGS, CHAPTERS, ATTACHMENTS = 0x1F43B675, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469
NANOSECONDS = 1_000_000_000
"""A second, in which durations and delays of Matroska are counted."""
_DURATION = 0x4489
_POSITION_BYTES = 5
"""The bytes of a position: enough for a terabyte."""
_TITLE, _DATE = "title", "creation_time"
"""Tags of a file, by FFmpeg's names, for which Info has elements of its own."""


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


def info(duration: int | None, values: Mapping[str, str]) -> bytes:
    """Info; ``duration`` in ticks, None where it stays unknown.

    Title and date are those of ``values``. Nothing says when the file was written, so that output is deterministic.
    """
    return ebml.checked_master(
        INFO,
        ebml.unsigned(0x2AD7B1, TIMESTAMP_SCALE),
        *([] if duration is None else [ebml.float64(_DURATION, duration)]),
        *_date(values.get(_DATE)),
        *([ebml.string(0x7BA9, values[_TITLE])] if values.get(_TITLE) else []),
        ebml.string(0x4D80, APP),  # MuxingApp
        ebml.string(0x5741, APP),  # WritingApp
    )


def _date(text: str | None) -> list[bytes]:
    """DateUTC, nanoseconds since 2001 (RFC 8794 section 7.6), of a date in ISO 8601."""
    if text is None:
        return []
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return []
    since = moment.astimezone(UTC) - datetime(2001, 1, 1, tzinfo=UTC)
    return [ebml.element(0x4461, (since // timedelta(microseconds=1) * 1000).to_bytes(8, "big", signed=True))]


def tags(of_file: Mapping[str, str], of_tracks: Mapping[int, Mapping[str, str]]) -> bytes:
    """Tags of the segment but those that Info holds, and of tracks by their UIDs; empty where there are none."""
    of_segment = {name: value for name, value in of_file.items() if name not in (_TITLE, _DATE)}
    entries = [
        ebml.master(0x7373, targets, *map(_simple_tag, values.items()))
        for targets, values in (
            (ebml.master(0x63C0), of_segment),
            *((ebml.master(0x63C0, ebml.unsigned(0x63C5, uid)), values) for uid, values in of_tracks.items()),
        )
        if values
    ]
    return ebml.checked_master(TAGS, *entries) if entries else b""


def _simple_tag(entry: tuple[str, str]) -> bytes:
    """SimpleTag; names are in capitals by convention."""
    name = entry[0].upper().replace(" ", "_")
    return ebml.master(0x67C8, ebml.string(0x45A3, name), ebml.string(0x4487, entry[1]))


def chapters(entries: Sequence[Chapter]) -> bytes:
    """One edition of chapters (RFC 9559 section 5.1.7); empty where there are none."""
    if not entries:
        return b""
    atoms = [
        ebml.master(
            0xB6,  # ChapterAtom
            ebml.unsigned(0x73C4, number),  # ChapterUID
            ebml.unsigned(0x91, _nanoseconds(chapter.start)),
            ebml.unsigned(0x92, _nanoseconds(chapter.end)),
            ebml.master(
                0x80,  # ChapterDisplay
                ebml.string(0x85, chapter.tags.get(_TITLE, "")),
                ebml.string(0x437C, chapter.tags.get("language", "und")),
            ),
        )
        for number, chapter in enumerate(entries, 1)
    ]
    return ebml.checked_master(CHAPTERS, ebml.master(0x45B9, *atoms))


def _nanoseconds(seconds: Fraction) -> int:
    return max(0, round(seconds * NANOSECONDS))


def attachments(files: Sequence[Attachment]) -> bytes:
    """Attached files (RFC 9559 section 5.1.6); empty where there are none."""
    if not files:
        return b""
    entries = [
        ebml.master(
            0x61A7,  # AttachedFile
            *([ebml.string(0x467E, file.description)] if file.description else []),
            ebml.string(0x466E, file.name),
            ebml.string(0x4660, file.mimetype),
            ebml.element(0x465C, file.data),
            ebml.unsigned(0x46AE, number),  # FileUID
        )
        for number, file in enumerate(files, 1)
    ]
    return ebml.checked_master(ATTACHMENTS, *entries)


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
    """Seek head from identifiers to positions in the segment; how long it is depends on the identifiers alone."""
    seeks = [
        ebml.master(
            0x4DBB,  # Seek
            ebml.element(0x53AB, ebml.element_id(identifier)),
            ebml.unsigned(0x53AC, position, length=_POSITION_BYTES),
        )
        for identifier, position in positions.items()
    ]
    return ebml.checked_master(SEEK_HEAD, *seeks)
