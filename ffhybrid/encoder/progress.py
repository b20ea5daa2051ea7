"""Progress inside a GOP: the stage that its encode is in, how much of that is done, and the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from ffhybrid.encoder.coded_gop import CodedGop
from ffhybrid.encoder.rate_targets import Encode, Judged
from ffhybrid.filters import FitProgress
from ffhybrid.x265 import isolation

PERIOD = 1.0
"""Seconds between two words from inside an encode."""


class Stage(StrEnum):
    """What is being done for a GOP; most come again for every keyframe that is tried."""

    QUEUE = "queue"
    """It was given to an engine; ``done`` and ``of`` count GOPs, those given so far."""
    NATIVE = "native"
    """x265 codes it with its own keyframe, at one CRF after the other."""
    FIT = "fit"
    """A keyframe is fitted."""
    ENCODE = "encode"
    """x265 codes P and B pictures against a generated keyframe, at one CRF after the other."""
    REFIT = "refit"
    """A keyframe is fitted to all pictures of the GOP."""
    VARY = "vary"
    """The best is coded again, at neighbouring CRFs."""
    CHECK = "check"
    """What will be written is restored and decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GopProgress:
    """How far the encode of a GOP is.

    ``done`` of ``of`` steps of a stage are behind it, which are those of a fit, or encodes: a search often ends before
    the last. ``frame`` of ``frames`` of the encode under way are done, 0 between encodes. While a keyframe is fitted
    ``size`` (bytes), ``psnr`` (dB) and ``lpips`` are those of its latent and its picture, else those of the best GOP so
    far, and ``reached`` is the value that this has of the target's metric; None where there is none, or nobody looked.
    """

    gop: int
    stage: Stage
    done: int
    of: int
    frame: int = 0
    frames: int = 0
    size: int | None = None
    psnr: float | None = None
    lpips: float | None = None
    reached: float | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        best = (
            "" if self.size is None else f"{self.size} bytes",
            "" if self.psnr is None else f"PSNR {self.psnr:.2f}",
            "" if self.lpips is None else f"LPIPS {self.lpips:.3f}",
            "" if self.reached is None else f"target at {self.reached:.4g}",
        )
        described = ", ".join(filter(None, best))
        frame = f", frame {self.frame} of {self.frames}" if self.frame else ""
        return f"GOP {self.gop}: {self.stage} {self.done}/{self.of}{frame}" + (f": {described}" if described else "")


OnProgress = Callable[[GopProgress], None]


class GopWatch:
    """Follows the encode of one GOP and tells of it; nobody needs to listen."""

    def __init__(self, gop: int, tell: OnProgress | None, *, frames: int) -> None:
        self._gop, self._tell_somebody, self._frames = gop, tell, frames
        self._told = time.monotonic()
        self._best: Judged | None = None

    def fitting(self, stage: Stage) -> Callable[[FitProgress], None] | None:
        """Give what a fit is to tell its steps."""
        tell = self._tell_somebody
        if tell is None:
            return None

        def on_fit(fit: FitProgress) -> None:
            size, psnr, lpips = fit.size, _known(fit.psnr), _known(fit.lpips)
            done = min(fit.step, fit.steps)
            tell(GopProgress(gop=self._gop, stage=stage, done=done, of=fit.steps, size=size, psnr=psnr, lpips=lpips))

        return on_fit

    def counted(self, encode: Encode, stage: Stage, *, of: int) -> Encode:
        """Tell of every encode of a stage that takes so many at most."""
        done = 0

        def counting(crf: float) -> CodedGop:
            nonlocal done
            self.at(stage, done, of)
            with self.inside(stage, done, of):
                coded = encode(crf)
            done += 1
            self.at(stage, done, of)
            return coded

        return counting

    def inside(self, stage: Stage, done: int, of: int) -> AbstractContextManager[None]:
        """Tell of frames of an encode, now and then."""

        def on_frame(frame: int) -> None:
            if time.monotonic() - self._told >= PERIOD:
                self.at(stage, done, of, frame=frame)

        return isolation.watched(on_frame if self._tell_somebody else None)

    def at(self, stage: Stage, done: int, of: int, *, frame: int = 0) -> None:
        """Tell of a stage."""
        if self._tell_somebody is None:
            return
        self._told = time.monotonic()
        best = self._best
        self._tell_somebody(
            GopProgress(
                gop=self._gop,
                stage=stage,
                done=done,
                of=max(done, of),
                frame=frame,
                frames=self._frames if frame else 0,
                size=best.gop.size if best else None,
                psnr=best.quality.psnr if best else None,
                lpips=_known(best.quality.lpips) if best else None,
                reached=best.reached if best else None,
            )
        )

    def judged(self, found: Judged) -> Judged:
        """Take note of an encode that was looked at, and hand it on."""
        if self._best is None or found.cost < self._best.cost:
            self._best = found
        return found


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
