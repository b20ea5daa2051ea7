"""Active parameter sets: which of them a GOP must bring along because the header of its file has others."""

from __future__ import annotations

from collections.abc import Sequence

from ffhybrid.core.gop import ParameterSets


class SetsInForce:
    """Follows what a decoder has: the sets of the header, or those that came in band last.

    Sets that differ from the header's are repeated at every GOP, so that a decoder can begin at each; after them the
    header's own are put in band once, because a decoder that reads on still has the others.
    """

    def __init__(self, header: ParameterSets) -> None:
        self._header = self._current = header.nal_units

    def to_write(self, sets: Sequence[bytes]) -> tuple[bytes, ...]:
        """NAL units to put in front of the next GOP's keyframe, none where a decoder has them."""
        wanted = tuple(sets)
        is_known = wanted == self._header == self._current
        self._current = wanted
        return () if is_known else wanted
