"""Build of the C core, and where packages lie; everything else is declared in pyproject.toml."""

from setuptools import find_packages, setup

ROOTS = {"ffhybrid": "ffhybrid", "ffhybrid.muxer": "muxer", "ffhybrid.filters": "filters"}

setup(
    packages=[
        name
        for package, folder in ROOTS.items()
        for name in (package, *(f"{package}.{found}" for found in find_packages(folder)))
    ],
    package_dir=ROOTS,
    package_data={
        "ffhybrid": ["_cext.pyi", "py.typed"],
        "ffhybrid.compare": ["report.css", "report.html.j2", "slider.js"],
        "ffhybrid.filters.enhance": ["networks/*.bin"],
        "ffhybrid.filters.overfit": ["analysis.npz"],
    },
    cffi_modules=["cext/build_cext.py:ffibuilder"],
)
