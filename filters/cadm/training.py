"""Training a restorer (section 3.3.2, algorithm 1): diffusion of the difference between a picture and its enlargement.

Everything random in an iteration follows from the seed and the iteration's number, so that a training that was stopped
goes on exactly as it would have. What it needs for that lies in one safetensors file beside the model.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ffhybrid.core.atomic_files import pending_output
from ffhybrid.errors import CorruptDataError, UsageError
from ffhybrid.filters.cadm.examples import Examples, TrainingBatch
from ffhybrid.filters.cadm.restorer import CONFIG, DIFFERENCE_UNIT, TIMESTEPS, conditioning, scheduler
from ffhybrid.filters.cadm.settings import NORM_GROUPS, Settings
from ffhybrid.filters.models.loading import Model

logger = logging.getLogger(__name__)

STATE = "training.safetensors"
LEARNING_RATE = 1e-3
WARM_UP = 100
"""Iterations over which the learning rate rises."""
AVERAGING = 0.998
"""The factor of the running mean that is published as weights, as usual for diffusion models."""
PURE_NOISE_PART = 0.75
"""The part of examples that begin where one-step restoration does."""


class Training:
    """A network under training, its optimizer, and the mean of its weights.

    Args:
        folder: of the model, made if it is not there; a training in it is resumed.
        settings: to begin with; they have to be those of a training that is resumed.
        device: that it runs on.

    Raises:
        UsageError: the folder's training has other settings.
        CorruptDataError: the folder's state is damaged.
    """

    def __init__(self, folder: Path, settings: Settings, device: torch.device) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.settings = settings
        self.iteration = 0
        self.device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = _network(settings).to(device).train()
        self._mean = {name: value.clone() for name, value in self.network.state_dict().items()}
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE)
        self._alphas = scheduler().alphas_cumprod.float().to(device)
        if (folder / STATE).exists():
            self._resume()

    def step(self, examples: Examples) -> float:
        """Take one step; returns its loss."""
        generator = torch.Generator().manual_seed((self.settings.seed << 32) + self.iteration)
        loss = self._loss(examples.batch(self.settings.batch, generator), generator)
        for group in self._optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min((self.iteration + 1) / WARM_UP, 1)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.iteration += 1
        self._average()
        return float(loss.detach())

    def save(self) -> None:
        """Write the state, and the model of mean weights as diffusers has them."""
        tensors = {f"weights.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"mean.{name}": value for name, value in self._mean.items()}
        for index, entries in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in entries.items()}
        metadata = {"iteration": str(self.iteration), "settings": self.settings.to_json()}
        with pending_output(self.folder / STATE, overwrite=True) as pending:
            save_file({name: value.contiguous().cpu() for name, value in tensors.items()}, pending, metadata=metadata)
        with tempfile.TemporaryDirectory(prefix=".ffhybrid-", dir=self.folder) as name:
            self.published().network.save_pretrained(name)
            for file in Path(name).iterdir():
                file.replace(self.folder / file.name)

    def published(self) -> Model:
        """Make the model of mean weights."""
        network = _network(self.settings)
        network.load_state_dict(self._mean)
        return Model.of(network, type(network).__name__, self.device)

    def _loss(self, batch: TrainingBatch, generator: torch.Generator) -> Tensor:
        """Mean squared error of the predicted velocity (Salimans and Ho, 2022)."""
        wanted = (batch.sources - batch.conditions).to(self.device) / DIFFERENCE_UNIT
        conditions = conditioning(batch.conditions.to(self.device))
        noise = torch.randn(wanted.shape, generator=generator).to(self.device)
        timesteps = self._timesteps(len(wanted), generator)
        alpha = self._alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * wanted + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * wanted
        labels = batch.labels.to(self.device)
        predicted = self.network(torch.cat((noisy, conditions), 1), timesteps, class_labels=labels).sample
        loss: Tensor = (predicted - velocity).square().mean()
        return loss

    def _timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        timesteps = torch.randint(TIMESTEPS, (count,), generator=generator)
        timesteps[: round(PURE_NOISE_PART * count)] = TIMESTEPS - 1
        return timesteps.to(self.device)

    def _average(self) -> None:
        weight = min(AVERAGING, self.iteration / (self.iteration + 10))
        for name, value in self.network.state_dict().items():
            self._mean[name].lerp_(value, 1 - weight)

    def _resume(self) -> None:
        path = self.folder / STATE
        with _damage_named(path):
            metadata, tensors = _read(path)
            found, self.iteration = Settings.from_json(metadata["settings"]), int(metadata["iteration"])
        if found != self.settings:
            raise UsageError(f"{self.folder} has a training with other settings: {found.to_json()}")
        with _damage_named(path):
            self._mean = {name: value.to(self.device) for name, value in _below("mean", tensors).items()}
            self.network.load_state_dict(self._mean)  # only to see that the mean is one of such a network
            self.network.load_state_dict(_below("weights", tensors))
            self._load_optimizer(_below("optimizer", tensors))
        logger.info("%s: going on at iteration %d", path, self.iteration)

    def _load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        entries: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            index, _, key = name.partition(".")
            entries.setdefault(int(index), {})[key] = value
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": entries, "param_groups": groups})


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn what damaged states lead to into one error."""
    try:
        yield
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CorruptDataError(f"{path} is no state of a training: {' '.join(str(error).split())}") from error


def _network(settings: Settings) -> Any:
    """Make a network without attention, which takes any size, and which begins at no difference to bicubic."""
    from diffusers import UNet2DModel

    levels = len(settings.channels)
    network = UNet2DModel(
        **CONFIG,
        block_out_channels=settings.channels,
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=NORM_GROUPS,
        add_attention=False,
    )
    for parameter in network.conv_out.parameters():
        torch.nn.init.zeros_(parameter)
    return network


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
