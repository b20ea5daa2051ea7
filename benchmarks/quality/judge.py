"""The judge's agreement with the panel: how often it prefers the encode that metrics prefer, over pairs of equal bytes.

Encodes are those that ``quality.tuning`` keeps: GOPs in the same bytes by torn and whole tunings and several shares of
the keyframe. A pair is two of one clip. Its majority is that of LPIPS alex and vgg, DISTS, SSIMULACRA2, CVVDP and
VMAF-NEG; pairs on which three of these face three have none. Weights are chosen on the first clips (:data:`CHOSEN_ON`,
``--fit`` chooses them again), the others only tell. "Before" is the judge of before: mean LPIPS plus five times the
mean squared error.

    python -m quality.judge [--fit] [--folder build/tuning]
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

from ffhybrid import GopLimits
from ffhybrid.core import stock
from ffhybrid.core.picture import Picture
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.quality import samples
from ffhybrid.filters import Likeness
from ffhybrid.filters.devices import device_of
from ffhybrid.filters.lpips import load_lpips
from ffhybrid.filters.visual_distance import VisualDistance, Weights
from ffhybrid.panel import METRICS
from ffhybrid.panel.picture_metrics import rgb
from ffhybrid.source.gop_planning import plan_gops
from ffhybrid.source.video import VideoSource

VOTERS = ("lpips", "lpips_vgg", "dists", "ssimulacra2", "cvvdp", "vmaf_neg")
CHOSEN_ON = ("dog", "basketballpass", "cups", "foreman", "city")
"""First words of the names of the clips that the weights were chosen on."""
PARTS = ("ssimulacra2", "lpips", "oklab")
REGULARISATION = 0.02

Loss = Callable[[Mapping[str, float]], float]
"""A judge: from parts of an encode, less is better."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two encodes: what each metric prefers (1 the first, -1 the second), and what judges see of both."""

    clip: str
    names: tuple[str, str]
    votes: Mapping[str, int]
    parts: tuple[Mapping[str, float], Mapping[str, float]]

    @property
    def majority(self) -> int:
        """Of the voters: above, below or 0."""
        return sum(self.votes.values())

    def preference(self, loss: Loss) -> int:
        """Of a judge."""
        first, second = map(loss, self.parts)
        return 1 if first < second else -1

    @property
    def is_torn_against_whole(self) -> bool:
        """Whether the tunings are the two that the eye tells apart at once."""
        return {name.split("-")[0] for name in self.names} == {"torn", "whole"} or (
            {"x265-torn", "x265-whole"} == set(self.names)
        )


def before(parts: Mapping[str, float]) -> float:
    """Judge as it was before."""
    return parts["lpips"] + 5 * parts["mse"]


def weighted(weights: Mapping[str, float]) -> Loss:
    """Judge by a product of powers, as the visual distance does."""
    return lambda parts: sum(weight * math.log(parts[name]) for name, weight in weights.items())


def pairs_of(folder: Path) -> list[Pair]:
    """Read all pairs of a clip, after looking at encodes that were not looked at."""
    _look(folder)
    found = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    whole = {name: facts for name, facts in found.items() if set(VOTERS) <= set(facts["panel"])}
    pairs = []
    for names in itertools.combinations(whole, 2):
        first, second = (whole[name] for name in names)
        votes = {metric: _vote(metric, first["panel"], second["panel"]) for metric in VOTERS}
        pairs.append(Pair(folder.name.split("_")[0], names, votes, (first["judge"], second["judge"])))
    return pairs


def _vote(metric: str, first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]) -> int:
    better = first[metric][0] - second[metric][0]
    return int(np.sign(-better if METRICS[metric].lower_is_better else better))


def _look(folder: Path) -> None:
    """Keep beside every encode what judges see of it, and the seconds that takes."""
    files = [file for file in sorted(folder.glob("*.json")) if "judge" not in json.loads(file.read_text())]
    if not files:
        return
    with tempfile.TemporaryDirectory() as name, VideoSource(folder / "source.mkv") as video:
        limits = GopLimits(length=10**4, scene_threshold=0)
        gop = next(plan_gops(video.frames(limit=None), video.info, Path(name), limits=limits))
        _look_at(files, gop)


def _look_at(files: Sequence[Path], gop: SourceGop) -> None:
    device = device_of("auto")
    distance = VisualDistance(load_lpips(None, device))
    chosen = sorted(samples(len(gop)))
    with torch.no_grad():
        sources = [distance.source(rgb(gop.picture(index), gop.spec, device)) for index in chosen]
        for file in files:
            begin = time.monotonic()
            pictures = list(stock.pictures(file.with_suffix(".hevc"), gop.spec, chosen))
            shown = (rgb(picture, gop.spec, device) for picture in pictures)
            parts = distance.pooled([distance.parts(*pair) for pair in zip(shown, sources, strict=True)])
            mse = np.mean([_mse(gop, index, picture) for index, picture in zip(chosen, pictures, strict=True)])
            found = {name: float(part) for name, part in parts.items()} | {"mse": float(mse)}
            facts = json.loads(file.read_text())
            facts["judge"] = found | {"seconds": time.monotonic() - begin}
            file.write_text(json.dumps(facts))


def _mse(gop: SourceGop, index: int, picture: Picture) -> float:
    return Likeness(gop.picture(index)).distortion(picture) / ((1 << gop.spec.bit_depth) - 1) ** 2


def fitted(pairs: Sequence[Pair]) -> dict[str, float]:
    """Choose weights by logistic regression on the votes, none below 0; they add up to 1."""
    x = np.array([[math.log(a[name] / b[name]) for name in PARTS] for a, b in (pair.parts for pair in pairs)])
    votes = np.array([pair.majority / len(VOTERS) for pair in pairs])
    scale = x.std(0)

    def loss(weights: np.ndarray) -> float:
        margin = -(x / scale) @ weights
        likelihood = np.logaddexp(0, margin) - (1 + votes) / 2 * margin
        return float(likelihood.mean() + REGULARISATION * np.square(weights).mean())

    found = minimize(loss, np.ones(len(PARTS)), bounds=[(0, None)] * len(PARTS)).x / scale
    return dict(zip(PARTS, found / found.sum(), strict=True))


def agreement(pairs: Sequence[Pair], loss: Loss) -> list[str]:
    """Give the parts of pairs where a judge agrees: with the majority, with SSIMULACRA2 and CVVDP, with each voter."""
    preferences = [pair.preference(loss) for pair in pairs]
    decided = [(pair, ours) for pair, ours in zip(pairs, preferences, strict=True) if pair.majority]
    majority = [ours * pair.majority > 0 for pair, ours in decided]
    each = {
        metric: [ours == pair.votes[metric] for pair, ours in zip(pairs, preferences, strict=True)] for metric in VOTERS
    }
    both = each["ssimulacra2"] + each["cvvdp"]
    return [_percent(part) for part in (majority, both, *each.values())]


def _percent(agreed: Sequence[bool]) -> str:
    return f"{100 * np.mean(agreed):.0f} %" if agreed else "-"


def main() -> None:
    """Print agreement on the clips that the weights are from, on the others, and on torn against whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/tuning"), help="where quality.tuning keeps encodes")
    parser.add_argument("--fit", action="store_true", help="choose weights again")
    arguments = parser.parse_args()
    pairs = [pair for folder in sorted(arguments.folder.iterdir()) if folder.is_dir() for pair in pairs_of(folder)]
    chosen = [pair for pair in pairs if pair.clip.startswith(CHOSEN_ON)]
    others = [pair for pair in pairs if not pair.clip.startswith(CHOSEN_ON)]
    judges = {"before": before, "visual distance": weighted(asdict(Weights()))}
    console = Console(width=160)
    if arguments.fit:
        weights = fitted(chosen)
        console.print(", ".join(f"{name} {weight:.2f}" for name, weight in weights.items()))
        judges["fitted"] = weighted(weights)
    titles = (METRICS[name].title for name in VOTERS)
    table = Table("pairs of", "", "judge", "majority", "SSIMULACRA2 and CVVDP", *titles, box=None)
    torn = [pair for pair in pairs if pair.is_torn_against_whole]
    for title, some in (("clips chosen on", chosen), ("other clips", others), ("torn and whole", torn)):
        for name, loss in judges.items():
            table.add_row(title, str(len(some)), name, *agreement(some, loss))
    console.print(table)


if __name__ == "__main__":
    main()
