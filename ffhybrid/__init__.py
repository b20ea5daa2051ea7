"""A generative keyframe codec for ordinary ffmpeg pipelines.

>>> import ffhybrid
>>> ffhybrid.encode("in.mp4", "out.mkv")
>>> with ffhybrid.open("out.mkv") as container:
...     for frame in container.decode(video=0):
...         frame.to_image()
"""

from importlib.metadata import version

from ffhybrid.batching import Batch, BatchEntry
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.core.time_range import TimeRange
from ffhybrid.encoder.options import Rate, VideoCodec
from ffhybrid.encoder.progress import GopProgress
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
from ffhybrid.options import EncodeOptions
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

__version__ = version("ffhybrid")

__all__ = [
    "AccessUnit",
    "Batch",
    "BatchEntry",
    "BatchError",
    "Carriage",
    "CorruptDataError",
    "DamagedGop",
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
    "ParameterSets",
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
    "VideoCodec",
    "X265Options",
    "__version__",
    "encode",
    "inject",
    "open",
    "probe",
    "remux",
    "restore",
    "strip",
    "verify",
]
