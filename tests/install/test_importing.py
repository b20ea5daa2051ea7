"""Importing: names of the package come from where they lie, and heavy packages only where they are wanted."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import ffhybrid

HEAVY = ("av", "msgspec", "numpy", "rich", "torch")
BY_EXTRAS = ("diffusers", "distributed", "imageio_ffmpeg", "jinja2", "matplotlib", "safetensors", "torch")
NEED_EXTRAS = {
    "ffhybrid.compare.differences",
    "ffhybrid.compare.overfitting",
    "ffhybrid.compare.plots",
    "ffhybrid.compare.report",
    "ffhybrid.compare.stills",
    "ffhybrid.compare.superresolution",
    "ffhybrid.panel.colour_video_vdp",
    "ffhybrid.panel.picture_metrics",
    "ffhybrid.refinement.loss",
}
"""Modules outside ``filters`` that others import inside functions."""
IMPORT_ALL = """
import importlib, json, pkgutil, sys
sys.modules.update(dict.fromkeys(%r))
import ffhybrid, ffhybrid.filters, ffhybrid.muxer
failed = []
for room in ("", ".muxer"):
    package = sys.modules["ffhybrid" + room]
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.startswith("ffhybrid.filters.") or module.name.endswith(".__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError:
            failed.append(module.name)
print(json.dumps(failed))
"""


def output(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout


def loaded(statements: str) -> set[str]:
    """Which heavy packages are imported after some statements."""
    return set(output(f"{statements}\nimport sys\nprint(*(set(sys.modules) & {set(HEAVY)}))").split())


def test_importing_the_package_alone_imports_nothing_heavy() -> None:
    assert loaded("import ffhybrid; ffhybrid.__version__; ffhybrid.UsageError; dir(ffhybrid)") == set()


def test_a_name_brings_what_it_takes() -> None:
    assert loaded("import ffhybrid; ffhybrid.restore") == {"av", "numpy"}


def test_only_few_modules_need_what_extras_bring() -> None:
    failed = json.loads(output(IMPORT_ALL % (BY_EXTRAS,)))
    assert set(failed) == NEED_EXTRAS


def test_type_checkers_see_the_names_that_there_are() -> None:
    tree = ast.parse(Path(ffhybrid.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ffhybrid.")
        for alias in node.names
    }
    assert seen == {**ffhybrid._MODULES, "__version__": "ffhybrid._version"}
    assert sorted(seen) == ffhybrid.__all__
    assert all(hasattr(ffhybrid, name) for name in ffhybrid.__all__)
    assert set(ffhybrid.__all__) <= set(dir(ffhybrid))


def test_no_module_takes_the_place_of_a_name() -> None:
    modules = {path.stem for path in Path(ffhybrid.__file__).parent.iterdir()}
    assert not modules & set(ffhybrid.__all__)
