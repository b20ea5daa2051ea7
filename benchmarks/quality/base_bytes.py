"""Bytes of base pictures in the video track, against an AV1 picture in the payload and a grey placeholder.

The first picture of every clip as an HEVC IDR of two fifths of a GOP's bytes, under the parameter sets of its P and B
pictures; SVT-AV1's key frame of the same PSNR, between two CRFs; and the grey IDR that would stand in its place.

    python -m quality.base_bytes [--points 0.0064 0.019] [--width 640] [--preset 4] [CLIP ...]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from ffhybrid import X265Options, hevc
from ffhybrid.core import stock
from ffhybrid.core.frames import PIXEL_FORMATS, coded_picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.keyframes import BaseCoder
from ffhybrid.filters import Likeness
from ffhybrid.x265.encoding import encode_gop
from one_gop import first_gops, gop_parser

SHARE, GOP_LENGTH = 0.4, 120
CRFS = range(2, 64, 4)


def av1_pictures(gop: SourceGop, preset: int) -> list[tuple[int, float]]:
    """Code the first picture at every CRF: bytes of the packet, and the squared error."""
    likeness, spec = Likeness(gop.picture(0)), gop.spec
    raw = ("-f", "rawvideo", "-s", f"{spec.width}x{spec.height}", "-pix_fmt", PIXEL_FORMATS[spec.bit_depth])
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for crf in CRFS:
            path = folder / f"{crf}.ivf"
            coding = ("-c:v", "libsvtav1", "-crf", str(crf), "-preset", str(preset), "-svtav1-params", "avif=1")
            stock.run(*raw, "-i", gop.path.resolve(), "-frames:v", "1", *coding, path, cwd=folder)
            with av.open(path) as container:
                packet = next(container.demux(video=0))
                (frame, *_) = [*packet.decode(), *container.streams.video[0].codec_context.decode(None)]
                found.append((packet.size, likeness.distortion(coded_picture(frame, spec.bit_depth))))
    return found


def size_at(pictures: list[tuple[int, float]], distortion: float) -> float:
    """Bytes at a squared error, straight between logarithms."""
    sizes, errors = (np.log(values) for values in zip(*pictures, strict=True))
    return float(np.exp(np.interp(np.log(distortion), errors, sizes)))


def main() -> None:
    """Print a row a clip."""
    parser = gop_parser(__doc__, frames=1)
    parser.add_argument("--points", nargs="+", type=float, default=(0.0064, 0.019), help="bits per pixel of files")
    parser.add_argument("--preset", type=int, default=4, help="of SVT-AV1")
    arguments = parser.parse_args()
    table = Table("clip", "bits a pixel", "PSNR", "base in HEVC", "in AV1", "grey IDR", "now to before", box=None)
    ratios = []
    for path, gop in first_gops(arguments):
        pictures = av1_pictures(gop, arguments.preset)
        options = X265Options()
        grey = len(hevc.placeholder_idr(encode_gop(gop, options, params={}).parameter_sets, hevc.NalType.IDR_N_LP))
        bases, likeness = BaseCoder(gop, options), Likeness(gop.picture(0))
        for point in arguments.points:
            base = bases.within(round(SHARE * point * gop.spec.width * gop.spec.height * GOP_LENGTH / 8))
            error = likeness.distortion(base.picture)
            before = size_at(pictures, error) + grey
            ratios.append(base.size / before)
            psnr = 10 * np.log10(255**2 / error)
            cells = (f"{point:g}", f"{psnr:.2f}", str(base.size), f"{before - grey:.0f}", str(grey))
            table.add_row(path.stem, *cells, f"{100 * (ratios[-1] - 1):+.1f} %")
    table.add_row("mean", *[""] * 5, f"{100 * (np.exp(np.mean(np.log(ratios))) - 1):+.1f} %")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
