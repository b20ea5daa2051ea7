"""Make what an enhancer learns from: parts of photos and drawn pictures, and how x265 codes them as keyframes.

Each file has a source and two bases of it, (3/2 rows, columns) 8-bit 4:2:0 as FFmpeg lays it out, with their QPs, or
one base that is a P picture so many pictures behind an enhanced one (``training.moving``). One photo in twenty is held
out, by its name.

    python -m training.make_bases --to FOLDER --photos FOLDER [--kinds photo moved drawn]
"""

from __future__ import annotations

import argparse
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ffhybrid.x265.options import FULL_HYBRID
from stills import Samples, code_still, planes
from training.drawn import CHANGED, DRAWN, Rgb
from training.moving import coded_motion

SIDES = (448, 384)
"""Columns and rows of a part at most."""
SCALES = (0.5, 0.9)
QPS = (24, 51, 40)
"""Least, most, and where most are, as x265 is told; its keyframes get 3 less."""
BASES = 2
HELD_OUT = 20
MOVED = "moved"
"""The kind that is of P pictures, several files a photo."""
KINDS = {"photo": 1.0, "camera": 0.3, "changed": 0.3, "drawn": 0.12, MOVED: 0.25}
"""How many are made for each photo."""
CAMERA_QPS = (22, 32)
"""By which sources are coded first that are as a camera's file decodes: most that people encode are."""


def photo_part(path: Path) -> Rgb:
    """Reduce a photo and cut a part out; sides are multiples of 16."""
    with av.open(path) as container:
        frame = next(container.decode(video=0))
    scale = random.uniform(*SCALES)
    width, height = (max(round(side * scale), 128) for side in (frame.width, frame.height))
    rgb = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    columns, rows = (min(limit, side) // 16 * 16 for limit, side in zip(SIDES, (width, height), strict=True))
    y, x = random.randrange(height - rows + 1), random.randrange(width - columns + 1)
    return rgb[y : y + rows, x : x + columns].astype(np.float32)


def code(source: Samples, qp: int) -> tuple[Samples, int]:
    """Code a picture as keyframes are coded, with a constant QP or by CRF; returns it decoded, and its slice's QP."""
    sao = int(random.random() < 0.15)
    by_qp = random.random() < 0.6
    rate = f"qp={qp}" if by_qp else f"crf={min(qp + 2, 51)}"
    tuning = {**FULL_HYBRID, "sao": sao}
    if random.random() < 0.4:
        del tuning["rd"], tuning["rskip"]
    params = ":".join([rate, *(f"{name}={value}" for name, value in tuning.items())])
    return code_still(source, params, preset=random.choice(("medium", "medium", "slow")))


def _filmed(source: Samples) -> Samples:
    return code_still(source, f"qp={random.randint(*CAMERA_QPS)}", preset="medium")[0]


def files(kind: str, photos: list[Path]) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """Make the files of a kind, each with the name of the photo it is of."""
    for number in range(round(KINDS[kind] * len(photos))):
        photo = photos[number] if kind in ("photo", MOVED) else random.choice(photos)
        if kind == MOVED:
            for seen in coded_motion(*_two_parts(photo)):
                yield photo.stem, _arrays(seen.source, [(seen.base, seen.qp)], distance=seen.distance)
            continue
        name = f"{number:05d}" if kind == "drawn" else photo.stem
        picture = planes(_drawn(kind, photo))
        picture = _filmed(picture) if kind == "camera" else picture
        yield name, _arrays(picture, [code(picture, round(random.triangular(*QPS))) for _ in range(BASES)])


def _drawn(kind: str, photo: Path) -> Rgb:
    if kind == "drawn":
        return random.choice(DRAWN)(SIDES[::-1])
    part = photo_part(photo)
    return random.choice(CHANGED)(part) if kind == "changed" else part


def _two_parts(photo: Path) -> tuple[Rgb, Rgb]:
    """Cut two parts of equal sizes."""
    parts = [photo_part(photo) for _ in range(2)]
    rows, columns = (min(part.shape[side] for part in parts) for side in range(2))
    behind, before = (part[:rows, :columns] for part in parts)
    return behind, before


def _arrays(source: Samples, coded: Sequence[tuple[Samples, int]], *, distance: int = 0) -> dict[str, NDArray[Any]]:
    bases, qps = zip(*coded, strict=True)
    return {"source": source, "bases": np.stack(bases), "qps": np.array(qps), "distance": np.array(distance)}


def main() -> None:
    """Write files until there are enough; what is there stays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    photos = sorted(path for path in arguments.photos.iterdir() if path.suffix in (".jpg", ".jpeg", ".png"))
    random.shuffle(photos)
    running = [(kind, files(kind, photos)) for kind in arguments.kinds]
    made = 0
    while running:
        kind, source = random.choices(running, [KINDS[kind] for kind, _ in running])[0]
        found = next(source, None)
        if found is None:
            running.remove((kind, source))
            continue
        name, arrays = found
        part = "held-out" if zlib.crc32(name.encode()) % HELD_OUT == 0 else "training"
        folder = arguments.to / part
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / f"{kind}-{arguments.seed}-{made:05d}-{name}.npz", **arrays)
        made += 1
        if made % 100 == 0:
            print(made, flush=True)


if __name__ == "__main__":
    main()
