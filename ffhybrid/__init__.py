"""A generative keyframe codec for ordinary ffmpeg pipelines.

>>> import ffhybrid
>>> ffhybrid.encode("in.mp4", "out.mkv")
>>> with ffhybrid.open("out.mkv") as container:
...     for frame in container.decode(video=0):
...         frame.to_image()
"""

from importlib.metadata import version

from ffhybrid.container import HybridContainer, open  # noqa: A004 - as in av.open
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
from ffhybrid.farm.batch import Batch, BatchEntry
from ffhybrid.farm.coordinator import OnError
from ffhybrid.filters import FitProgress
from ffhybrid.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.gop_encoder import EncodeOptions, Rate, VideoCodec
from ffhybrid.keyframe_encoder import KeyframeEncoder
from ffhybrid.keyframe_filter import KeyframeFilter
from ffhybrid.muxer.carriage import Carriage
from ffhybrid.muxer.stream_map import StreamOptions
from ffhybrid.plain import PlainContainer
from ffhybrid.planner import GopLimits
from ffhybrid.probing import FileInfo, GopInfo, probe
from ffhybrid.regeneration import Regeneration, Strictness
from ffhybrid.remuxing import RemuxReport, inject, remux, strip
from ffhybrid.restoring import RestoreReport, restore
from ffhybrid.salvage import DamagedGop
from ffhybrid.source import SourceOptions
from ffhybrid.verification import VerifyReport, verify
from ffhybrid.x265_options import X265Options

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
    "FitProgress",
    "GeometryError",
    "GopInfo",
    "GopLimits",
    "HybridContainer",
    "HybridGop",
    "KeyframeEncoder",
    "KeyframeFilter",
    "ModelError",
    "NotHybridError",
    "OnError",
    "OutOfMemoryError",
    "ParameterSets",
    "PlainContainer",
    "Rate",
    "Regeneration",
    "RemuxReport",
    "RestoreReport",
    "SourceOptions",
    "StreamOptions",
    "Strictness",
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
