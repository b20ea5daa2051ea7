"""Assembly of GOPs from pictures and payloads that arrive in whatever order a remuxer left them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.errors import CorruptDataError, FFHybridError, within
from ffhybrid.muxer.carriage import CarriedUnit, binding_tag
from ffhybrid.muxer.timing import ExactTimes, Timing

logger = logging.getLogger(__name__)

MAX_WAITING_GOPS = 4
"""Complete GOPs held while their payload is still to come."""
MAX_WAITING_PAYLOADS = 2 * MAX_WAITING_GOPS
MAX_GOP_BYTES = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGop:
    """A GOP of a file, or what damage has left of it.

    ``number`` counts the GOPs of the file from 0; None is damage outside of GOPs. ``gop`` is None where it is lost, and
    ``error`` says to what. Beside a ``gop`` it says what is wrong behind the last picture; ``lost_behind`` tells that
    other GOPs are lost to that. ``seconds`` are those of the GOP, or of the damage. ``is_last`` is for the last one.
    """

    number: int | None
    gop: HybridGop | None
    seconds: float | None = None
    error: FFHybridError | None = None
    lost_behind: bool = False
    is_last: bool = False


@dataclass(slots=True)
class _OpenGop:
    number: int
    binding: bytes
    parameter_sets: ParameterSets
    units: list[AccessUnit]
    timing: Timing | None
    size: int = 0
    error: FFHybridError | None = None
    lost_behind: bool = False


class GopAssembler:
    """Binds payloads to GOPs by their binding tags, in bounded memory.

    ``name`` is what messages call the file; ``time_base`` is the unit of the timestamps. ``lost_payload`` gives the
    payload of a tag where the file does not have it; then a GOP without one is always an error. A ``tolerant`` one
    gives a GOP that is lost as such, in place of an error. An ``early`` one gives a GOP as soon as it has its payload
    and as many access units as ``early`` says of that; pictures that follow are not added any more.
    """

    def __init__(
        self,
        *,
        name: str,
        time_base: Fraction,
        lost_payload: Callable[[bytes], bytes | None] | None = None,
        tolerant: bool = False,
        early: Callable[[bytes], int] | None = None,
    ) -> None:
        self._name = name
        self._lost_payload = lost_payload
        self._tolerant = tolerant
        self._early = early
        self._time_base = time_base
        self._queue: deque[_OpenGop | FoundGop] = deque()
        self._payloads: dict[bytes, bytes] = {}
        self._next_number = 0
        self._given = 0
        self._is_broken = False
        self._times = ExactTimes()

    def begin(self, unit: CarriedUnit, picture: AccessUnit, sets: ParameterSets) -> None:
        """Begin a GOP with its placeholder.

        Raises:
            CorruptDataError: a keyframe without a binding tag.
        """
        number = self._next_number
        if unit.binding is None:
            raise CorruptDataError(f"{self._name}: GOP {number} at {self._seconds(picture):.3f} s is no hybrid GOP")
        payload = unit.payload
        if payload is None and self._lost_payload:
            payload = self._lost_payload(unit.binding)
        if payload is not None:
            self.add_payload(payload)
        placeholder = AccessUnit(unit.placeholder, picture.pts, picture.duration)
        self._next_number += 1
        self._is_broken = False
        self._queue.append(_OpenGop(number, unit.binding, sets, [placeholder], unit.timing))

    def add_picture(self, picture: AccessUnit) -> None:
        """Add a P or B picture to the last GOP; one before the first keyframe is dropped with a warning.

        Raises:
            CorruptDataError: a GOP beyond 256 MiB.
        """
        if self._is_broken:
            return
        gop = self._queue[-1] if self._queue else None
        if not isinstance(gop, _OpenGop):
            logger.warning(
                "%s: a picture at %.3f s before the first keyframe is dropped", self._name, self._seconds(picture)
            )
            return
        gop.size += picture.size
        if gop.size > MAX_GOP_BYTES:
            raise CorruptDataError(f"{self._name}: GOP {gop.number} has more than {MAX_GOP_BYTES} bytes")
        gop.units.append(picture)

    def add_payload(self, payload: bytes) -> None:
        """Keep a payload for the GOP that names it."""
        tag = binding_tag(payload)
        self._payloads.pop(tag, None)
        self._payloads[tag] = payload
        if len(self._payloads) > MAX_WAITING_PAYLOADS:
            self._drop_payload(next(iter(self._payloads)))

    @property
    def waiting(self) -> int:
        """How many GOPs wait for their payload."""
        return sum(isinstance(gop, _OpenGop) and gop.binding not in self._payloads for gop in self._queue)

    def break_off(self, error: FFHybridError, *, lost: int, seconds: float | None) -> None:
        """Note damage behind what was added last: the GOP ends there, what comes before the next one is dropped.

        ``lost`` GOPs begin in what is damaged, which is at ``seconds`` of the file.
        """
        last = self._queue[-1] if self._queue else None
        if isinstance(last, _OpenGop) and not self._is_broken:
            last.error = error
            last.lost_behind = lost > 0
        elif not lost and not self._is_broken:
            self._queue.append(FoundGop(number=None, gop=None, seconds=seconds, error=error))
        self._is_broken = True
        for number in range(self._next_number, self._next_number + lost):
            named = within(error, self._name, f"GOP {number}")
            self._queue.append(FoundGop(number=number, gop=None, seconds=seconds, error=named))
        self._next_number += lost

    def complete(self) -> Iterator[FoundGop]:
        """Yield the GOPs that can no longer change; the last one may still grow, unless GOPs are given early.

        Raises:
            CorruptDataError: a payload did not come within four GOPs.
        """
        while self._queue and self._is_complete(self._queue[0]):
            yield from self._take()

    def _is_complete(self, first: _OpenGop | FoundGop) -> bool:
        if isinstance(first, _OpenGop):
            if first.binding not in self._payloads:
                return len(self._queue) > MAX_WAITING_GOPS
            if self._early and len(first.units) >= self._early(self._payloads[first.binding]):
                return True
        return len(self._queue) > 1

    def finish(self) -> Iterator[FoundGop]:
        """Yield the rest. A last GOP without payload, and payloads without GOP, are dropped with a warning.

        Raises:
            CorruptDataError: another GOP without payload, or no whole GOP in the file.
        """
        while self._queue:
            yield from self._take()
        for tag in list(self._payloads):
            self._drop_payload(tag)
        if not self._given:
            raise CorruptDataError(f"{self._name}: no GOP is complete")

    def _take(self) -> Iterator[FoundGop]:
        gop = self._queue.popleft()
        if isinstance(gop, FoundGop):
            self._given += 1
            yield gop
            return
        payload = self._payloads.get(gop.binding)
        if payload is None:
            yield from self._missing(gop)
            return
        # Repeated content has the same payload again.
        if all(other.binding != gop.binding for other in self._queue if isinstance(other, _OpenGop)):
            del self._payloads[gop.binding]
        self._given += 1
        whole = HybridGop(payload, gop.parameter_sets, gop.units[0], tuple(gop.units[1:]), self._time_base)
        yield FoundGop(
            number=gop.number,
            gop=self._times.apply(whole, gop.timing),
            seconds=self._seconds(gop.units[0]),
            error=gop.error,
            lost_behind=gop.lost_behind,
            is_last=not self._queue,
        )

    def _missing(self, gop: _OpenGop) -> Iterator[FoundGop]:
        """Report a GOP without payload; what a cut leaves at the end of a file is none."""
        seconds = self._seconds(gop.units[0])
        where = f"GOP {gop.number} at {seconds:.3f} s"
        message = f"{self._name}: {where} has no payload"
        error = within(gop.error, self._name, where) if gop.error else None
        if self._lost_payload:
            error = CorruptDataError(f"{message}, and none of those given is its own")
        elif self._queue:
            error = CorruptDataError(f"{message}, or one that was changed")
        if error is None:
            logger.warning("%s; a cut left only its beginning, it is dropped", message)
            return
        if not self._tolerant:
            raise error
        self._given += 1
        yield FoundGop(number=gop.number, gop=None, seconds=seconds, error=error)

    def _drop_payload(self, tag: bytes) -> None:
        del self._payloads[tag]
        logger.warning("%s: a payload without its GOP is dropped", self._name)

    def _seconds(self, unit: AccessUnit) -> float:
        return float(unit.pts * self._time_base)
