"""Encoding GOPs with a generator that makes every picture: the codec of Promptus, without P and B pictures."""

from __future__ import annotations

from ffhybrid.core.gop import HybridGop
from ffhybrid.core.source_gop import SourceGop
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.encoder.coded_gop import check, encode_sequence, without_hashes
from ffhybrid.encoder.gop_encoder import GopReport, generator_decode_of, report_of
from ffhybrid.encoder.keyframe_search import OnFit
from ffhybrid.encoder.options import GopOptions
from ffhybrid.errors import UsageError
from ffhybrid.filters.base import SequenceGenerator


class SequenceEncoder:
    """Encodes GOPs of one file, each as if it were the only one."""

    def __init__(self, generator: SequenceGenerator, options: GopOptions) -> None:
        if options.rate or options.target_lpips or options.refinements or options.picture_hashes:
            raise UsageError("-mode promptus has no P and B frames for -b:v, -target-lpips, -kf:refine and -hash")
        self._generator = generator
        self._options = options
        self._generator_decode = generator_decode_of(options)

    def model_digest(self) -> str:
        """Return what tells the generator's model from others.

        Raises:
            UsageError, ModelError: there is no such model.
        """
        return self._generator.model_digest()

    def encode(
        self, gop: SourceGop, *, share: Share | None = None, progress: OnFit | None = None
    ) -> tuple[HybridGop, GopReport]:
        """Encode a GOP, and check that it restores exactly.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
            UsageError: a share of a bitrate, which prompts cannot be held to.
        """
        if share is not None:
            raise UsageError("-mode promptus has no P and B frames to meet a bitrate by")
        latent = self._generator.fit_sequence(gop, gop.spec, budget=self._options.keyframe_budget, progress=progress)
        coded = encode_sequence(gop, self._generator, latent, self._options.x265)
        check(coded, gop, self._generator_decode)
        hybrid = without_hashes(coded.hybrid)
        return hybrid, report_of(hybrid, gop, coded, None)

    def encode_native_idr(self, gop: SourceGop, *, share: Share | None = None) -> tuple[HybridGop, GopReport]:  # noqa: ARG002
        """Refuse.

        Raises:
            UsageError: always; other pictures of x265 than grey ones need other parameter sets.
        """
        raise UsageError(f"GOP {gop.index} cannot be encoded, and -mode promptus has no keyframes of x265 to keep")
