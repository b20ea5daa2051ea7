"""What the enhancer makes of x265's keyframes: LPIPS, DISTS, SSIMULACRA2, PSNR at strengths of texture, and crops.

Bases are the first frames of clips at ``preset=slow:qp=N:sao=0``, kept with their figures in a folder.

    python -m quality.enhance --weights FILE --cache FOLDER [--qp 34 38 42 46] [--strengths 0 0.5 1] [--crops FOLDER]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from PIL import Image
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file
from torch import Tensor

from clips import shared_clips, wheel_clip
from ffhybrid.core.picture import Colour, Picture, PictureSpec
from ffhybrid.filters.colour import to_rgb
from ffhybrid.filters.enhance.model import Enhancer, compose, conditions
from ffhybrid.filters.enhance.structure import ALIGNMENT
from ffhybrid.filters.losses import pack
from ffhybrid.filters.noise import gaussian
from ffhybrid.panel.picture_metrics import look_at
from quality.keyframe import first_frame, psnr
from stills import code_still

WIDTH = 640
QPS = (34, 38, 42, 46)
NETWORKS = ("lpips", "lpips_vgg", "dists")
METRICS = (*NETWORKS, "ssimulacra2", "psnr")
CROP, MAGNIFIED = 128, 3
CPU = torch.device("cpu")

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A picture, its base, the QP that x265 was told and that of the slice, and how like the base is to it."""

    name: str
    qp: int
    slice_qp: int
    source: Picture
    base: Picture
    figures: Figures


def figures(shown: Sequence[Picture], source: Picture) -> list[Figures]:
    """Compare pictures with their source."""
    spec = PictureSpec(source.width, source.height)
    names = [name for name in METRICS if name != "psnr"]
    series = look_at([[picture] for picture in shown], [source], spec, names, lpips=None)
    return [
        {**{name: found[name].values[0] for name in names}, "psnr": psnr(picture, source)}
        for picture, found in zip(shown, series, strict=True)
    ]


def cases(name: str, source: Picture, qps: Sequence[int], cache: Path) -> list[Case]:
    """Code a picture at QPs; what a folder has already is taken from there."""
    cache.mkdir(parents=True, exist_ok=True)
    spec = PictureSpec(source.width, source.height)
    paths = {qp: cache / f"{name}-{qp}.json" for qp in qps}
    missing = [qp for qp, path in paths.items() if not path.exists()]
    laid_out = source.samples().reshape(-1, source.width)
    coded = [code_still(laid_out, f"qp={qp}:sao=0", preset="slow") for qp in missing]
    looked = figures([Picture.from_samples(samples.ravel(), spec) for samples, _ in coded], source) if coded else []
    for qp, (samples, slice_qp), seen in zip(missing, coded, looked, strict=True):
        np.save(paths[qp].with_suffix(".npy"), samples)
        paths[qp].write_text(json.dumps({"qp": slice_qp, "figures": seen}))
    return [_cached(name, source, qp, path) for qp, path in paths.items()]


def _cached(name: str, source: Picture, qp: int, path: Path) -> Case:
    found = json.loads(path.read_text())
    spec = PictureSpec(source.width, source.height)
    base = Picture.from_samples(np.load(path.with_suffix(".npy")).ravel(), spec)
    return Case(name, qp, found["qp"], source, base, found["figures"])


def clip_cases(qps: Sequence[int], cache: Path, clips: Sequence[Path] = ()) -> Iterator[list[Case]]:
    """Take the first frames of clips, by default those beside the project or of the wheel; give the cases of each."""
    chosen = clips or shared_clips() or [wheel_clip("bikes.mp4"), wheel_clip("bigbuckbunny.mp4")]
    for clip in chosen:
        yield cases(clip.stem, first_frame(clip, WIDTH)[0], qps, cache)


def enhanced(enhancer: Enhancer, case: Case, strengths: Sequence[tuple[float, float]]) -> list[Picture]:
    """Enhance a base with strengths of detail and texture."""
    base = pack(case.base, CPU)
    rows, columns = base.shape[-2:]
    block = ALIGNMENT // 2
    padded = F.pad(base, (0, -columns % block, 0, -rows % block), mode="replicate")
    with torch.no_grad():
        found = enhancer(padded, torch.tensor([conditions(qp=case.slice_qp)]))
        noise = gaussian((1, 2 * padded.shape[-2], 2 * padded.shape[-1]), seed=0, device=CPU)
        texture = enhancer.texture(found.gains, noise)
    return [
        _picture(compose(padded, found.detail, texture, detail_strength=d, texture_strength=t)[..., :rows, :columns])
        for d, t in strengths
    ]


def _picture(packed: Tensor) -> Picture:
    samples = (packed[0] + 128).round().clamp(0, 255).to(torch.uint8)
    return Picture(F.pixel_shuffle(samples[:4], 2)[0].numpy(), samples[4].numpy(), samples[5].numpy())


def changes(rows: Sequence[tuple[Figures, Figures]]) -> Figures:
    """Average changes from base to enhanced: relative ones of networks, differences of the others."""
    found = {name: statistics.mean(new[name] / old[name] - 1 for old, new in rows) for name in NETWORKS}
    return found | {name: statistics.mean(new[name] - old[name] for old, new in rows) for name in METRICS[3:]}


def described(found: Figures) -> str:
    """Write changes in a line."""
    return "  ".join(f"{k} {100 * v:+.1f} %" if k in NETWORKS else f"{k} {v:+.2f}" for k, v in found.items())


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


def load(path: Path) -> Enhancer:
    """Read a network of named tensors."""
    enhancer = Enhancer()
    enhancer.load_named({name: value.float() for name, value in load_file(path).items()})
    return enhancer.eval()


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
    strengths = [(1.0, strength) for strength in arguments.strengths]
    table = Table("clip", "QP", "texture", *METRICS, "grid", box=None)
    found: dict[float, list[tuple[Figures, Figures]]] = {}
    for of_clip in clip_cases(arguments.qp, arguments.cache, arguments.clips):
        made = [enhanced(enhancer, case, strengths) for case in of_clip]
        seen = iter(figures([picture for pictures in made for picture in pictures], of_clip[0].source))
        for case, pictures in zip(of_clip, made, strict=True):
            table.add_row(case.name, str(case.qp), "base", *(f"{case.figures[name]:.3f}" for name in METRICS))
            for strength, picture in zip(arguments.strengths, pictures, strict=True):
                pair = (case.figures, next(seen))
                found.setdefault(strength, []).append(pair)
                change = changes([pair])
                cells = (f"{100 * change[n]:+.1f} %" if n in NETWORKS else f"{change[n]:+.2f}" for n in METRICS)
                table.add_row("", "", f"{strength:g}", *cells, f"{grid_line(picture, case.base):+.1f} dB")
            if arguments.crops:
                save_crops(arguments.crops, case, pictures)
    console.print(table)
    for strength, rows in found.items():
        console.print(f"texture {strength:g}: {described(changes(rows))}")


if __name__ == "__main__":
    main()
