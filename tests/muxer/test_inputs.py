"""What may stand behind -i: playlists, segments with their header, bare segments, standard input; and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ffhybrid
from ffhybrid.errors import CorruptDataError, NotHybridError, TruncatedError, UnsupportedError
from ffhybrid.muxer.reading.playlist import check_playlist
from media import ffmpeg
from support import EXACT, assert_same_gops, ffmpegs, hybrid_gops, run

FRAGMENTED = {"hls_segment_type": "fmp4"}


@pytest.fixture
def mpegts(tiny_file: Path, tmp_path: Path) -> Path:
    """A playlist of MPEG-TS segments."""
    ffhybrid.remux(
        tiny_file, tmp_path / "list.m3u8", options=ffhybrid.OutputOptions(format_options={"hls_time": "0.5"})
    )
    return tmp_path / "list.m3u8"


@pytest.fixture
def fragmented(tiny_file: Path, tmp_path: Path) -> Path:
    """A playlist of fragmented MP4."""
    ffhybrid.remux(
        tiny_file,
        tmp_path / "list.m3u8",
        options=ffhybrid.OutputOptions(format_options={"hls_time": "0.5", **FRAGMENTED}),
    )
    return tmp_path / "list.m3u8"


def ffhybrid_command(*arguments: str | Path, source: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command line with a file on standard input."""
    command = [sys.executable, "-P", "-m", "ffhybrid", *map(str, arguments)]
    with source.open("rb") as file:
        return subprocess.run(command, stdin=file, capture_output=True, check=False)


def test_a_stock_playlist_restores(tiny_inband_file: Path, tmp_path: Path) -> None:
    playlist, restored = tmp_path / "list.m3u8", tmp_path / "restored.mp4"
    ffmpeg("-i", tiny_inband_file, "-c", "copy", "-f", "hls", "-hls_time", "0.5", "-hls_list_size", "0", playlist)
    assert ffhybrid.restore(playlist, restored).gops == 4
    result = run(ffmpegs()["imageio-ffmpeg"], "-v", "error", *EXACT, "-i", restored, "-f", "framemd5", "-")
    assert result.stderr == ""
    assert result.stdout.count("\n0,") == 48


def test_seeking_in_a_playlist(fragmented: Path) -> None:
    with ffhybrid.open(fragmented) as container:
        whole = [frame.time for frame in container.decode()]
        container.seek(round((whole[24] + 0.1) * 1e6))
        assert [frame.time for frame in container.decode()] == whole[24:]


def test_a_segment_alone(mpegts: Path, tiny_file: Path) -> None:
    assert_same_gops(hybrid_gops(mpegts.with_name("list2.ts")), hybrid_gops(tiny_file)[2:3])


def test_a_fragment_needs_its_header(fragmented: Path, tiny_file: Path) -> None:
    header, segment = fragmented.with_name("init.mp4"), fragmented.with_name("list2.m4s")
    with pytest.raises(NotHybridError, match=r"list2\.m4s"):
        ffhybrid.probe(segment)
    joined = Path(f"concat:{header}|{segment}")
    assert_same_gops(hybrid_gops(joined), hybrid_gops(tiny_file)[2:3])
    assert ffhybrid.probe(joined).size == header.stat().st_size + segment.stat().st_size


def test_standard_input(tiny_file: Path, tmp_path: Path) -> None:
    probed = ffhybrid_command("probe", "-of", "json", "-", source=tiny_file)
    info = json.loads(probed.stdout)
    assert (info["filename"], info["size"], len(info["gops"])) == ("-", None, 4)
    assert b"hashes_verified=48" in ffhybrid_command("verify", "-", source=tiny_file).stdout
    piped = ffhybrid_command("restore", "-i", "-", "-f", "nut", "-", source=tiny_file)
    ffhybrid.restore(tiny_file, tmp_path / "restored.nut")
    assert piped.stdout == (tmp_path / "restored.nut").read_bytes()


def test_encoding_does_not_read_standard_input(tiny_file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for source in (tiny_file, tmp_path / "empty"):
        result = ffhybrid_command("encode", "-i", "-", tmp_path / "out.mkv", source=source)
        assert result.returncode == 2
        assert b"more than once" in result.stderr


def changed(playlist: Path, old: str, new: str) -> None:
    text = playlist.read_text()
    assert old in text
    playlist.write_text(text.replace(old, new))


DAMAGES: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "a segment is gone": (lambda path: path.with_name("list2.ts").unlink(), FileNotFoundError, r"names list2\.ts"),
    "a segment is empty": (lambda path: path.with_name("list2.ts").write_bytes(b""), TruncatedError, "is empty"),
    "a segment on a network": (
        lambda path: changed(path, "list2.ts", "http://localhost/list2.ts"),
        UnsupportedError,
        "names http://localhost/",
    ),
    "a device": (lambda path: changed(path, "list2.ts", "/dev/zero"), FileNotFoundError, "names /dev/zero"),
    "a protocol": (lambda path: changed(path, "list2.ts", "pipe:0"), UnsupportedError, "names pipe:0"),
    "encrypted": (
        lambda path: changed(path, "#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="list.key"\n#EXTINF'),
        UnsupportedError,
        "is encrypted",
    ),
    "not finished": (lambda path: changed(path, "#EXT-X-ENDLIST", ""), TruncatedError, "not finished"),
    "a gap": (lambda path: changed(path, "list2.ts", "#EXT-X-GAP\nlist2.ts"), TruncatedError, "segment is missing"),
    "no playlist": (lambda path: changed(path, "#EXTM3U", "#EXTM4U"), CorruptDataError, "no HLS playlist"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_playlist_that_cannot_be_read_whole_is_refused(mpegts: Path, damage: str) -> None:
    change, error, words = DAMAGES[damage]
    change(mpegts)
    with pytest.raises(error, match=words):
        ffhybrid.probe(mpegts)


def test_a_master_playlist_leads_to_its_playlists(fragmented: Path, tiny_file: Path) -> None:
    master = fragmented.with_name("master.m3u8")
    master.write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nlist.m3u8\n")
    assert_same_gops(hybrid_gops(master), hybrid_gops(tiny_file))
    changed(fragmented, 'URI="init.mp4"', 'URI="https://localhost/init.mp4"')
    with pytest.raises(UnsupportedError, match=r"list\.m3u8: the playlist names https"):
        ffhybrid.probe(master)


LINES = st.sampled_from(
    ["#EXTM3U", "#EXTINF:1,", "#EXT-X-ENDLIST", '#EXT-X-MAP:URI="a.mp4"', "list.m3u8", "../b.ts", "c:"]
)


@given(st.lists(LINES | st.text(max_size=20)), st.booleans())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_untrusted_playlists_raise_only_our_errors(tmp_path: Path, lines: list[str], begins_well: bool) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("\n".join(["#EXTM3U", *lines] if begins_well else lines), errors="replace")
    try:
        check_playlist(path)
    except (ffhybrid.FFHybridError, FileNotFoundError) as error:
        assert "list.m3u8: " in str(error)


@pytest.mark.parametrize("name", ["http://localhost/a.mkv", "rtmp://localhost/a", "pipe:3"])
def test_addresses_are_no_files(name: str) -> None:
    with pytest.raises(UnsupportedError, match="only files of this machine"):
        ffhybrid.probe(name)


def test_a_file_may_be_called_like_an_address(tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("part 1: tiny.mkv").symlink_to(tiny_file)
    Path("tiny:1.mkv").symlink_to(tiny_file)
    assert len(ffhybrid.probe("tiny:1.mkv").gops) == len(ffhybrid.probe("part 1: tiny.mkv").gops) == 4


def test_a_manifest_says_what_to_give_instead(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"concat:INIT\|SEGMENT"):
        ffhybrid.probe(tmp_path / "there.mpd")
