"""Train the network of generator ``enhance`` on files of ``training.make_bases``; it goes on from its checkpoint.

Now and then a line of the panel: average changes, from bases to enhanced pictures, over held-out files and over the
clips of ``quality.enhance``.

    python -m training.train_enhance --bases FOLDER --state FILE.pt --minutes 60 [--panel-cache FOLDER]
    python -m training.train_enhance --state FILE.pt --export FILE.safetensors
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.filters.devices import DEVICES, device_of
from ffhybrid.filters.enhance.model import Enhancer
from quality.enhance_cases import Case, Enhanced, changes, clip_cases, described, looks
from training.enhancement_data import BasePicture, BasePictures, Parts
from training.enhancement_loss import EnhancementLoss, Price

FIRST_RATE, RATE, WARM_UP = 1e-3, 4e-4, 100
"""Learning rates of both stages, unless another is asked for, and the steps over which the first one comes up."""
MEMORY = 0.998
"""Of the moving average of the weights, which is what is used."""
REPORT_INTERVAL, KEEP_INTERVAL = 50, 100
PANEL_QPS = (42,)
HELD_OUT_FILES = 2
"""Of each kind, that the panel looks at."""


class State:
    """Everything that training goes on from."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self.path = path
        self.enhancer, self.average = Enhancer().to(device), Enhancer().to(device)
        self.average.load_state_dict(self.enhancer.state_dict())
        self.optimiser = torch.optim.Adam(self.enhancer.parameters(), betas=(0.9, 0.99))
        self.price, self.step, self.seconds = Price(), 0, 0.0
        if path.exists():
            self._load(torch.load(path, map_location=device, weights_only=True))

    def _load(self, found: dict[str, Any]) -> None:
        self.enhancer.load_state_dict(found["enhancer"])
        self.average.load_state_dict(found["average"])
        self.optimiser.load_state_dict(found["optimiser"])
        self.price, self.step, self.seconds = Price(found["price"]), found["step"], found["seconds"]
        torch.set_rng_state(found["torch"].cpu())
        version, inner, following = found["random"]
        random.setstate((version, tuple(inner), following))

    def save(self) -> None:
        """Keep it, so that a file is whole at any moment."""
        following = self.path.with_suffix(".new")
        found = {
            "enhancer": self.enhancer.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "price": self.price.value,
            "step": self.step,
            "seconds": self.seconds,
            "torch": torch.get_rng_state(),
            "random": random.getstate(),
        }
        torch.save(found, following)
        following.replace(self.path)

    def update(self, loss: Tensor, *, rate: float) -> None:
        """Take one step."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.enhancer.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / WARM_UP)
        self.optimiser.step()
        self.enhancer.confine()
        self.step += 1
        memory = min(MEMORY, self.step / (self.step + 10))
        with torch.no_grad():
            for kept, value in zip(self.average.parameters(), self.enhancer.parameters(), strict=True):
                kept.lerp_(value, 1 - memory)

    def export(self, path: Path) -> None:
        """Write the moving average as named tensors of half precision."""
        save_file(
            {name: value.detach().cpu().half().contiguous() for name, value in self.average.named().items()}, path
        )


class Panel:
    """Looks at the network from time to time."""

    def __init__(self, cache: Path, held_out: BasePictures) -> None:
        self._parts = {f"clips at {qp}": [case for (case,) in clip_cases((qp,), cache)] for qp in PANEL_QPS}
        for name, picture in held_out.whole(HELD_OUT_FILES):
            self._parts.setdefault(f"held-out {name.split()[0]}", []).append(_held_out_case(name, picture))

    def line(self, enhancer: Enhancer) -> str:
        """Describe what it does."""
        return "\n".join(f"    {name}: {described(_changes(enhancer, part))}" for name, part in self._parts.items())


def _changes(enhancer: Enhancer, part: list[Case]) -> dict[str, float]:
    return changes(
        [(case.figures, looks([Enhanced(enhancer, case).picture(1)], case.source)[0].figures) for case in part]
    )


def _held_out_case(name: str, picture: BasePicture) -> Case:
    spec = PictureSpec(picture.source.shape[1], picture.source.shape[0] * 2 // 3)
    source, base = (Picture.from_samples(x.ravel(), spec) for x in (picture.source, picture.bases[0]))
    return Case(name, 0, int(picture.qps[0]), source, base, looks([base], source)[0].figures, picture.distance)


class Run:
    """A session of training."""

    def __init__(self, state: State, pictures: BasePictures, panel: Panel | None, device: torch.device) -> None:
        self._state, self._pictures, self._panel, self._device = state, pictures, panel, device
        self._loss = EnhancementLoss(device)
        self._sums: Counter[str] = Counter()

    def go_on(self, minutes: float, *, batch: int, first_steps: int, rate: float, panel_minutes: float) -> None:
        """Train for so long, with a report every so often."""
        start = looked = time.monotonic()
        while (now := time.monotonic()) - start < 60 * minutes:
            is_first = self._state.step < first_steps
            self._step(batch, is_first=is_first, rate=FIRST_RATE if is_first else rate)
            self._state.seconds += time.monotonic() - now
            if self._state.step % REPORT_INTERVAL == 0:
                self._report()
            if self._state.step % KEEP_INTERVAL == 0:
                self._state.save()
            if self._panel is not None and now - looked > 60 * panel_minutes:
                print(f"panel at {self._state.step}\n{self._panel.line(self._state.average)}", flush=True)
                looked = time.monotonic()
        self._state.save()

    def _step(self, batch: int, *, is_first: bool, rate: float) -> None:
        drawn, state = self._pictures.parts(batch), self._state
        parts = Parts(*(x.to(self._device) for x in (drawn.source, drawn.base, drawn.known)))
        if is_first:
            loss, terms = self._loss.first(state.enhancer, parts)
        else:
            loss, terms = self._loss(state.enhancer, parts, state.price)
        state.update(loss, rate=rate)
        self._sums.update({**terms, "total": float(loss.detach())})

    def _report(self) -> None:
        terms = " ".join(f"{name} {value / REPORT_INTERVAL:.4f}" for name, value in self._sums.items())
        print(f"{self._state.step} ({self._state.seconds:.0f} s) {terms}", flush=True)
        self._sums.clear()


def main() -> None:
    """Train or export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bases", type=Path, help="the folder of training.make_bases")
    parser.add_argument("--state", type=Path, required=True, help="the checkpoint")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--first-steps", type=int, default=3000, help="of the first stage")
    parser.add_argument("--rate", type=float, default=RATE, help="of learning, in the second stage")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--panel-cache", type=Path, help="look at the panel; coded clips are kept here")
    parser.add_argument("--panel-minutes", type=float, default=20)
    parser.add_argument("--export", type=Path, help="write the moving average of the weights and end")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    random.seed(1)
    state = State(arguments.state, device_of(arguments.device))
    if arguments.export:
        state.export(arguments.export)
        return
    if arguments.bases is None:
        parser.error("training needs --bases")
    panel = None
    if arguments.panel_cache:
        panel = Panel(arguments.panel_cache, BasePictures(arguments.bases / "held-out"))
    run = Run(state, BasePictures(arguments.bases / "training"), panel, device_of(arguments.device))
    run.go_on(
        arguments.minutes,
        batch=arguments.batch,
        first_steps=arguments.first_steps,
        rate=arguments.rate,
        panel_minutes=arguments.panel_minutes,
    )


if __name__ == "__main__":
    main()
