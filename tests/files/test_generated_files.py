"""Files of the mode `promptus`, whose pictures are all generated: through stock tools, whole, cut and damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import ffhybrid
from ffhybrid.cli import main
from ffhybrid.core.gop import HybridGop
from ffhybrid.core.payload import Payload
from ffhybrid.core.presentation import ContentLight
from ffhybrid.farm.jobs import Job
from ffhybrid.farm.planning import plan
from ffhybrid.farm.running import run_job
from ffhybrid.filters.models.latent_layout import ModelLatent
from ffhybrid.filters.promptus.video_codec import SequenceBody
from ffhybrid.hevc import sei
from ffhybrid.hevc.static_metadata import write_content_light
from ffhybrid.muxer.reading.reader import HybridReader
from ffhybrid.restorer.generator_decode import GeneratorDecode
from ffhybrid.restorer.splice import restore_gop
from pretrained_models import saved_one_step
from support import clip, ffmpegs, run

FRAMES, INTERVAL = 6, 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_one_step(tmp_path_factory.mktemp("models") / "turbo")


def options_for(model: Path, **options: object) -> ffhybrid.EncodeOptions:
    given = {"model": str(model), "device": "cpu", "preset": "superfast", "tune": "psnr", "scale": 4}
    return ffhybrid.EncodeOptions(
        mode=ffhybrid.EncodeMode.PROMPTUS,
        generator_options={**given, "interval": INTERVAL, **options},
        keyframe_budget=900,
        limits=ffhybrid.GopLimits(length=FRAMES, scene_threshold=0),
        frames=2 * FRAMES,
    )


@pytest.fixture(scope="module")
def generated(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "generated.mkv"
    ffhybrid.encode(clip("carphone_pristine.mp4"), path, options=options_for(model), engine="local:1")
    return path


@pytest.fixture
def generator_decode(model: Path) -> GeneratorDecode:
    return GeneratorDecode(model=str(model), device="cpu")


def first_gop(path: Path) -> HybridGop:
    with HybridReader(path) as reader:
        return next(iter(reader.gops()))


def shown(path: Path) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def test_stock_tools_see_a_grey_video_of_the_right_length(generated: Path) -> None:
    pictures = shown(generated)
    assert len(pictures) == 2 * FRAMES
    assert all(np.ptp(picture) == 0 for picture in pictures)
    assert sum(gop.inter_bytes for gop in ffhybrid.probe(generated).gops) < 40 * 2 * FRAMES


def test_remux_restore_verify(generated: Path, generator_decode: GeneratorDecode, tmp_path: Path) -> None:
    for name, binary in ffmpegs().items():
        remuxed, restored = tmp_path / f"{name}.mkv", tmp_path / f"{name}.mp4"
        run(binary, "-v", "error", "-i", generated, "-map", "0", "-c", "copy", remuxed)
        assert ffhybrid.verify(remuxed, generator_decode=generator_decode).pictures == 2 * FRAMES
        assert ffhybrid.restore(remuxed, restored, generator_decode=generator_decode).pictures == 2 * FRAMES
        with ffhybrid.open(remuxed, generator_decode=generator_decode) as container:
            frames = [frame.to_ndarray() for frame in container.decode(video=0)]
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(frames, shown(restored), strict=True))
    assert len({frame.tobytes() for frame in frames}) == 2 * FRAMES


def test_timestamps_are_those_of_the_source(generated: Path, generator_decode: GeneratorDecode, tmp_path: Path) -> None:
    ffhybrid.restore(generated, tmp_path / "restored.mp4", generator_decode=generator_decode)
    times = []
    for path in (clip("carphone_pristine.mp4"), tmp_path / "restored.mp4"):
        with av.open(path) as container:
            frames = container.decode(video=0)
            times.append([float(next(frames).time) for _ in range(2 * FRAMES)])
    assert times[0] == pytest.approx(times[1], abs=1e-6)


def test_prompts_have_the_layout_of_the_format_page(generated: Path) -> None:
    payload = Payload.from_bytes(first_gop(generated).payload)
    assert (payload.generator, payload.pictures) == ("promptus-video", FRAMES)
    latent = ModelLatent.from_bytes(payload.latent)
    body = SequenceBody.from_bytes(latent.body)
    assert latent.body[:4] == bytes([FRAMES, INTERVAL, 16, 0])
    assert body.codes.shape == (4, body.codes.shape[1], 77 + 16)
    assert body.to_bytes() == latent.body
    assert len(payload.latent) == 13 + len(latent.body)
    assert len(payload.latent) < 1.05 * 900


def test_a_gop_is_a_job_that_stands_alone(generated: Path, model: Path) -> None:
    """Alone the second GOP becomes what it is in the file."""
    *_, last = plan(clip("carphone_pristine.mp4"), options_for(model))
    job = Job.from_json(last.to_json())
    with HybridReader(generated) as reader:
        _, second = reader.gops()
    latent = ModelLatent.from_bytes(Payload.from_bytes(second.payload).latent)
    assert (job.options.mode, job.model) == ("promptus", latent.model.hex())
    assert run_job(job).gop.payload == second.payload
    with pytest.raises(ffhybrid.ModelError, match=f"here it is {job.model}"):
        run_job(replace(job, model="00ff"))
    with pytest.raises(ffhybrid.UsageError, match="GOP 1 .*no keyframes of x265"):
        run_job(replace(job, is_native_idr=True))


def test_filters_of_packets_refuse(generated: Path, generator_decode: GeneratorDecode) -> None:
    with av.open(generated) as container:
        filtering = ffhybrid.KeyframeFilter(container, generator_decode=generator_decode)
        with pytest.raises(ffhybrid.UnsupportedError, match="GOP 0 .*all its pictures are generated"):
            for packet in container.demux():
                filtering.process(packet)


def test_what_a_cut_leaves_are_the_first_pictures(generated: Path, generator_decode: GeneratorDecode) -> None:
    gop = first_gop(generated)
    whole = restore_gop(gop, generator_decode=generator_decode)
    cut = restore_gop(replace(gop, inter=gop.inter[:2]), generator_decode=generator_decode)
    assert cut.access_units == whole.access_units[:3]


def test_every_picture_keeps_its_messages(generated: Path, generator_decode: GeneratorDecode) -> None:
    """Static metadata stands in every IDR picture, dynamic metadata with its own."""
    light = write_content_light(ContentLight(1000, 400))
    dynamic = [sei.write_t35(bytes([index])) for index in range(FRAMES)]
    gop = first_gop(generated)
    first = replace(gop.placeholder, nal_units=(light, dynamic[0], *gop.placeholder.nal_units))
    others = (replace(unit, nal_units=(nal, *unit.nal_units)) for nal, unit in zip(dynamic[1:], gop.inter, strict=True))
    restored = restore_gop(replace(gop, placeholder=first, inter=tuple(others)), generator_decode=generator_decode)
    assert [unit.nal_units[:-1] for unit in restored.access_units] == [(light, nal) for nal in dynamic]


def test_other_pictures_than_the_encoders_stop(generated: Path, generator_decode: GeneratorDecode) -> None:
    gop = first_gop(generated)
    payload = Payload.from_bytes(gop.payload)
    other = replace(gop, payload=replace(payload, picture_md5=bytes(16)).to_bytes())
    with pytest.raises(ffhybrid.VerificationError, match="generated pictures do not match their MD5: .*pinned"):
        restore_gop(other, generator_decode=generator_decode)
    fewer = replace(gop, payload=replace(payload, pictures=FRAMES - 1).to_bytes())
    with pytest.raises(ffhybrid.FFHybridError, match="its payload 5"):
        restore_gop(fewer, generator_decode=generator_decode)


def test_what_makes_no_sense_is_refused(model: Path, tmp_path: Path) -> None:
    source, output = clip("carphone_pristine.mp4"), tmp_path / "out.mkv"
    with pytest.raises(ffhybrid.UsageError, match="has no option 'repair'"):
        ffhybrid.encode(source, output, options=options_for(model, repair=True))
    with pytest.raises(ffhybrid.UsageError, match="no P and B frames for -b:v"):
        ffhybrid.encode(source, output, options=replace(options_for(model), refinements=1))
    with pytest.raises(ffhybrid.UsageError, match="by prompts, not by -kf vae"):
        ffhybrid.encode(source, output, options=replace(options_for(model), generator="vae"))
    with pytest.raises(ffhybrid.UsageError, match="give -on-error stop"):
        ffhybrid.encode(source, output, options=options_for(model), on_error=ffhybrid.OnError.KEYFRAME)
    long = replace(options_for(model, interval=1), limits=ffhybrid.GopLimits(length=90, scene_threshold=0), frames=90)
    with pytest.raises(ffhybrid.UsageError, match="more than 64: make it shorter .-g., or set them further apart"):
        ffhybrid.encode(source, output, options=long)
    assert not output.exists()


def test_the_command_line_names_the_mode(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on_model = ("-model", model, "-device", "cpu", "-kf-params", "scale=4:interval=3")
    fitted = (*on_model, "-kf:preset", "ultrafast", "-kf:tune", "psnr")
    command = ("encode", "-i", clip("carphone_pristine.mp4"), "-mode", "promptus", *fitted, "-frames:v", "4")
    assert main([*map(str, command), "-of", "json", str(tmp_path / "generated.mkv")]) == 0
    assert json.loads(capsys.readouterr().out)["gops"][0]["generator"] == "promptus-video"
