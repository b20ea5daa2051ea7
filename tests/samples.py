"""Small hybrid files and payloads that lie in tests: for installed wheels, and as seeds of the fuzzers.

After the format has changed ``PYTHONPATH=tests:benchmarks python -P tests/samples.py`` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

import ffhybrid
from ffhybrid import hevc
from ffhybrid.core.payload import Payload
from ffhybrid.muxer.carriage import GopCarrier
from support import clip, hybrid_gops

OVERFIT = Path(__file__).parent / "install" / "data" / "overfit.mkv"
CORPORA = Path(__file__).parent / "corpora"
OVERFIT_SOURCE = ffhybrid.SourceOptions(filters="crop=96:64")
"""What of the clip ``carphone_pristine.mp4`` the file with ``overfit`` keyframes shows."""
CRC_SIZE = 4


def options(length: int, source: ffhybrid.SourceOptions, **others: object) -> ffhybrid.EncodeOptions:
    """Two GOPs of so many pictures, with generated keyframes."""
    limits = ffhybrid.GopLimits(length=length, scene_threshold=0)
    x265 = ffhybrid.X265Options(crf=38, preset="veryfast")
    return ffhybrid.EncodeOptions(limits=limits, frames=2 * length, source=source, fallback=False, x265=x265, **others)


def write_overfit() -> None:
    """Encode with the default generator."""
    effort = {"preset": "medium", "device": "cpu"}
    chosen = options(6, OVERFIT_SOURCE, generator_options=effort, keyframe_budget=500, picture_hashes=True)
    ffhybrid.encode(clip("carphone_pristine.mp4"), OVERFIT, options=chosen, overwrite=True)


def write_seeds() -> None:
    """Encode with the smallest keyframes, in both carriages, and take payloads out."""
    files, payloads = CORPORA / "file", CORPORA / "payload"
    chosen = options(
        4,
        ffhybrid.SourceOptions(filters="crop=64:64"),
        generator="thumbnail",
        generator_options={"scale": 2, "qp": 45},
        placeholder=ffhybrid.Placeholder.GREY,
        picture_hashes=True,
    )
    ffhybrid.encode(clip("carphone_pristine.mp4"), files / "track.mkv", options=chosen, overwrite=True)
    for name in ("inband.mkv", "inband.mp4"):
        ffhybrid.remux(files / "track.mkv", files / name, carriage=ffhybrid.Carriage.INBAND, overwrite=True)
    thumbnail, overfit = hybrid_gops(files / "track.mkv")[0], hybrid_gops(OVERFIT)[0]
    for gop in (thumbnail, overfit):
        (payloads / Payload.from_bytes(gop.payload).generator).write_bytes(gop.payload[:-CRC_SIZE])
    placeholder, *_ = GopCarrier(ffhybrid.Carriage.INBAND).access_units(thumbnail)
    (payloads / "access-unit").write_bytes(hevc.join_annexb(placeholder.nal_units))


if __name__ == "__main__":
    write_overfit()
    write_seeds()
