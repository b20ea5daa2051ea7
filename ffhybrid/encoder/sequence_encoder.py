"""Encoding GOPs with a generator that makes every picture: the codec of Promptus, without P and B pictures."""

from __future__ import annotations

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.picture import PictureSpec
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.encoder.coded_gop import check, encode_sequence, without_hashes
from ffhybrid.encoder.gop_encoder import GopReport, generator_decode_of, report_of, weight_digests
from ffhybrid.encoder.options import GopOptions
from ffhybrid.encoder.progress import GopWatch, OnProgress, Stage
from ffhybrid.errors import UsageError
from ffhybrid.filters.base import SequenceGenerator, lpips_can_see


class SequenceEncoder:
    """Encodes GOPs of one file, each as if it were the only one."""

    def __init__(self, generator: SequenceGenerator, options: GopOptions) -> None:
        if options.rate or options.target or options.refinements or options.anchors or options.picture_hashes:
            raise UsageError("-mode promptus has no P and B frames for -b:v, -target, -kf:refine, -anchors and -hash")
        self._generator = generator
        self._options = options
        self._generator_decode = generator_decode_of(options)

    def model_digest(self) -> str:
        """Return what tells the generator's model from others.

        Raises:
            UsageError, ModelError: there is no such model.
        """
        return self._generator.model_digest()

    def metric_weights(self, spec: PictureSpec) -> dict[str, str]:
        """Give the digests of the weights that GOPs of such pictures are fitted by.

        Raises:
            ModelError: they are not on this machine; the message says the command that brings them.
        """
        is_seen = self._options.is_perceptual and lpips_can_see(spec)
        return weight_digests({"lpips"} if is_seen else (), self._options.lpips_file)

    def encode(
        self, gop: SourceGop, *, share: Share | None = None, on_progress: OnProgress | None = None
    ) -> tuple[HybridGop, GopReport]:
        """Encode a GOP, and check that it restores exactly.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
            UsageError: a share of a bitrate, which prompts cannot be held to.
        """
        if share is not None:
            raise UsageError("-mode promptus has no P and B frames to meet a bitrate by")
        watch = GopWatch(gop.index, on_progress, frames=len(gop))
        budget, progress = self._options.keyframe_budget, watch.fitting(Stage.FIT)
        latent = self._generator.fit_sequence(gop, gop.spec, budget=budget, progress=progress)
        watch.at(Stage.ENCODE, 0, 1)
        coded = encode_sequence(gop, self._generator, latent, self._options.x265)
        watch.at(Stage.CHECK, 0, 1)
        check(coded, gop, self._generator_decode)
        hybrid = without_hashes(coded.hybrid)
        return hybrid, report_of(hybrid, gop, coded, None)

    def encode_native_idr(
        self,
        gop: SourceGop,
        *,
        share: Share | None = None,  # noqa: ARG002 - as other encoders
        on_progress: OnProgress | None = None,  # noqa: ARG002
    ) -> tuple[HybridGop, GopReport]:
        """Refuse.

        Raises:
            UsageError: always; other pictures of x265 than grey ones need other parameter sets.
        """
        raise UsageError(f"GOP {gop.index} cannot be encoded, and -mode promptus has no keyframes of x265 to keep")
