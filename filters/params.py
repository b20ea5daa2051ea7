"""``key=value:key=value``, as ``-x265-params`` is written: a generator's own options as text."""

from __future__ import annotations

from types import UnionType
from typing import get_args

from ffhybrid.errors import UsageError

_BOOLEANS = {"0": False, "1": True}


def parse_params(text: str) -> dict[str, str]:
    """Split the entries; the last of one key wins, as it does in ffmpeg.

    Raises:
        UsageError: an entry without ``=``.
    """
    params: dict[str, str] = {}
    for entry in filter(None, text.split(":")):
        key, separator, value = entry.partition("=")
        if not separator:
            raise UsageError(f"-kf-params {entry}: write it as {entry}=VALUE, with colons between entries")
        params[key.strip()] = value.strip()
    return params


def as_annotated(key: str, value: str, annotation: object) -> object:
    """Convert a value to the type that a constructor's parameter has: a whole number, a number or 0 and 1.

    Raises:
        UsageError: it is not of that type.
    """
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    try:
        if bool in kinds:
            return _BOOLEANS[value]
        return int(value) if int in kinds else float(value)
    except (KeyError, ValueError):
        wanted = "0 or 1" if bool in kinds else "a whole number" if int in kinds else "a number"
        raise UsageError(f"-kf-params {key}={value}: it takes {wanted}") from None
