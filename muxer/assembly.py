"""Putting GOPs together from pictures and payloads that arrive in whatever order a remuxer left them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ffhybrid.errors import CorruptDataError
from ffhybrid.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.muxer.carriage import CarriedUnit, binding_tag
from ffhybrid.muxer.timing import ExactTimes, Timing

logger = logging.getLogger(__name__)

MAX_WAITING_GOPS = 4
"""Complete GOPs held while their payload is still to come."""
MAX_WAITING_PAYLOADS = 2 * MAX_WAITING_GOPS
MAX_GOP_BYTES = 1 << 28


@dataclass(slots=True)
class _OpenGop:
    number: int
    binding: bytes
    parameter_sets: ParameterSets
    units: list[AccessUnit]
    timing: Timing | None
    size: int = 0


class GopAssembler:
    """Binds payloads to GOPs by their binding tags, in bounded memory.

    ``name`` is what messages call the file; ``time_base`` is the unit of the timestamps. ``lost_payload`` gives the
    payload of a tag where the file does not have it; then a GOP without one is always an error.
    """

    def __init__(
        self, *, name: str, time_base: Fraction, lost_payload: Callable[[bytes], bytes | None] | None = None
    ) -> None:
        self._name = name
        self._lost_payload = lost_payload
        self._time_base = time_base
        self._queue: deque[_OpenGop] = deque()
        self._payloads: dict[bytes, bytes] = {}
        self._next_number = 0
        self._given = 0
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
        self._queue.append(_OpenGop(number, unit.binding, sets, [placeholder], unit.timing))

    def add_picture(self, picture: AccessUnit) -> None:
        """Add a P or B picture to the last GOP; one before the first keyframe is dropped with a warning.

        Raises:
            CorruptDataError: a GOP beyond 256 MiB.
        """
        if not self._queue:
            logger.warning(
                "%s: a picture at %.3f s before the first keyframe is dropped", self._name, self._seconds(picture)
            )
            return
        gop = self._queue[-1]
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

    def complete(self) -> Iterator[HybridGop]:
        """Yield the GOPs that can no longer change; the last one may still grow.

        Raises:
            CorruptDataError: a payload did not come within four GOPs.
        """
        while len(self._queue) > 1:
            has_payload = self._queue[0].binding in self._payloads
            if not has_payload and len(self._queue) <= MAX_WAITING_GOPS:
                return
            yield from self._take()

    def finish(self) -> Iterator[HybridGop]:
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

    def _take(self) -> Iterator[HybridGop]:
        gop = self._queue.popleft()
        payload = self._payloads.get(gop.binding)
        if payload is None:
            self._report_missing(gop)
            return
        # Repeated content has the same payload again.
        if all(other.binding != gop.binding for other in self._queue):
            del self._payloads[gop.binding]
        self._given += 1
        whole = HybridGop(payload, gop.parameter_sets, gop.units[0], tuple(gop.units[1:]), self._time_base)
        yield self._times.apply(whole, gop.timing)

    def _report_missing(self, gop: _OpenGop) -> None:
        message = f"{self._name}: GOP {gop.number} at {self._seconds(gop.units[0]):.3f} s has no payload"
        if self._lost_payload:
            raise CorruptDataError(f"{message}, and none of those given is its own")
        if self._queue:
            raise CorruptDataError(f"{message}, or one that was changed")
        logger.warning("%s; a cut left only its beginning, it is dropped", message)

    def _drop_payload(self, tag: bytes) -> None:
        del self._payloads[tag]
        logger.warning("%s: a payload without its GOP is dropped", self._name)

    def _seconds(self, unit: AccessUnit) -> float:
        return float(unit.pts * self._time_base)
