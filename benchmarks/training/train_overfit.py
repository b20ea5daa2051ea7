"""Train what generator ``overfit`` starts from: the prior of its network, and the analysis network.

Both see random parts of pictures, with base pictures, at random rates and textures: first as an autoencoder with the
very network of the decoder, then with latents that are fitted. The prior becomes C code, so the golden latents of the
tests have to be made anew after it.

    python -m training.train_overfit --minutes 60 --joint-minutes 60 --state state.npz PICTURE_OR_CLIP ...
    python -m training.train_overfit --minutes 0 --joint-minutes 0 --from STATE --state STATE --export
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ffhybrid.filters.lpips import Lpips
from ffhybrid.filters.perceptual_weights import find_lpips_weights
from ffhybrid.filters.published_weights import HOW_TO_GET
from training.amortised import Amortised
from training.joint import Joint
from training.networks import BUILT_IN, Networks
from training.objective import Averages, Judge, Loss
from training.pictures import Pictures

REPORT_INTERVAL = 200


def run(step: Callable[[float], list[Loss]], minutes: float, keep: Callable[[], None]) -> None:
    """Train for so long, report every so often, and keep the state then."""
    start, iterations, averages = time.monotonic(), 0, Averages()
    while (part := (time.monotonic() - start) / (60 * minutes)) < 1:
        for loss in step(part):
            averages.add(loss)
        iterations += 1
        if iterations % REPORT_INTERVAL == 0:
            print(f"{iterations} ({100 * part:.0f} %) {averages}", flush=True)
            averages = Averages()
            keep()
    keep()


def main() -> None:
    """Train in two stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--minutes", type=float, default=60, help="of the first stage")
    parser.add_argument("--joint-minutes", type=float, default=60, help="of the second")
    parser.add_argument("--parts", type=int, default=700, help="of pictures, in the second stage")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--from", dest="begin", help=f"a state to go on from, or {BUILT_IN!r}")
    parser.add_argument("--export", action="store_true", help="write C code and arrays at the end")
    arguments = parser.parse_args()
    weights = find_lpips_weights()
    if weights is None:
        raise SystemExit(f"LPIPS has no weights here: {HOW_TO_GET}")
    random.seed(1)
    torch.manual_seed(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    networks, pictures = Networks(arguments.begin, device), Pictures(arguments.pictures)
    if not len(pictures) and arguments.minutes + arguments.joint_minutes > 0:
        raise SystemExit("there is no picture to learn from that is large enough")
    judge = Judge(Lpips(*weights), device)

    def keep() -> None:
        networks.save(arguments.state)

    if arguments.minutes > 0:
        run(Amortised(networks, pictures, judge).step, arguments.minutes, keep)
    if arguments.joint_minutes > 0:
        run(Joint(networks, pictures, judge, arguments.parts).step, arguments.joint_minutes, keep)
    if arguments.export:
        networks.export()


if __name__ == "__main__":
    main()
