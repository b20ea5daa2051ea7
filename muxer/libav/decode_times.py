"""Decoding timestamps for access units that only say when they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from ffhybrid.errors import UnsupportedError


class DecodeTimes:
    """Derives decoding times, GOP after GOP, in one time base.

    Pictures are decoded at the sorted presentation times, earlier by what the first GOP reorders. A later GOP that
    reorders more gets its times squeezed in between, which takes a time base finer than the frame rate. ``floor`` is
    the least time that the container holds, None for any; what would lie before is squeezed in as well.
    """

    def __init__(self, *, floor: int | None = None) -> None:
        self._delay: int | None = None
        self._floor = floor
        self._last: int | None = None

    def of(self, shown: Sequence[int]) -> list[int]:
        """Strictly increasing times, none after its presentation time, for a GOP in decoding order.

        Raises:
            UnsupportedError: the GOP reorders more than the ones before, and no times are left for it.
        """
        slots = sorted(shown)
        if self._delay is None:
            self._delay = max(slot - pts for slot, pts in zip(slots, shown, strict=True))
        times: list[int] = []
        for slot, latest in zip(slots, _latest(shown), strict=True):
            time = slot - self._delay
            if self._floor is not None and latest >= self._floor:
                time = max(time, self._floor)
            if self._last is not None:
                time = max(time, self._last + 1)
                if self._last >= latest:
                    raise UnsupportedError("a GOP reorders its pictures more than the ones before can make room for")
            self._last = min(time, latest)
            times.append(self._last)
        return times


def _latest(shown: Sequence[int]) -> list[int]:
    """Latest time of each picture that leaves a tick for every one behind it."""
    times = list(shown)
    for index in range(len(times) - 2, -1, -1):
        times[index] = min(times[index], times[index + 1] - 1)
    return times
