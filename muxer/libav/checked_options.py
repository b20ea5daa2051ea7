"""Options of a muxer as users give them: known ones only, files beside the output, those of segments in their place."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from ffhybrid.core.suggestions import did_you_mean
from ffhybrid.errors import UsageError
from ffhybrid.muxer.libav.muxer_options import MuxerOption, generic_options, names_of_all_muxers, options_of

logger = logging.getLogger(__name__)

SEGMENT_OPTIONS = {
    "hls": "hls_segment_options",
    "dash": "format_options",
    "segment": "segment_format_options",
    "stream_segment": "segment_format_options",
}
"""By muxers of several files, their own option that holds options of the segments' muxer, as ``name=value:...``."""
_HLS_SEGMENTS = ("mpegts", "mp4")
FILES_FROM_HERE = ("hls_segment_filename", "segment_list", "segment_header_filename")
"""Options that name files from where the process runs."""
_FILES_BESIDE = (
    "hls_fmp4_init_filename",
    "hls_master_name",
    "init_seg_name",
    "master_pl_name",
    "media_seg_name",
    "single_file_name",
)
"""Options that name files from where the playlist lies."""
_NO_FILES = frozenset(
    {
        "adaptation_sets",
        "authorization",
        "creation_program",
        "headers",
        "hls_base_url",
        "hls_enc_key_url",
        "http_user_agent",
        "segment_list_entry_prefix",
        "user_agent",
        "utc_timing_url",
    }
)
"""Options whose text is copied into what is written or sent, and opens nothing."""


def checked_options(output: Path, muxer: str, segment_muxer: str | None, options: Mapping[str, str]) -> dict[str, str]:
    """Return the options as libavformat is to get them; ``segment_muxer`` is that of a playlist's segments.

    Options that only the segments' muxer has go to it, which FFmpeg itself would forget.

    Raises:
        UsageError: an option that neither has, with the nearest that one of them has; a file elsewhere.
    """
    own = {**generic_options(), **options_of(muxer)}
    if segment_muxer is None:
        for name, value in options.items():
            _check(output, muxer, own, name, value)
        return dict(options)
    return _split(output, muxer, segment_muxer, options, own)


def _split(
    output: Path, muxer: str, segment_muxer: str, options: Mapping[str, str], own: Mapping[str, MuxerOption]
) -> dict[str, str]:
    if segment_muxer in SEGMENT_OPTIONS:
        raise UsageError(f"{output}: segments in the format {segment_muxer} would be several files themselves")
    dictionary = SEGMENT_OPTIONS[muxer]
    of_segments = options_of(segment_muxer)
    others = {} if muxer != "hls" else {name: option for m in _HLS_SEGMENTS for name, option in options_of(m).items()}
    known = {**others, **of_segments, **own}
    ours: dict[str, str] = {}
    theirs = _entries(dictionary, options.get(dictionary, ""))
    for name, value in theirs.items():
        _check(output, segment_muxer, {**generic_options(), **of_segments}, name, value)
    for name, value in options.items():
        if name == dictionary:
            continue
        _check(output, muxer, known, name, value)
        if name in own:
            ours[name] = value
        elif name in of_segments:
            theirs[name] = value
        else:
            logger.warning("%s: -%s is no option of %s segments, and not used", output, name, segment_muxer)
    return {**ours, dictionary: _joined(theirs)} if theirs else ours


def _check(output: Path, muxer: str, known: Mapping[str, MuxerOption], name: str, value: str) -> None:
    if name not in known:
        is_of_another = name in names_of_all_muxers()
        suggestion = " (others have)" if is_of_another else did_you_mean(name, known, prefix="-")
        raise UsageError(f"{output}: FFmpeg's muxer {muxer} has no option -{name}{suggestion}")
    is_file = name in FILES_FROM_HERE or name in _FILES_BESIDE
    if known[name].is_text and name not in _NO_FILES and not _is_plain(value, is_file=is_file):
        raise UsageError(f"-{name} {value}: files lie beside {output.name}, give a name without a folder")


def _is_plain(value: str, *, is_file: bool) -> bool:
    """Whether a text names nothing outside the folder that it is looked up in; ``:`` would end a protocol's name."""
    return not value or (Path(value).name == value and value != ".." and not (is_file and ":" in value))


def _entries(dictionary: str, text: str) -> dict[str, str]:
    if "\\" in text or "'" in text:
        raise UsageError(f"-{dictionary}: give options of the segments by their own names, as in -movflags VALUE")
    pairs = (entry.partition("=") for entry in text.split(":") if entry)
    return {name: value for name, _, value in pairs}


def _joined(entries: Mapping[str, str]) -> str:
    return ":".join(f"{name}={_escaped(value)}" for name, value in entries.items())


def _escaped(value: str) -> str:
    """Quote what ends a value for ``av_dict_parse_string``."""
    return "".join(f"\\{character}" if character in "\\':" else character for character in value)
