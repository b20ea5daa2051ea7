"""Provenance: the words in a restored stream that say who restored it, and what generated its keyframes."""

from __future__ import annotations

from dataclasses import replace

from ffhybrid.core.gop import AccessUnit
from ffhybrid.muxer.statement import restored_statement, write_statement
from ffhybrid.restorer.splice import RestoredGop


class Provenance:
    """Follows a stream GOP by GOP; the first keyframe says where it comes from.

    Generators of later GOPs are not known before them: a keyframe whose generator was not named yet names all so far.
    """

    def __init__(self) -> None:
        self._generators: dict[str, None] = {}
        self._said = ""

    def stated(self, gop: RestoredGop) -> RestoredGop:
        """Put the statement before the keyframe of the next GOP, if it is due there."""
        if gop.generator:
            self._generators[gop.generator] = None
        words = restored_statement(self._generators)
        if words == self._said:
            return gop
        self._said = words
        keyframe, *others = gop.access_units
        stated = AccessUnit((write_statement(words), *keyframe.nal_units), keyframe.pts, keyframe.duration)
        return replace(gop, access_units=(stated, *others))


def first_statement(gop: RestoredGop) -> str:
    """Words of a stream that begins with this GOP."""
    return restored_statement([gop.generator] if gop.generator else [])
