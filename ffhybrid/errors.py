"""The errors that ffhybrid raises; each also derives from the built-in that fits it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class FFHybridError(Exception):
    """Base of every error raised on purpose; ``exit_code`` is what the command line returns for it."""

    exit_code = 1


class UsageError(FFHybridError, ValueError):
    """An option or a combination of options that cannot work."""

    exit_code = 2


class NotHybridError(FFHybridError, ValueError):
    """The input opens, or does not, but it is no hybrid file."""

    exit_code = 3


class TruncatedError(FFHybridError, EOFError):
    """The input ends before the data that its own headers announce."""

    exit_code = 4


class CorruptDataError(FFHybridError, ValueError):
    """Bytes that break the syntax or a checksum of the format that they claim to be."""

    exit_code = 5


class GeometryError(FFHybridError, ValueError):
    """A payload that was made for another picture size, bit depth or set of parameter sets."""

    exit_code = 6


class VerificationError(FFHybridError, ArithmeticError):
    """A generated or decoded picture whose MD5 is not the stored one."""

    exit_code = 7


class ReproductionError(VerificationError):
    """A keyframe that this machine makes differently from the one that encoded it; the file is whole."""


DAMAGE = (TruncatedError, CorruptDataError, GeometryError, VerificationError)
"""Errors of a damaged input."""


class UnsupportedError(FFHybridError, NotImplementedError):
    """Valid input that this version cannot carry without loss, and therefore refuses."""

    exit_code = 8


class EncoderError(FFHybridError, RuntimeError):
    """The external encoder failed or gave a stream that cannot be spliced."""

    exit_code = 9


class ModelError(FFHybridError, LookupError):
    """A model that is not on this machine, is damaged, or is not the one that a latent was made with."""

    exit_code = 10


class OutOfMemoryError(FFHybridError, MemoryError):
    """A model and a picture that do not fit the memory of this machine or device."""


class BatchError(FFHybridError, RuntimeError):
    """Files of a batch that failed; the others are done."""


class DamageError(FFHybridError, ValueError):
    """A damaged input, of which what is whole is restored."""

    exit_code = 11


@contextmanager
def at(where: str) -> Iterator[None]:
    """Put file, GOP and time before the message of an error."""
    try:
        yield
    except FFHybridError as error:
        raise type(error)(f"{where}: {error}") from error


def within(error: FFHybridError, name: str, where: str) -> FFHybridError:
    """Say where in a file an error is, behind the file's name, with which its message may begin."""
    return type(error)(f"{name}: {where}: {str(error).removeprefix(f'{name}: ')}")
