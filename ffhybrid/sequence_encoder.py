"""Encoding GOP after GOP with a generator that makes every picture: the codec of Promptus, without P and B pictures."""

from __future__ import annotations

from ffhybrid.errors import UsageError
from ffhybrid.filters.base import SequenceGenerator
from ffhybrid.gop import HybridGop
from ffhybrid.gop_encoder import EncodeOptions, GopReport, regeneration_for, report_of
from ffhybrid.gop_encoding import check, encode_sequence, without_hashes
from ffhybrid.gop_search import Progress
from ffhybrid.planner import SourceGop


class SequenceEncoder:
    """Encodes the GOPs of one file in their order; a GOP's prompts may begin where the one before ended."""

    def __init__(self, generator: SequenceGenerator, options: EncodeOptions) -> None:
        if options.rate or options.target_lpips or options.refinements or options.picture_hashes:
            raise UsageError("-codec promptus has no P and B frames for -b:v, -target-lpips, -refine and -hash")
        self._generator = generator
        self._options = options
        self._regeneration = regeneration_for(options.generator_options)
        self._latent: bytes | None = None

    def encode(self, gop: SourceGop, progress: Progress | None = None) -> tuple[HybridGop, GopReport]:
        """Encode the next GOP, and check that it restores exactly.

        Raises:
            EncoderError: x265 failed, or the GOP does not restore exactly.
        """
        self._latent = self._generator.fit_sequence(
            gop, gop.spec, budget=self._options.keyframe_budget, warm_start=self._latent, progress=progress
        )
        coded = encode_sequence(gop, self._generator, self._latent, self._options.x265)
        check(coded, gop, self._regeneration)
        hybrid = without_hashes(coded.hybrid)
        return hybrid, report_of(hybrid, gop, coded, None)
