"""The JSON file of rate-distortion figures that stands in docs: one row a clip, codec and rate, and how figures waver.

    {"schema": 1,
     "settings": {ID: {option: value, ...}, ...},
     "rows": [ROW, ...],
     "wavering": [WAVERING, ...]}

Rows are sorted by clip, width limit, point and codec, every field on a line of its own, so that differences between two
versions are readable. A row of the same clip, width limit, codec and point takes the place of an older one. A ROW has

    clip, width_limit    name; the width that pictures were reduced to at most, 0 for none
    width, height, frames, frame_rate, md5    of what was encoded; md5 is that of its samples
    codec, settings, control    name; ID of the settings; where the search of the size ended
    point, bitrate       bits per pixel asked for, and bits a second
    bytes, split         of the whole Matroska file; what they are (docs/COMPARE.md)
    pictures             how many are shown as I, P and B pictures
    encodes, encode_seconds    of the whole search
    date, machine        of the measurement
    interval             sampled metrics looked at one picture of so many
    metrics              {name: [mean, worst 5 % of pictures, worst 5 % of 64x64 places, keyframes, P and B pictures]}

with null for what a metric has not, and a WAVERING has

    clip, width_limit, codec, point, date    as above
    encodes              how many
    metrics              {name: [mean, worst pictures, worst places]}

which are standard deviations of what :mod:`quality.wavering` prints: of the logarithm for metrics of which less is
better, of the value for others.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ffhybrid.compare import RatePoint, Results
from ffhybrid.core.atomic_files import pending_output
from ffhybrid.panel import METRICS

SCHEMA = 1
CODECS = ("hybrid", "x265", "x265-best", "svtav1", "vvenc")
"""In the order of tables."""
KEYFRAME, OTHERS = "I", "PB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One metric of one file; None where there is no such figure."""

    mean: float
    worst_pictures: float | None = None
    worst_places: float | None = None
    keyframes: float | None = None
    others: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One codec on one clip at one rate: see the module."""

    clip: str
    width_limit: int
    width: int
    height: int
    frames: int
    frame_rate: str
    md5: str
    codec: str
    settings: Mapping[str, Any]
    control: str
    point: float
    bitrate: int
    bytes: int
    split: Mapping[str, int]
    pictures: Mapping[str, int]
    encodes: int
    encode_seconds: float
    date: str
    machine: str
    interval: int
    metrics: Mapping[str, Figures]

    @property
    def key(self) -> tuple[str, int, float, int, str]:
        """What a newer row has in common with the one that it replaces; sorts rows."""
        return (self.clip, self.width_limit, self.point, order(self.codec), self.codec)

    @property
    def miss(self) -> float:
        """The part of the wanted bytes that the file has more."""
        return self.bytes / (self.point * self.width * self.height * self.frames / 8) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wavering:
    """How far figures of one codec waver between encodes of one size: see the module."""

    clip: str
    width_limit: int
    codec: str
    point: float
    encodes: int
    date: str
    metrics: Mapping[str, Figures]

    @property
    def key(self) -> tuple[str, int, float, int, str]:
        """As that of rows."""
        return (self.clip, self.width_limit, self.point, order(self.codec), self.codec)


@dataclass(frozen=True, slots=True)
class RdFile:
    """What the file holds."""

    rows: Sequence[Row] = ()
    wavering: Sequence[Wavering] = field(default=())

    @classmethod
    def load(cls, path: Path) -> RdFile:
        """Read a file; without one there are no rows.

        Raises:
            ValueError: the file is of another version.
        """
        if not path.exists():
            return cls()
        found = json.loads(path.read_text())
        if found["schema"] != SCHEMA:
            raise ValueError(f"{path} has schema {found['schema']}, not {SCHEMA}")
        rows = [
            Row(**{**row, "settings": found["settings"][row["settings"]], "metrics": _figures(row["metrics"])})
            for row in found["rows"]
        ]
        wavering = [Wavering(**{**one, "metrics": _figures(one["metrics"])}) for one in found["wavering"]]
        return cls(rows, wavering)

    def merged(self, rows: Iterable[Row] = (), wavering: Iterable[Wavering] = ()) -> RdFile:
        """Take newer figures in place of older ones of the same key; a row that says the same stays as it was."""
        known = {row.key: row for row in self.rows}
        for row in rows:
            before = known.get(row.key)
            if before is None or not _same(before, row):
                known[row.key] = row
        wavers = {one.key: one for one in (*self.wavering, *wavering)}
        return RdFile([known[key] for key in sorted(known)], [wavers[key] for key in sorted(wavers)])

    def save(self, path: Path) -> None:
        """Write the file anew."""
        settings = {identifier(row.settings): row.settings for row in self.rows}
        parts = [
            f'"schema": {SCHEMA}',
            f'"settings": {_lines({name: settings[name] for name in sorted(settings)}, "  ")}',
            f'"rows": [{", ".join(_entry(row, settings=identifier(row.settings)) for row in self.rows)}]',
            f'"wavering": [{", ".join(map(_entry, self.wavering))}]',
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        with pending_output(path, overwrite=True) as pending:
            pending.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def order(codec: str) -> int:
    """Place of a codec in tables; those not named in :data:`CODECS` come last."""
    return CODECS.index(codec) if codec in CODECS else len(CODECS)


def rows_of(results: Results, points: Mapping[int, float], *, width_limit: int) -> list[Row]:
    """Make rows of what a comparison found, as far as it is measured; ``points`` are bits per pixel by bitrate."""
    return [_row(results, point, points[point.bitrate], width_limit) for point in results.selected() if _has(point)]


def today() -> str:
    """Date of a measurement."""
    return datetime.now(UTC).date().isoformat()


def identifier(settings: Mapping[str, Any]) -> str:
    """Name settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


def _has(point: RatePoint) -> bool:
    return bool(point.panel.pooled)


def _row(results: Results, point: RatePoint, bits_per_pixel: float, width_limit: int) -> Row:
    clip = results.clip
    return Row(
        clip=clip.name,
        width_limit=width_limit,
        width=clip.width,
        height=clip.height,
        frames=clip.frames,
        frame_rate=clip.frame_rate,
        md5=clip.md5,
        codec=point.codec,
        settings=point.settings,
        control=point.control,
        point=bits_per_pixel,
        bitrate=point.bitrate,
        bytes=point.size,
        split={part: size for part, size in point.split.items() if size},
        pictures=dict(sorted(point.pictures.items())),
        encodes=point.encodes,
        encode_seconds=round(point.encode_seconds, 1),
        date=today(),
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        interval=point.panel.interval,
        metrics={name: _of(point, name) for name in METRICS if name in point.panel.pooled},
    )


def _of(point: RatePoint, metric: str) -> Figures:
    pooled = point.panel.pooled[metric]
    found = Figures(
        mean=pooled.mean,
        worst_pictures=pooled.worst_pictures,
        worst_places=pooled.worst_places,
        keyframes=point.mean_of(metric, KEYFRAME),
        others=point.mean_of(metric, OTHERS),
    )
    digits = METRICS[metric].digits + 1
    rounded = {
        name: None if value is None or math.isnan(value) else round(value, digits)
        for name, value in asdict(found).items()
    }
    return Figures(**rounded)


def _same(one: Row, other: Row) -> bool:
    """Whether two rows differ in when and where they were taken at most."""
    return one == replace(other, date=one.date, machine=one.machine)


def _figures(metrics: Mapping[str, Sequence[float | None]]) -> dict[str, Figures]:
    names = ("mean", "worst_pictures", "worst_places", "keyframes", "others")
    return {metric: Figures(**dict(zip(names, values, strict=False))) for metric, values in metrics.items()}


def _entry(entry: Row | Wavering, **instead: object) -> str:
    values = {**asdict(entry), **instead}
    metrics = {name: list(asdict(figures).values()) for name, figures in entry.metrics.items()}
    inner = "{\n" + ",\n".join(f'   "{key}": {json.dumps(value)}' for key, value in values.items() if key != "metrics")
    return f'{inner},\n   "metrics": {_lines(metrics, "    ")}}}'


def _lines(mapping: Mapping[str, object], indent: str) -> str:
    """Write a mapping, a line an entry."""
    return "{\n" + ",\n".join(f"{indent}{json.dumps(key)}: {json.dumps(value)}" for key, value in mapping.items()) + "}"
