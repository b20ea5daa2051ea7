"""Options of libavformat's muxers, as the library that PyAV brings lists them itself (``ffmpeg -h muxer=NAME``).

PyAV has no list of options, so this asks libavformat by cffi. The declarations are those parts of
``libavutil/opt.h`` and ``libavformat/avformat.h`` that are public and fixed for the major versions of FFmpeg that
PyAV 18 is built with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import av.format
from cffi import FFI

_DECLARATIONS = """
typedef struct AVClass AVClass;
typedef struct AVOption {
    const char *name;
    const char *help;
    int offset;
    int type;
    union { int64_t i64; double dbl; const char *str; } default_val;
    double min;
    double max;
    int flags;
    const char *unit;
} AVOption;
typedef struct AVOutputFormat {
    const char *name;
    const char *long_name;
    const char *mime_type;
    const char *extensions;
    int audio_codec;
    int video_codec;
    int subtitle_codec;
    int flags;
    const void *codec_tag;
    const AVClass *priv_class;
} AVOutputFormat;
const AVOutputFormat *av_guess_format(const char *short_name, const char *filename, const char *mime_type);
const AVOutputFormat *av_muxer_iterate(void **opaque);
const AVClass *avformat_get_class(void);
const AVOption *av_opt_next(const void *object, const AVOption *previous);
"""
_ENCODING_PARAM = 1
"""``AV_OPT_FLAG_ENCODING_PARAM``: an option for muxing."""
_STRING, _DICTIONARY, _CONSTANT = 6, 9, 11
"""Of ``enum AVOptionType``; a constant is a name for a value of another option."""


@dataclass(frozen=True, slots=True)
class MuxerOption:
    """An option by FFmpeg's name; ``is_text`` ones have values that may name files."""

    name: str
    help: str
    is_text: bool


@cache
def _library() -> tuple[Any, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    # The extension module is linked to libavformat, and symbols are looked up in what a library is linked to.
    return ffi, ffi.dlopen(av.format.__file__)


def _text(value: Any) -> str:
    ffi, _ = _library()
    return bytes(ffi.string(value)).decode() if value else ""


def _of_class(options: Any) -> Iterator[MuxerOption]:
    """Walk an AVClass; an object, to FFmpeg, is what begins with a pointer to one."""
    ffi, library = _library()
    if not options:
        return
    thing = ffi.new("const AVClass **", options)
    option = library.av_opt_next(thing, ffi.NULL)
    while option:
        if option.type != _CONSTANT and option.flags & _ENCODING_PARAM:
            is_text = option.type in (_STRING, _DICTIONARY)
            yield MuxerOption(_text(option.name), _text(option.help), is_text)
        option = library.av_opt_next(thing, option)


@cache
def generic_options() -> Mapping[str, MuxerOption]:
    """List the options of every muxer, those of AVFormatContext, by name."""
    _, library = _library()
    return {option.name: option for option in _of_class(library.avformat_get_class())}


def _find(container_format: str | None, filename: str = "") -> Any:
    ffi, library = _library()
    if container_format is not None:
        return library.av_guess_format(container_format.encode(), ffi.NULL, ffi.NULL)
    return library.av_guess_format(ffi.NULL, filename.encode(), ffi.NULL)


def muxer_name(container_format: str | None, filename: str) -> str | None:
    """Name the muxer of a format, or without one that of a file's name; None where FFmpeg has none."""
    found = _find(container_format, filename)
    return _text(found.name).partition(",")[0] if found else None


@cache
def options_of(muxer: str) -> Mapping[str, MuxerOption]:
    """List a muxer's own options by name; one that does not exist has none."""
    found = _find(muxer)
    return {option.name: option for option in _of_class(found.priv_class)} if found else {}


@cache
def names_of_all_muxers() -> frozenset[str]:
    """List the names of the options of all muxers."""
    ffi, library = _library()
    names = set(generic_options())
    position = ffi.new("void **")
    while muxer := library.av_muxer_iterate(position):
        names.update(option.name for option in _of_class(muxer.priv_class))
    return frozenset(names)
