"""What a user gets who sets nothing: a file in, a hybrid file, standard HEVC out."""

from __future__ import annotations

from pathlib import Path

import av

import ffhybrid
from ffhybrid.core.frames import coded_picture
from ffhybrid.core.picture import Picture
from media import SOUND, VIDEO, audio_samples, ffmpeg
from support import psnr

PICTURES = 12
LEAST_PSNR = 30.0


def pictures(path: Path) -> list[Picture]:
    with av.open(path) as container:
        return [coded_picture(frame, 8) for frame in container.decode(video=0)]


def test_a_file_goes_through_all_defaults(tmp_path: Path) -> None:
    source, hybrid, restored = (tmp_path / name for name in ("in.mp4", "hybrid.mkv", "restored.mkv"))
    moving = ("-f", "lavfi", "-i", f"testsrc2=size=128x72:rate=24:duration={PICTURES / 24},format=yuv420p")
    ffmpeg(*moving, *SOUND, "-shortest", *VIDEO, "-c:a", "aac", source)
    report = ffhybrid.encode(source, hybrid)
    assert [gop.pictures for gop in report.gops] == [PICTURES]
    assert {gop.generator for gop in report.gops} <= {ffhybrid.EncodeOptions().generator, "hevc"}
    assert ffhybrid.verify(hybrid).keyframes_verified == 1
    assert ffhybrid.restore(hybrid, restored).pictures == PICTURES
    ours, theirs = pictures(restored), pictures(source)
    assert all(psnr(one, other) > LEAST_PSNR for one, other in zip(ours, theirs, strict=True))
    assert (audio_samples(restored) == audio_samples(source)).all()
