"""What the enhancer makes of x265's keyframes for no bytes: LPIPS, DISTS, SSIMULACRA2 and PSNR against their bases'.

Strengths of texture are those given, the best of them for the picture, and the best for every place of 64x64, by the
sum of the networks' distances: what an encoder may choose that has the source.

    python -m quality.enhance --weights FILE --cache FOLDER [--qp 34 38 42 46] [--strengths 0 0.5 1] [--crops FOLDER]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from PIL import Image
from rich.console import Console
from rich.table import Table

from ffhybrid.core.picture import Colour, Picture
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.enhance.model import Enhancer
from ffhybrid.filters.losses import pack
from ffhybrid.filters.places import Places
from quality.enhance_cases import (
    CPU,
    METRICS,
    NETWORKS,
    Case,
    Enhanced,
    Figures,
    Look,
    changes,
    clip_cases,
    described,
    load,
    looks,
)

QPS = (34, 38, 42, 46)
CROP, MAGNIFIED = 128, 3
BEST_OF_PICTURE, BEST_OF_PLACES = "best", "places"

Shown = dict[str, tuple[Picture, Figures]]
"""Pictures and their figures by the strength of texture."""


def at_strengths(enhancer: Enhancer, of_clip: Sequence[Case], strengths: Sequence[float]) -> Iterator[Shown]:
    """Enhance the bases of a clip's first frame, with given strengths and chosen ones."""
    source = of_clip[0].source
    found = [Enhanced(enhancer, case) for case in of_clip]
    made = [[each.picture(strength) for strength in strengths] for each in found]
    seen = iter(looks([picture for pictures in made for picture in pictures], source))
    by_case = [[(picture, next(seen)) for picture in pictures] for pictures in made]
    mixed = [
        each.picture(_best_of_places(case, [look for _, look in looked], strengths))
        for case, each, looked in zip(of_clip, found, by_case, strict=True)
    ]
    for case, looked, picture, look in zip(of_clip, by_case, mixed, looks(mixed, source), strict=True):
        best = min(looked, key=lambda pair: sum(pair[1].figures[name] / case.figures[name] for name in NETWORKS))
        shown = {f"{strength:g}": pair for strength, pair in zip(strengths, looked, strict=True)}
        shown |= {BEST_OF_PICTURE: best, BEST_OF_PLACES: (picture, look)}
        yield {name: (each, seen_of.figures) for name, (each, seen_of) in shown.items()}


def _best_of_places(case: Case, looked: Sequence[Look], strengths: Sequence[float]) -> torch.Tensor:
    """Choose a strength for every place, (1, 1, places down, places across)."""
    distances = [torch.stack([look.places[name] / case.figures[name] for name in NETWORKS]).sum(0) for look in looked]
    best = torch.tensor(strengths)[torch.stack(distances).argmin(0)]
    shape = Places(case.source.height, case.source.width).average(torch.zeros(1, 1, 8, 8)).shape
    return best.view(shape)


def grid_line(made: Picture, base: Picture) -> float:
    """How far the spectrum of what was added stands out at frequencies of grids of 2, 4 and 8 samples, in decibels."""
    added = made.y.astype(np.float64) - base.y
    lines = []
    for rows in (added, added.T):
        power = (np.abs(np.fft.rfft(rows * np.hanning(rows.shape[1]))) ** 2).mean(0)
        for eighths in range(1, 5):
            at = rows.shape[1] * eighths // 8
            around = np.r_[power[at - 8 : at - 2], power[at + 3 : at + 9]]
            lines.append(10 * np.log10((power[at] + 1e-9) / (around.mean() + 1e-9)))
    return float(max(lines))


def save_crops(folder: Path, case: Case, pictures: Sequence[Picture]) -> None:
    """Write source, base and enhanced pictures side by side: the parts with most and least detail, and the middle."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = [to_rgb(pack(picture, CPU), Colour())[0] for picture in (case.source, case.base, *pictures)]
    for name, (y, x) in _places(case.source).items():
        parts = torch.cat([picture[:, y : y + CROP, x : x + CROP] for picture in shown], 2)
        image = Image.fromarray((255 * parts).round().to(torch.uint8).permute(1, 2, 0).numpy())
        size = (image.width * MAGNIFIED, image.height * MAGNIFIED)
        image.resize(size, Image.Resampling.NEAREST).save(folder / f"{case.name}-{case.qp}-{name}.png")


def _places(source: Picture) -> dict[str, tuple[int, int]]:
    luma = torch.from_numpy(source.y.astype(np.float32))[None, None]
    high = (luma - F.avg_pool2d(luma, 5, stride=1, padding=2)).square()
    energy = F.avg_pool2d(high, CROP, stride=8)[0, 0]
    across = energy.shape[1]
    order = energy.flatten().argsort()
    chosen = {"smooth": order[0], "middle": order[len(order) // 2], "busy": order[-1]}
    return {name: (int(at) // across * 8, int(at) % across * 8) for name, at in chosen.items()}


def main() -> None:
    """Print a table, and averages by strength."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="safetensors")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--qp", type=int, nargs="+", default=list(QPS))
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.0, 0.5, 1.0], help="of texture")
    parser.add_argument("--crops", type=Path, help="write crops to this folder")
    arguments = parser.parse_args()
    enhancer, console = load(arguments.weights), Console(width=150)
    found: dict[str, list[tuple[Figures, Figures]]] = {}
    for of_clip in clip_cases(arguments.qp, arguments.cache, arguments.clips):
        table = Table("clip", "QP", "texture", *METRICS, "grid", box=None)
        for case, shown in zip(of_clip, at_strengths(enhancer, of_clip, arguments.strengths), strict=True):
            table.add_row(case.name, str(case.qp), "base", *(f"{case.figures[name]:.3f}" for name in METRICS))
            for strength, (picture, seen) in shown.items():
                found.setdefault(strength, []).append((case.figures, seen))
                change = changes([(case.figures, seen)])
                cells = (f"{100 * change[n]:+.1f} %" if n in NETWORKS else f"{change[n]:+.2f}" for n in METRICS)
                table.add_row("", "", strength, *cells, f"{grid_line(picture, case.base):+.1f} dB")
            if arguments.crops:
                save_crops(arguments.crops, case, [picture for picture, _ in shown.values()])
        console.print(table)
    for strength, rows in found.items():
        console.print(f"texture {strength}: {described(changes(rows))}")


if __name__ == "__main__":
    main()
