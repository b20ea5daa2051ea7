"""A generative keyframe codec for ordinary ffmpeg pipelines.

>>> import ffhybrid
>>> ffhybrid.encode("in.mp4", "out.mkv")
>>> with ffhybrid.open("out.mkv") as container:
...     for frame in container.decode(video=0):
...         frame.to_image()

Names are imported when they are first asked for (PEP 562): ``import ffhybrid`` alone takes milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ffhybrid._version import __version__

if TYPE_CHECKING:
    from ffhybrid.batching import BatchEntry, batch
    from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
    from ffhybrid.core.time_range import TimeRange
    from ffhybrid.encoder.options import EncodeMode, Placeholder, Rate
    from ffhybrid.encoder.progress import GopProgress
    from ffhybrid.encoder.quality_target import QualityTarget
    from ffhybrid.encoding import EncodeReport, encode
    from ffhybrid.errors import (
        BatchError,
        CorruptDataError,
        EncoderError,
        FFHybridError,
        GeometryError,
        ModelError,
        NotHybridError,
        OutOfMemoryError,
        TruncatedError,
        UnsupportedError,
        UsageError,
        VerificationError,
    )
    from ffhybrid.farm.coordinator import OnError
    from ffhybrid.muxer.carriage import Carriage
    from ffhybrid.muxer.streams.selection import StreamOptions
    from ffhybrid.options import EncodeOptions, OutputOptions
    from ffhybrid.probing import FileInfo, GopInfo, probe
    from ffhybrid.pyav.container import HybridContainer, open  # noqa: A004 - as in av.open
    from ffhybrid.pyav.keyframe_encoder import KeyframeEncoder
    from ffhybrid.pyav.keyframe_filter import KeyframeFilter
    from ffhybrid.pyav.ordinary_container import OrdinaryContainer
    from ffhybrid.remuxing import RemuxReport, inject, remux, strip
    from ffhybrid.restorer.damage import DamagedGop
    from ffhybrid.restorer.generator_decode import GeneratorDecode, Strictness
    from ffhybrid.restoring import RestoreReport, restore
    from ffhybrid.source.gop_planning import GopLimits
    from ffhybrid.source.video import SourceOptions
    from ffhybrid.verification import VerifyReport, verify
    from ffhybrid.x265.options import X265Options


__all__ = [
    "AccessUnit",
    "BatchEntry",
    "BatchError",
    "Carriage",
    "CorruptDataError",
    "DamagedGop",
    "EncodeMode",
    "EncodeOptions",
    "EncodeReport",
    "EncoderError",
    "FFHybridError",
    "FileInfo",
    "GeneratorDecode",
    "GeometryError",
    "GopInfo",
    "GopLimits",
    "GopProgress",
    "HybridContainer",
    "HybridGop",
    "KeyframeEncoder",
    "KeyframeFilter",
    "ModelError",
    "NotHybridError",
    "OnError",
    "OrdinaryContainer",
    "OutOfMemoryError",
    "OutputOptions",
    "ParameterSets",
    "Placeholder",
    "QualityTarget",
    "Rate",
    "RemuxReport",
    "RestoreReport",
    "SourceOptions",
    "StreamOptions",
    "Strictness",
    "TimeRange",
    "TruncatedError",
    "UnsupportedError",
    "UsageError",
    "VerificationError",
    "VerifyReport",
    "X265Options",
    "__version__",
    "batch",
    "encode",
    "inject",
    "open",
    "probe",
    "remux",
    "restore",
    "strip",
    "verify",
]

_MODULES = {
    "AccessUnit": "ffhybrid.core.gop",
    "BatchEntry": "ffhybrid.batching",
    "BatchError": "ffhybrid.errors",
    "Carriage": "ffhybrid.muxer.carriage",
    "CorruptDataError": "ffhybrid.errors",
    "DamagedGop": "ffhybrid.restorer.damage",
    "EncodeMode": "ffhybrid.encoder.options",
    "EncodeOptions": "ffhybrid.options",
    "EncodeReport": "ffhybrid.encoding",
    "EncoderError": "ffhybrid.errors",
    "FFHybridError": "ffhybrid.errors",
    "FileInfo": "ffhybrid.probing",
    "GeneratorDecode": "ffhybrid.restorer.generator_decode",
    "GeometryError": "ffhybrid.errors",
    "GopInfo": "ffhybrid.probing",
    "GopLimits": "ffhybrid.source.gop_planning",
    "GopProgress": "ffhybrid.encoder.progress",
    "HybridContainer": "ffhybrid.pyav.container",
    "HybridGop": "ffhybrid.core.gop",
    "KeyframeEncoder": "ffhybrid.pyav.keyframe_encoder",
    "KeyframeFilter": "ffhybrid.pyav.keyframe_filter",
    "ModelError": "ffhybrid.errors",
    "NotHybridError": "ffhybrid.errors",
    "OnError": "ffhybrid.farm.coordinator",
    "OrdinaryContainer": "ffhybrid.pyav.ordinary_container",
    "OutOfMemoryError": "ffhybrid.errors",
    "OutputOptions": "ffhybrid.options",
    "ParameterSets": "ffhybrid.core.gop",
    "Placeholder": "ffhybrid.encoder.options",
    "QualityTarget": "ffhybrid.encoder.quality_target",
    "Rate": "ffhybrid.encoder.options",
    "RemuxReport": "ffhybrid.remuxing",
    "RestoreReport": "ffhybrid.restoring",
    "SourceOptions": "ffhybrid.source.video",
    "StreamOptions": "ffhybrid.muxer.streams.selection",
    "Strictness": "ffhybrid.restorer.generator_decode",
    "TimeRange": "ffhybrid.core.time_range",
    "TruncatedError": "ffhybrid.errors",
    "UnsupportedError": "ffhybrid.errors",
    "UsageError": "ffhybrid.errors",
    "VerificationError": "ffhybrid.errors",
    "VerifyReport": "ffhybrid.verification",
    "X265Options": "ffhybrid.x265.options",
    "batch": "ffhybrid.batching",
    "encode": "ffhybrid.encoding",
    "inject": "ffhybrid.remuxing",
    "open": "ffhybrid.pyav.container",
    "probe": "ffhybrid.probing",
    "remux": "ffhybrid.remuxing",
    "restore": "ffhybrid.restoring",
    "strip": "ffhybrid.remuxing",
    "verify": "ffhybrid.verification",
}
"""Where the names lie; type checkers see the imports above instead."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
