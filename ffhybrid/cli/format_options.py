"""Options of FFmpeg's muxers under FFmpeg's names; what they mean is told by ``ffmpeg -h muxer=NAME``."""

from __future__ import annotations

import argparse

MUXER_OPTIONS = {
    "mp4, mov": ("movflags", "frag_duration", "min_frag_duration", "brand", "video_track_timescale", "write_tmcd"),
    "mpegts": ("mpegts_flags", "mpegts_service_id", "mpegts_pmt_start_pid", "mpegts_start_pid", "muxrate"),
    "hls": (
        "hls_time",
        "hls_list_size",
        "hls_playlist_type",
        "hls_segment_type",
        "hls_segment_filename",
        "hls_fmp4_init_filename",
        "hls_flags",
        "hls_base_url",
        "master_pl_name",
        "start_number",
    ),
    "dash": ("seg_duration", "adaptation_sets", "init_seg_name", "media_seg_name", "single_file", "use_template"),
    "segment": ("segment_time", "segment_format", "segment_list", "reset_timestamps"),
}
"""Options by the formats that take them."""

_PREFIX = "muxer:"


def add_format_options(command: argparse.ArgumentParser) -> None:
    """Let a command take them all."""
    group = command.add_argument_group("options of FFmpeg's muxers (ffmpeg -h muxer=NAME explains them)")
    for formats, names in MUXER_OPTIONS.items():
        for name in names:
            group.add_argument(f"-{name}", dest=_PREFIX + name, metavar="VALUE", help=f"for {formats}")


def format_options(options: argparse.Namespace) -> dict[str, str]:
    """Pick those that were given."""
    given = ((name.removeprefix(_PREFIX), value) for name, value in vars(options).items() if name.startswith(_PREFIX))
    return {name: value for name, value in given if value is not None}
