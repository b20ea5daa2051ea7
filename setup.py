"""Build of the C core; everything else is declared in pyproject.toml."""

from setuptools import setup

setup(
    packages=[
        "ffhybrid",
        "ffhybrid.cli",
        "ffhybrid.compare",
        "ffhybrid.compare.codecs",
        "ffhybrid.farm",
        "ffhybrid.muxer",
        "ffhybrid.filters",
        "ffhybrid.filters.overfit",
        "ffhybrid.filters.pretrained",
        "ffhybrid.filters.pretrained.cadm",
    ],
    package_dir={"ffhybrid": "ffhybrid", "ffhybrid.muxer": "muxer", "ffhybrid.filters": "filters"},
    package_data={
        "ffhybrid": ["py.typed"],
        "ffhybrid.compare": ["report.html.j2"],
        "ffhybrid.filters.overfit": ["analysis.npz"],
    },
    cffi_modules=["cext/build_cext.py:ffibuilder"],
)
