"""A job and its result that several test modules look at."""

from __future__ import annotations

from fractions import Fraction

import ffhybrid
from ffhybrid.core.gop import AccessUnit, HybridGop, ParameterSets
from ffhybrid.encoder.bit_allocation import Share
from ffhybrid.encoder.gop_encoder import GopReport
from ffhybrid.farm.environment import environment_of
from ffhybrid.farm.jobs import VERSION, GopRange, Job, options_of_gops

OPTIONS = ffhybrid.EncodeOptions(
    generator="thumbnail",
    generator_options={"qp": 40},
    rate=ffhybrid.Rate(bitrate=100_000),
    x265=ffhybrid.X265Options(crf=30, params={"rd": "4", "psy-rd": "0.5"}),
)
JOB = Job(
    version=VERSION,
    path="/clips/in.mp4",
    range=GopRange(
        index=3,
        first_frame=360,
        time_base=Fraction(1001, 30000),
        pts=(-2, 0, 5),
        durations=(2, 5, 1),
        sha256="0123456789abcdef" * 4,
    ),
    options=options_of_gops(OPTIONS),
    share=Share(4711, 31.25, 0.125),
    model="00ff",
    weights={"lpips": "fedcba9876543210" * 4},
)
ENVIRONMENT = environment_of(OPTIONS)
REPORT = GopReport(
    index=3,
    start=-0.0667,
    pictures=3,
    generator="thumbnail",
    crf=30.3,
    latent=100,
    correction=0,
    payload=150,
    fixups=2,
    fixup_bytes=5,
    placeholder=20,
    inter=300,
    windows=1,
    psnr=31.5,
    lpips=None,
    reached=None,
)
GOP = HybridGop(
    payload=b"payload",
    parameter_sets=ParameterSets(b"vps", b"sps", (b"pps", b"another")),
    placeholder=AccessUnit((b"idr",), -2, 2),
    inter=(AccessUnit((b"sei", b"slice"), 5, 1), AccessUnit((b"slice",), 0, 5)),
    time_base=Fraction(1001, 30000),
)
