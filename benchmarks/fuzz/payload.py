"""Fuzz target of payloads and of the access units that carry them: no errors come out but those of docstrings."""

from __future__ import annotations

from contextlib import suppress

from ffhybrid import hevc
from ffhybrid.core import fixups
from ffhybrid.core.buffers import crc32c
from ffhybrid.core.payload import Payload
from ffhybrid.errors import FFHybridError
from ffhybrid.muxer.carriage import split_access_unit


def one_input(data: bytes) -> None:
    """Read bytes as an access unit, and as a payload whose checksum is right."""
    with suppress(FFHybridError):
        split_access_unit(hevc.split_annexb(data))
    with suppress(FFHybridError):
        payload = Payload.from_bytes(data + crc32c(data).to_bytes(4, "big"))
        if Payload.from_bytes(payload.to_bytes()) != payload:
            raise AssertionError("a payload is read otherwise than it was written")
        fixups.count(payload.fixups)
