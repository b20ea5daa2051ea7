"""Training the model of generator ``cadm`` on frames of videos, holding some of them back to see how good it is."""

from __future__ import annotations

import json
import logging
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ffhybrid.core.extras import check_installed
from ffhybrid.core.frames import frame_picture
from ffhybrid.errors import UsageError
from ffhybrid.filters.cadm.settings import Settings
from ffhybrid.filters.devices import device_of
from ffhybrid.source.resizing import resized, scaled_spec
from ffhybrid.source.video import VideoSource

if TYPE_CHECKING:
    from ffhybrid.filters.cadm.evaluation import RestorerQuality, TrainingPicture
    from ffhybrid.filters.cadm.training import Training

logger = logging.getLogger(__name__)

LOG = "log.jsonl"
SAVING_INTERVAL = 100
"""Iterations after which the state is kept: what is lost at most when a training is stopped."""
HELD_BACK = 8
"""The last of every so many frames that are read of a video are not learnt from."""
MOST_EVALUATED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What ``ffhybrid train`` takes.

    Args:
        iterations: in all; a training that is resumed does what is left of them.
        evaluation_interval: iterations between looks at frames that were held back.
        frame_interval: one frame of so many is read.
        width: of the pictures learnt from, None for their own; they are never enlarged.
        settings: what a training keeps, from its first iteration on.
        device: ``auto``, ``cpu`` or ``cuda``.
        lpips: AlexNet's weights where they are not found.
    """

    iterations: int = 20000
    evaluation_interval: int = 1000
    frame_interval: int = 12
    width: int | None = None
    settings: Settings = field(default_factory=Settings)
    device: str = "auto"
    lpips: Path | None = None


def train(
    sources: Sequence[Path],
    folder: Path,
    *,
    options: TrainingOptions,
    on_step: Callable[[int, float], None] | None = None,
) -> list[RestorerQuality]:
    """Train, or go on with the training in ``folder``, and leave there a model that ``-model`` takes.

    Every evaluation becomes a line of ``log.jsonl`` in the folder.

    Args:
        sources: videos.
        folder: made if it is not there.
        options: see there.
        on_step: is told the iteration and its loss.

    Returns:
        The last evaluation, one entry for each scale and number of steps.

    Raises:
        UsageError: too few or too small frames, options unlike those of the training in the folder, or torch or
            diffusers are not installed.
        CorruptDataError: the training in the folder, or a video, is damaged.
    """
    for package in ("torch", "diffusers"):
        check_installed(package, what="training", extra="diffusers")
    from ffhybrid.filters.cadm.examples import Examples
    from ffhybrid.filters.cadm.training import Training

    settings = options.settings
    training = Training(folder, settings, device_of(options.device))
    learnt, held_back = _split(sources, options)
    examples = Examples([still.picture for still in learnt], reductions=settings.reductions, side=settings.side)
    judge = _Judge(training, held_back, options.lpips)
    losses: list[float] = []
    while training.iteration < options.iterations:
        losses.append(training.step(examples))
        if on_step:
            on_step(training.iteration, losses[-1])
        is_last = training.iteration == options.iterations
        if is_last or training.iteration % SAVING_INTERVAL == 0:
            training.save()
        if not is_last and training.iteration % options.evaluation_interval == 0:
            judge.look(statistics.fmean(losses))
            losses.clear()
    return judge.look(statistics.fmean(losses) if losses else None)


def _split(sources: Sequence[Path], options: TrainingOptions) -> tuple[list[TrainingPicture], list[TrainingPicture]]:
    """Read frames; the last ones of each video are held back, so that none of them is next to one learnt from."""
    learnt: list[TrainingPicture] = []
    held_back: list[TrainingPicture] = []
    for source in sources:
        stills = list(_read(source, options))
        if len(stills) < 2:
            raise UsageError(f"{source}: one frame of {options.frame_interval} is too few to learn from")
        end = len(stills) - max(len(stills) // HELD_BACK, 1)
        learnt += stills[:end]
        held_back += stills[end:]
    return learnt, held_back


def _read(source: Path, options: TrainingOptions) -> Iterator[TrainingPicture]:
    from ffhybrid.filters.cadm.evaluation import TrainingPicture

    with VideoSource(source) as video:
        spec = scaled_spec(video.info.spec, width=options.width, height=None)
        for index, frame in enumerate(video.frames()):
            if index % options.frame_interval == 0:
                yield TrainingPicture(frame_picture(resized(frame.picture, spec), spec), spec)


class _Judge:
    """Evaluates what a training would publish now, on some of the frames held back, and logs it."""

    def __init__(self, training: Training, held_back: Sequence[TrainingPicture], lpips: Path | None) -> None:
        from ffhybrid.filters.lpips import load_lpips

        self._training = training
        self._stills = held_back[:: -(-len(held_back) // MOST_EVALUATED)]
        self._lpips = load_lpips(lpips, training.device)

    def look(self, loss: float | None) -> list[RestorerQuality]:
        from ffhybrid.filters.cadm.evaluation import evaluate
        from ffhybrid.filters.cadm.restorer import Restorer

        training = self._training
        found = evaluate(
            Restorer(training.published()), self._stills, reductions=training.settings.reductions, lpips=self._lpips
        )
        line = {"iteration": training.iteration, "loss": loss, "quality": [_measured(quality) for quality in found]}
        with (training.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for quality in found:
            logger.info("iteration %d, loss %s: %s", training.iteration, loss, quality)
        return found


def _measured(quality: RestorerQuality) -> dict[str, float | None]:
    """Give figures by name; JSON has no word for what was not measured but null."""
    return {name: None if math.isnan(value) else value for name, value in asdict(quality).items()}
