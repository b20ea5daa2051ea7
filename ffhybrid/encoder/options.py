"""Options of encoding one GOP: what its pictures are, its quality or rate, and the effort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import cast

from ffhybrid.encoder.quality_target import QualityTarget
from ffhybrid.encoder.speed import DEFAULT_SPEED, Effort, effort_of
from ffhybrid.errors import UsageError
from ffhybrid.filters.effort import PERCEPTUAL
from ffhybrid.x265.options import X265Options

LEAST_INTERVAL = 8
"""Pictures from one anchor to the next, at least."""
AUTO_ANCHORS = -1
"""In their place: whether a GOP has anchors is decided for each."""


class EncodeMode(StrEnum):
    """What pictures between keyframes are."""

    HYBRID = "hybrid"
    """P and B pictures of HEVC, coded against a generated keyframe."""
    PROMPTUS = "promptus"
    """Generated, as keyframes are."""


class Placeholder(StrEnum):
    """What stands in the stream for keyframes of generators that refine no base picture."""

    PREVIEW = "preview"
    """A coarse picture of a few hundred bytes."""
    GREY = "grey"
    """Mid-grey, a few tens of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A wanted rate in bits a second, container included.

    ``maxrate`` holds over any time in which a buffer of ``bufsize`` bits (a second of it by default) fills; GOPs are
    the smallest unit that it is kept by. Without ``bitrate`` it caps a target of quality.
    """

    bitrate: int | None = None
    maxrate: int | None = None
    bufsize: int | None = None

    def __post_init__(self) -> None:
        if self.bufsize is not None and self.maxrate is None:
            raise UsageError("-bufsize belongs to -maxrate")
        if self.bitrate is None and self.maxrate is None:
            raise UsageError("a rate takes -b:v or -maxrate")
        if self.bitrate is not None and self.maxrate is not None and self.maxrate < self.bitrate:
            raise UsageError(f"-maxrate {self.maxrate} is below -b:v {self.bitrate}")

    @property
    def average(self) -> int:
        """Bits a second that all GOPs together take, at most where there is no bitrate."""
        return cast(int, self.maxrate if self.bitrate is None else self.bitrate)


@dataclass(frozen=True, slots=True, kw_only=True)
class GopOptions:
    """How GOPs are encoded; ``keyframe_budget`` is in bytes.

    ``generator`` is for the mode ``hybrid``, ``generator_options`` are for that of any mode. Fits and judges work with
    ``fit_threads`` threads on a CPU, whatever cores there are: other numbers give other bytes.

    Without ``rate`` and ``target`` the quality is that of ``x265.crf``, which otherwise is a first guess; then
    ``budgets`` sizes of a keyframe are tried at most, and with a bitrate so many ``candidates`` more are encoded in the
    end, of which the best one stays: as many as ``speed`` has, from 0, the most thorough, on, where they are None.
    ``refinements`` are joint ones, at most so many. With ``anchors`` the P picture at every so many pictures is
    enhanced by the generator, and what follows is coded against the result; with :data:`AUTO_ANCHORS` in GOPs that are
    better with them at the same bytes. ``fallback`` lets a GOP keep x265's own I-frame where a generated one does not
    win at the same bytes. ``stock_weight``, 0 to 1, is that of what stock players show against the restored file where
    encodes are chosen; ``placeholder`` is what they show of keyframes whose generator refines no base picture.
    ``picture_hashes`` keeps x265's MD5 of every picture in the file.
    """

    mode: EncodeMode = EncodeMode.HYBRID
    generator: str = "enhance"
    generator_options: Mapping[str, object] = field(default_factory=dict)
    keyframe_budget: int | None = None
    fit_threads: int = 1
    rate: Rate | None = None
    target: QualityTarget | None = None
    speed: int = DEFAULT_SPEED
    budgets: int | None = None
    refinements: int = 0
    anchors: int | None = None
    candidates: int | None = None
    fallback: bool = True
    stock_weight: float = 0.0
    placeholder: Placeholder = Placeholder.PREVIEW
    x265: X265Options = field(default_factory=X265Options)
    picture_hashes: bool = False

    def __post_init__(self) -> None:
        effort_of(self.speed)
        if not 0 <= self.stock_weight <= 1:
            raise UsageError(f"-stock-quality {self.stock_weight:g}: it takes 0 to 1")
        if self.anchors is not None and not self.anchors_must_win and self.anchors < LEAST_INTERVAL:
            raise UsageError(f"-anchors {self.anchors}: it takes auto, none, or {LEAST_INTERVAL} pictures or more")
        if self.anchors is not None and self.refinements:
            raise UsageError("-anchors or -kf:refine, not both: a keyframe is refitted to what refers to it alone")
        if self.fit_threads < 1:
            raise UsageError(f"-kf:threads {self.fit_threads}: it takes 1 or more")
        if self.rate is None:
            return
        if self.target is not None and self.rate.bitrate is not None:
            raise UsageError("give -b:v or -target, not both")
        if self.target is None and self.rate.bitrate is None:
            raise UsageError("-maxrate and -bufsize belong to -b:v or -target")

    @property
    def effort(self) -> Effort:
        """What is tried for a GOP."""
        usual = effort_of(self.speed)
        effort = replace(
            usual,
            budgets=usual.budgets if self.budgets is None else self.budgets,
            candidates=usual.candidates if self.candidates is None else self.candidates,
        )
        return effort.comparing_anyway() if effort.budgets > 1 or self.stock_weight else effort

    @property
    def is_judged(self) -> bool:
        """Whether encodes of a GOP are compared."""
        return bool(self.fallback or self.refinements or self.rate or self.target or self.anchors_must_win)

    @property
    def anchors_must_win(self) -> bool:
        """Whether only GOPs that are better with anchors have them."""
        return self.anchors == AUTO_ANCHORS

    @property
    def is_perceptual(self) -> bool:
        """Whether fits and judges look at more than squared errors."""
        return self.generator_options.get("tune") in (None, PERCEPTUAL)

    @property
    def device(self) -> str:
        """Where networks work; ``cpu`` where the generator has none, as all have one that :func:`settled` looked at."""
        return str(self.generator_options.get("device", "cpu"))

    @property
    def lpips_file(self) -> Path | None:
        """AlexNet's weights where the user names them."""
        lpips = self.generator_options.get("lpips")
        return lpips if isinstance(lpips, Path) else None
