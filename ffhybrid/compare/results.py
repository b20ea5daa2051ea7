"""Results of a comparison, and their file ``results.json``, which it resumes from (docs/COMPARE.md)."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ffhybrid.compare.clip import Clip
from ffhybrid.core.atomic_files import pending_output
from ffhybrid.errors import CorruptDataError
from ffhybrid.panel import METRICS, Panel, Pooled

SCHEMA = 3
RESULTS = "results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """The clip that was compared; ``md5`` is that of its samples."""

    name: str
    width: int
    height: int
    bit_depth: int
    frame_rate: str
    frames: int
    seconds: float
    md5: str

    @classmethod
    def of(cls, clip: Clip) -> ClipFacts:
        """Take what results say of a clip."""
        return cls(
            name=clip.name,
            width=clip.spec.width,
            height=clip.spec.height,
            bit_depth=clip.spec.bit_depth,
            frame_rate=str(clip.frame_rate),
            frames=clip.frames,
            seconds=clip.seconds,
            md5=clip.md5,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePoint:
    """One codec at one rate.

    ``key`` identifies codec, settings, rate and clip; ``bitrate`` is what was asked for, ``size`` the bytes of the
    file ``stream`` (relative to the results), ``split`` what they are, ``types`` a letter a picture in order of
    presentation: ``I``, ``P`` or ``B``. The panel is empty until the file was measured.
    """

    key: str
    codec: str
    bitrate: int
    seconds: float
    stream: str
    size: int
    split: Mapping[str, int]
    settings: Mapping[str, Any]
    control: str
    encodes: int
    encode_seconds: float
    restore_seconds: float | None
    types: str
    panel: Panel

    @property
    def rate(self) -> float:
        """Bits a second of the file."""
        return self.size * 8 / self.seconds

    @property
    def pictures(self) -> Mapping[str, int]:
        """How many are shown of each type."""
        return Counter(self.types)

    def mean_of(self, metric: str, types: str) -> float:
        """Mean of a metric over the pictures of these types that it looked at; ``nan`` where there are none."""
        if metric not in self.panel.series:
            return math.nan
        every = self.panel.interval if METRICS[metric].sampled else 1
        values = self.panel.series[metric]
        chosen = [value for value, kind in zip(values, self.types[::every], strict=True) if kind in types]
        return fmean(chosen) if chosen else math.nan

    def mean(self, metric: str) -> float:
        """Mean of a metric of the panel; ``nan`` where it was not taken."""
        return self.panel.mean(metric)


@dataclass(slots=True)
class Results:
    """All points of a folder; ``shown`` are the keys of those that the last run asked for, in its order."""

    path: Path
    clip: ClipFacts
    points: dict[str, RatePoint] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path, clip: ClipFacts) -> Results:
        """Read what earlier runs left in a folder, if anything.

        Raises:
            CorruptDataError: the file is none of ours.
        """
        path = folder / RESULTS
        results = cls(path, clip)
        if path.exists():
            try:
                found = json.loads(path.read_text())
                if found["schema"] != SCHEMA:
                    raise ValueError(f"schema {found['schema']}")
                results.points = {entry["key"]: _point(entry) for entry in found["points"]}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                message = f"{path} holds no results of this version ({error}): remove it, or give another folder"
                raise CorruptDataError(message) from error
        return results

    def has(self, key: str) -> bool:
        """Whether a point was computed and its file is still there."""
        return key in self.points and (self.path.parent / self.points[key].stream).is_file()

    def selected(self) -> list[RatePoint]:
        """Points of the last run, those that it got to."""
        return [self.points[key] for key in self.shown if key in self.points]

    def add(self, point: RatePoint) -> None:
        """Take a point, as the newest, and write the file."""
        self.points.pop(point.key, None)
        self.points[point.key] = point
        self.save()

    def newest(self, codec: str, bitrate: int) -> RatePoint | None:
        """Point of a codec at a wanted rate that was computed last, whatever its settings; None where there is none."""
        found = [point for point in self.points.values() if (point.codec, point.bitrate) == (codec, bitrate)]
        return found[-1] if found else None

    def save(self) -> None:
        """Write the file anew."""
        entries = [_entry(point) for point in self.points.values()]
        data = {"schema": SCHEMA, "clip": asdict(self.clip), "shown": self.shown, "points": entries}
        with pending_output(self.path, overwrite=True) as pending:
            pending.write_text(json.dumps(data, indent=1, allow_nan=False))


def key_of(**identity: object) -> str:
    """Hash what a point depends on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def _entry(point: RatePoint) -> dict[str, Any]:
    return {**asdict(point), "rate": point.rate}


def _point(entry: Mapping[str, Any]) -> RatePoint:
    values = {name: value for name, value in entry.items() if name not in ("rate", "panel")}
    return RatePoint(**values, panel=_panel(entry["panel"]))


def _panel(entry: Mapping[str, Any]) -> Panel:
    return Panel(
        interval=entry["interval"],
        series={name: tuple(map(float, values)) for name, values in entry["series"].items()},
        pooled={name: Pooled(**figures) for name, figures in entry["pooled"].items()},
    )
