"""Generator ``promptus-video``: every picture of a GOP from a few prompts, the codec of Promptus (Wu et al., 2026)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ffhybrid.core.picture import Picture, PictureSpec
from ffhybrid.errors import UsageError
from ffhybrid.filters.base import FitProgress, Frames
from ffhybrid.filters.effort import check_tune, look_up
from ffhybrid.filters.models.descent_steps import ITERATIONS
from ffhybrid.filters.models.downscaling import least_within
from ffhybrid.filters.models.generator import ModelBound
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.models.options import FitOptions, ModelOptions
from ffhybrid.filters.promptus.codec import check_seed
from ffhybrid.filters.promptus.generator import NATIVE_SAMPLES, Promptus
from ffhybrid.filters.promptus.video_codec import MAX_PROMPTS, SequenceBody, is_possible

DEFAULT_INTERVAL = 10


@dataclass(frozen=True, kw_only=True)
class PromptusVideoOptions(FitOptions, ModelOptions):
    """Options of Promptus for whole GOPs.

    Args:
        interval: pictures from a prompt to the next.
    """

    interval: int = DEFAULT_INTERVAL


class PromptusVideo(ModelBound):
    """Prompts of every ``interval``th picture and of the last of a GOP, interpolated between.

    The options that it shares with :class:`Promptus` mean what they mean there.
    """

    name = "promptus-video"
    architectures = Promptus.architectures
    component = Promptus.component
    beside = Promptus.beside
    assembled = staticmethod(Promptus.assembled)

    options_type = PromptusVideoOptions

    def __init__(self, options: PromptusVideoOptions) -> None:
        if options.interval < 1:
            raise UsageError(f"prompts cannot be {options.interval} pictures apart")
        super().__init__(options)
        self._iterations = look_up(ITERATIONS, options.preset)
        self._tune = check_tune(options.tune)
        self._seed = check_seed(options.seed)
        self._lpips = options.lpips
        self._interval = options.interval

    def fit_sequence(
        self,
        frames: Frames,
        spec: PictureSpec,
        *,
        budget: int | None,
        progress: Callable[[FitProgress], None] | None,
    ) -> bytes:
        """Fit prompts to the pictures of a GOP; ``budget`` bytes are what they take at most, or hardly more.

        Raises:
            UsageError: no model is named, torch or diffusers are not installed, or there are too many prompts.
            ModelError: the model is not there, or of another class.
            OutOfMemoryError: the picture is too large for this machine.
        """
        if not is_possible(len(frames), self._interval):
            raise UsageError(
                f"a GOP of {len(frames)} pictures with prompts every {self._interval} has more than {MAX_PROMPTS}: "
                "make it shorter (-g), or set them further apart (-kf-params interval=N)"
            )
        model = self._models.named()
        from ffhybrid.filters.promptus.video_session import SequenceSession

        reduction = least_within(self._reductions, spec, NATIVE_SAMPLES)
        session = SequenceSession(
            frames,
            spec,
            model,
            reduction=reduction,
            seed=self._seed,
            tune=self._tune,
            lpips_file=self._lpips,
        )
        found = session.fit(
            self._iterations,
            interval=self._interval,
            budget=budget,
            progress=progress,
        )
        return ModelLatent(
            architecture=self.architectures.index(model.architecture),
            model=model.digest,
            reduction=reduction,
            tile=session.tile,
            body=found.to_bytes(),
        ).to_bytes()

    def generate_sequence(self, latent: bytes, spec: PictureSpec) -> Iterator[Picture]:
        """Make the pictures in single precision, in order of presentation.

        Raises:
            CorruptDataError, UnsupportedError: a latent that cannot be read.
            ModelError: the model that it was made with is not there.
            OutOfMemoryError: the picture is too large for this machine.
        """
        parsed = ModelLatent.from_bytes(latent)
        body = SequenceBody.from_bytes(parsed.body)
        model = self._recorded(parsed)
        from ffhybrid.filters.promptus.sequence import pictures_of

        return pictures_of(body, model, spec, reduction=parsed.reduction, tile=parsed.tile)
