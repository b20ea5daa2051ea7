"""Crops of moving people, twice as large: the source beside what codecs make of it in the same bytes, a PNG each.

Rows are pictures of a clip, columns the source, hybrid, x265 at its best and SVT-AV1, read from the encodes that
``quality.rd`` keeps (same ``--out``, ``--width``, ``--frames``). Samples are repeated, not interpolated: nothing is
smoothed or sharpened, edges of blocks stay where they are, and the files stay small without loss.

    python -m quality.crops [--clips CLIP ...] [--points 0.0064 0.0096] [--images ../docs/crops] [--out build/rd]
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw
from rich.console import Console

from clips import shared_clips
from ffhybrid.compare import RatePoint, Results
from ffhybrid.compare.clip import Clip, prepare
from ffhybrid.compare.codecs import create
from ffhybrid.compare.results import ClipFacts
from ffhybrid.core import stock
from ffhybrid.core.images import png
from quality.rd import bitrates_of, folder_of, parser, settings_of
from quality.rd_tables import BEST_PEER

CODECS = ("hybrid", BEST_PEER, "svtav1")
POINTS = (0.0064, 0.0096)
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "crops"
SCALE = 2
LABEL_ROWS, GAP = 32, 4
MOST_BYTES = 400_000
"""Of an image that still belongs into the repository."""


@dataclass(frozen=True, slots=True)
class Place:
    """A square of ``size`` samples in a picture, its corner at ``x``, ``y``, of a clip that is ``across`` wide."""

    picture: int
    x: int
    y: int
    size: int = 120
    across: int = 640

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in a picture of another size, within it."""
        x, y, size = (round(value * width / self.across) for value in (self.x, self.y, self.size))
        left, top = min(x, max(width - size, 0)), min(y, max(height - size, 0))
        return left, top, min(left + size, width), min(top + size, height)


PLACES: Mapping[str, Sequence[Place]] = {
    "dog_720p30": (Place(20, 130, 36), Place(52, 410, 132), Place(100, 152, 60)),
    "cups_720p30": (Place(52, 234, 110), Place(84, 150, 28), Place(100, 226, 120)),
    "basketballpass_416x240_lossless": (
        Place(52, 206, 60, across=416),
        Place(68, 92, 36, across=416),
        Place(84, 250, 48, across=416),
    ),
    "foreman_cif30_intra": (
        Place(20, 122, 118, across=352),
        Place(68, 112, 96, across=352),
        Place(100, 110, 86, across=352),
    ),
    "bedroom_540p30": (Place(20, 176, 56), Place(52, 172, 72), Place(100, 70, 84)),
}
"""Moving people (and a dog): by name of the clip, in pictures of the first GOP, far from the keyframe and near it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One codec: two lines of label, and its pictures."""

    label: tuple[str, str]
    pictures: Sequence[Image.Image]


def pictures(clip: Clip, path: Path, places: Sequence[Place]) -> list[Image.Image]:
    """Decode the pictures of places, in RGB."""
    indices = sorted({place.picture for place in places})
    shown = dict(zip(indices, stock.pictures(path, clip.spec, indices), strict=True))
    return [Image.open(io.BytesIO(png(shown[place.picture], clip.spec))) for place in places]


def sheet(columns: Sequence[Column], places: Sequence[Place]) -> Image.Image:
    """Put crops side by side, labelled."""
    width, height = columns[0].pictures[0].size
    boxes = [place.box(width, height) for place in places]
    across = SCALE * max(right - left for left, _, right, _ in boxes)
    rows = [SCALE * (bottom - top) for _, top, _, bottom in boxes]
    size = (len(columns) * (across + GAP) - GAP, LABEL_ROWS + sum(rows) + GAP * (len(rows) - 1))
    image = Image.new("RGB", size, "white")
    for number, column in enumerate(columns):
        x, y = number * (across + GAP), LABEL_ROWS
        image.paste(heading(column.label, across), (x, 0))
        for picture, box, down in zip(column.pictures, boxes, rows, strict=True):
            crop = picture.crop(box)
            image.paste(crop.resize((SCALE * crop.width, SCALE * crop.height), Image.Resampling.NEAREST), (x, y))
            y += down + GAP
    return image


def heading(lines: Sequence[str], across: int) -> Image.Image:
    """Write lines above a column, as far as they fit."""
    image = Image.new("RGB", (across, LABEL_ROWS), "white")
    draw = ImageDraw.Draw(image)
    for line, text in enumerate(lines):
        draw.text((2, 1 + 15 * line), text, fill="black", font_size=12)
    return image


def label(point: RatePoint, clip: Clip) -> tuple[str, str]:
    """Name a codec, and what its file takes."""
    rate = 8 * point.size / (clip.spec.width * clip.spec.height * clip.frames)
    return point.codec, f"{point.size} bytes, {rate:.4f} bit/pixel"


def crop_clip(path: Path, options: argparse.Namespace, console: Console) -> None:
    """Make the images of a clip, of the points that all codecs have."""
    settings = settings_of(path, options)
    with tempfile.TemporaryDirectory(prefix="ffhybrid-crops-") as name:
        work = Path(name)
        clip = prepare(path, work, frames=settings.frames, width=settings.width, height=None, options=settings.source)
        places = [place for place in PLACES[path.stem] if place.picture < clip.frames]
        results = Results.load(folder_of(path, options), ClipFacts.of(clip))
        for bitrate, bits_per_pixel in bitrates_of(path, options).items():
            points = [results.newest(codec, bitrate) for codec in options.codecs]
            found = [point for point in points if point and results.has(point.key)]
            if len(found) < len(options.codecs):
                console.print(f"{path.stem} at {bits_per_pixel:g}: not all of {', '.join(options.codecs)} are encoded")
                continue
            numbers = ", ".join(str(place.picture) for place in places)
            columns = [Column(("source", f"pictures {numbers}"), pictures(clip, clip.path, places))]
            for point in found:
                shown = create(point.codec, settings).show(results.path.parent / point.stream, work)
                columns.append(Column(label(point, clip), pictures(clip, shown, places)))
            target = options.images / f"{path.stem}-{bits_per_pixel:g}.png"
            sheet(columns, places).save(target, optimize=True)
            size = target.stat().st_size
            console.print(f"{target}: {size} bytes" + (", too large for the repository" if size > MOST_BYTES else ""))


def main() -> None:
    """Make a file a clip and point."""
    arguments = parser()
    arguments.description = __doc__
    arguments.set_defaults(points=POINTS, codecs=CODECS)
    arguments.add_argument("--images", type=Path, default=IMAGES, help="folder of the images (%(default)s)")
    options = arguments.parse_args()
    options.images.mkdir(parents=True, exist_ok=True)
    console = Console(width=160)
    for clip in options.clips or [clip for clip in shared_clips() if clip.stem in PLACES]:
        crop_clip(clip, options, console)


if __name__ == "__main__":
    main()
