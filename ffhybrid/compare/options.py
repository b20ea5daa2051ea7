"""Options of a comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ffhybrid.errors import UsageError
from ffhybrid.options import EncodeOptions
from ffhybrid.panel import PanelOptions
from ffhybrid.source.gop_planning import GopLimits
from ffhybrid.source.video import SourceOptions
from ffhybrid.x265.options import X265Options

DEFAULT_CODECS = ("hybrid", "x265", "x265-best")


def _encode_options() -> EncodeOptions:
    return EncodeOptions(x265=X265Options(preset="slow"), limits=GopLimits(scene_threshold=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What ``ffhybrid compare`` takes.

    Args:
        bitrates: in bits a second, container included; every codec is measured at each.
        codecs: names that :func:`ffhybrid.compare.codecs.create` knows.
        encode: of the hybrid file. Its GOP length and its preset of x265 are those of x265 alone too; its rate is set
            to every bitrate in turn. Its candidates are those of the others too. GOPs are of one length for all, so
            that scene cuts begin none.
        source: what is made of the source's pictures before all codecs get them.
        frames: pictures taken from the source, None for all.
        width: of the pictures compared; None keeps the source's. With ``height`` None they keep their shape and are
            never enlarged.
        height: see ``width``.
        panel: which metrics are taken, and of which pictures.
        sr_weights: of FSRCNN, in safetensors, for codec ``sr``; None fits a network to the clip.
    """

    bitrates: tuple[int, ...]
    codecs: tuple[str, ...] = DEFAULT_CODECS
    encode: EncodeOptions = field(default_factory=_encode_options)
    source: SourceOptions = field(default_factory=SourceOptions)
    frames: int | None = None
    width: int | None = None
    height: int | None = None
    panel: PanelOptions = field(default_factory=PanelOptions)
    sr_weights: Path | None = None

    def __post_init__(self) -> None:
        if not self.bitrates or not self.codecs:
            raise UsageError("a comparison takes a bitrate and a codec at least")
        if len(set(self.bitrates)) < len(self.bitrates) or len(set(self.codecs)) < len(self.codecs):
            raise UsageError("a bitrate or a codec is given twice")
        if self.encode.limits.scene_threshold:
            raise UsageError("in a comparison GOPs are of one length, scene cuts begin none")
        if self.encode.source != SourceOptions():
            raise UsageError("what is made of the source's pictures concerns all codecs, not the hybrid file alone")
        if self.height is not None and self.width is None:
            raise UsageError("a height belongs to a width")

    @property
    def gop_length(self) -> int:
        """Frames in a GOP, of every codec."""
        return self.encode.limits.length
