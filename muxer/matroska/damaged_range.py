"""Damaged range: a part of a file that is known to be damaged before it is read."""

from __future__ import annotations

from dataclasses import dataclass

from ffhybrid.errors import CorruptDataError, TruncatedError


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedRange:
    """Bytes from ``start`` to ``end`` of a file that are not what they should be.

    ``error`` names the file and says what is wrong; ``seconds`` are those of its cluster, or of the one before, None
    before the first. ``has_blocks`` tells clusters, and what may be one, from what lies around them. ``is_readable``
    tells that the elements inside still add up, or that nothing can be read without them. ``until`` are the seconds
    of the cluster that follows, if one does.
    """

    error: CorruptDataError | TruncatedError
    start: int
    end: int
    seconds: float | None
    has_blocks: bool
    is_readable: bool
    until: float | None

    @property
    def is_end(self) -> bool:
        """Whether the file ends here, before its time: what is there can be used."""
        return isinstance(self.error, TruncatedError)

    def holds(self, position: int | None) -> bool:
        """Whether what lies at a position cannot be relied on."""
        return position is not None and not self.is_end and self.start <= position < self.end
