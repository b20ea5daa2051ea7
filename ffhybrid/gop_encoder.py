"""Encoding GOP after GOP: at a constant quality, or to a bitrate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ffhybrid import fixups
from ffhybrid.allocation import Allocation, first_pass
from ffhybrid.errors import UsageError
from ffhybrid.filters import FitProgress, Generator, Likeness
from ffhybrid.gop import HybridGop
from ffhybrid.gop_encoding import CodedGop, check, encode_generated, intra_size, without_hashes
from ffhybrid.gop_search import GopSearch
from ffhybrid.judging import Judge, Quality, lpips_distance
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.planner import GopLimits, SourceGop
from ffhybrid.regeneration import Regeneration, Strictness, correction_size
from ffhybrid.x265_options import X265Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A wanted rate in bits a second, container included.

    ``maxrate`` holds over any time in which a buffer of ``bufsize`` bits (a second of it by default) fills; GOPs are
    the smallest unit that it is kept by. ``budgets`` is how many sizes of a keyframe are tried.
    """

    bitrate: int
    maxrate: int | None = None
    bufsize: int | None = None
    budgets: int = 3

    def __post_init__(self) -> None:
        if self.maxrate is not None and self.maxrate < self.bitrate:
            raise UsageError(f"-maxrate {self.maxrate} is below -b:v {self.bitrate}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeOptions:
    """What ``ffhybrid encode`` takes; ``keyframe_budget`` is in bytes, ``frames`` limits the pictures read.

    ``rate`` None means the constant quality of ``x265.crf``; otherwise that is a first guess. ``picture_hashes`` keeps
    x265's MD5 of every picture in the file. ``carriage`` None means ``track`` in Matroska and ``inband`` elsewhere.
    """

    generator: str = "overfit"
    generator_options: Mapping[str, object] = field(default_factory=dict)
    keyframe_budget: int | None = None
    rate: Rate | None = None
    x265: X265Options = field(default_factory=X265Options)
    limits: GopLimits = field(default_factory=GopLimits)
    carriage: Carriage | None = None
    picture_hashes: bool = False
    audio: bool = True
    frames: int | None = None
    container_format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GopReport:
    """What one GOP cost, in bytes; ``fixups`` counts samples, ``windows`` the lambda windows tried.

    ``correction`` is part of ``latent``, which is part of ``payload``. ``generator`` is ``hevc`` where the
    GOP keeps an ordinary I-frame, whose bytes are then in ``placeholder``. ``psnr`` and ``lpips`` are means over the
    GOP, None where nobody looked.
    """

    index: int
    start: float
    pictures: int
    generator: str
    crf: float
    latent: int
    correction: int
    payload: int
    fixups: int
    fixup_bytes: int
    placeholder: int
    inter: int
    windows: int
    psnr: float | None
    lpips: float | None


class GopEncoder:
    """Encodes the GOPs of one file in their order; keyframes begin where the one before ended."""

    def __init__(self, generator: Generator, options: EncodeOptions) -> None:
        self._generator = generator
        self._options = options
        self._regeneration = _regeneration(options.generator_options)
        self._latent: bytes | None = None

    @classmethod
    def create(cls, path: Path, generator: Generator, options: EncodeOptions) -> GopEncoder:
        """Make the encoder that the options ask for; with a bitrate it looks through the whole file first."""
        if options.rate is None:
            return cls(generator, options)
        return RateControl(path, generator, options, options.rate)

    def encode(
        self, gop: SourceGop, progress: Callable[[FitProgress], None] | None = None
    ) -> tuple[HybridGop, GopReport]:
        """Encode the next GOP, and check that it restores exactly.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
        """
        coded, quality = self._coded(gop, progress)
        check(coded, gop, self._regeneration)
        if coded.payload.generator == self._generator.name:
            self._latent = coded.payload.latent
        hybrid = coded.hybrid if self._options.picture_hashes else without_hashes(coded.hybrid)
        return hybrid, _report(hybrid, gop, coded, quality)

    def _coded(self, gop: SourceGop, progress: Callable[[FitProgress], None] | None) -> tuple[CodedGop, Quality | None]:
        """Inversion and locked encode (HybridPrompt section 3.2, steps I and II).

        A keyframe whose bytes the options leave open takes what x265's own I-frame would.
        """
        options = self._options
        latent = self._generator.fit(
            Likeness(gop.picture(0)),
            gop.spec,
            budget=options.keyframe_budget or intra_size(gop, options.x265),
            warm_start=self._latent,
            progress=progress,
        )
        return encode_generated(gop, self._generator, latent, options.x265), None


class RateControl(GopEncoder):
    """Meets a bitrate: shares bytes by complexity, then searches each GOP's keyframe budget and CRF."""

    def __init__(self, path: Path, generator: Generator, options: EncodeOptions, rate: Rate) -> None:
        super().__init__(generator, options)
        self._allocation = Allocation(
            first_pass(path, limits=options.limits, frames=options.frames),
            bitrate=rate.bitrate,
            maxrate=rate.maxrate,
            bufsize=rate.bufsize,
            hashes=options.picture_hashes,
        )
        is_perceptual = options.generator_options.get("tune", "perceptual") == "perceptual"
        lpips = options.generator_options.get("lpips")
        weights = lpips if isinstance(lpips, Path) else None
        self._search = GopSearch(
            generator=generator,
            judge=Judge(lpips_distance(weights) if is_perceptual else None),
            x265=options.x265,
            keyframe_budget=options.keyframe_budget,
            budgets=rate.budgets,
        )
        self._crf = options.x265.crf

    def _coded(self, gop: SourceGop, progress: Callable[[FitProgress], None] | None) -> tuple[CodedGop, Quality | None]:
        best = self._search.encode(
            gop, self._allocation.target(), first_crf=self._crf, warm_start=self._latent, progress=progress
        )
        self._crf = best.gop.crf
        self._allocation.spend(best.gop.size)
        return best.gop, best.quality


def _regeneration(options: Mapping[str, object]) -> Regeneration:
    """Check keyframes with the model that they were made with, as it would be without a correction."""
    model, device = options.get("model"), options.get("device")
    return Regeneration(
        model=str(model) if model else None,
        device=str(device) if device else "auto",
        strict=Strictness.STRICT,
    )


def _report(hybrid: HybridGop, gop: SourceGop, coded: CodedGop, quality: Quality | None) -> GopReport:
    return GopReport(
        index=gop.index,
        start=gop.start_seconds,
        pictures=len(gop),
        generator=coded.payload.generator,
        crf=coded.crf,
        latent=len(coded.payload.latent),
        correction=correction_size(coded.payload),
        payload=len(hybrid.payload),
        fixups=fixups.count(coded.payload.fixups),
        fixup_bytes=len(coded.payload.fixups),
        placeholder=hybrid.placeholder.size,
        inter=sum(unit.size for unit in hybrid.inter),
        windows=coded.windows,
        psnr=quality.psnr if quality else None,
        lpips=None if quality is None or math.isnan(quality.lpips) else quality.lpips,
    )
