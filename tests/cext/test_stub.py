"""The typed stub of the C core says what the built module has, and the module shows other libraries nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import ffhybrid
from ffhybrid import _cext
from ffhybrid._cext import ffi, lib
from support import run, tool

STUB = ast.parse((Path(ffhybrid.__file__).parent / "_cext.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in CLASSES["_Lib"].body if isinstance(node, ast.FunctionDef)}
STRUCTS = sorted(name for name in CLASSES if name.startswith("ffh_"))
OPAQUE = ("ffh_enhancement", "ffh_enhancer")


def attributes(of: str) -> list[str]:
    nodes = (node.target for node in CLASSES[of].body if isinstance(node, ast.AnnAssign))
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def test_the_stub_names_what_there_is() -> None:
    assert sorted([*FUNCTIONS, *attributes("_Lib")]) == sorted(dir(lib))
    assert sorted(name for name in ffi.list_types()[0] if name.startswith("ffh_")) == STRUCTS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_what_the_stub_says(name: str) -> None:
    wanted, said = ffi.typeof(getattr(lib, name)), FUNCTIONS[name]
    kinds = [ast.unparse(argument.annotation) for argument in said.args.posonlyargs[1:] if argument.annotation]
    assert len(kinds) == len(wanted.args)
    for kind, c_type in zip(kinds, wanted.args, strict=True):
        assert (kind == "int") == (c_type.kind == "primitive")
        if kind in STRUCTS:
            assert c_type is ffi.typeof(f"{kind} *")
    result = ast.unparse(said.returns) if said.returns else ""
    assert result == {"primitive": "int", "void": "None", "pointer": "CData"}[wanted.result.kind]


@pytest.mark.parametrize("name", sorted(set(STRUCTS) - set(OPAQUE)))
def test_structs_have_the_members_that_the_stub_says(name: str) -> None:
    assert attributes(name) == [member for member, _ in ffi.typeof(name).fields]


@pytest.mark.parametrize("name", OPAQUE)
def test_opaque_structs_have_none(name: str) -> None:
    with pytest.raises(ffi.error):
        ffi.sizeof(name)
    assert not attributes(name)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="symbols are listed as ELF has them")
def test_nothing_but_the_module_is_visible() -> None:
    listed = run(tool("nm"), "-D", "--defined-only", "--format=posix", _cext.__file__).stdout
    symbols = {line.split()[0] for line in listed.splitlines()}
    assert {name for name in symbols if not name.startswith("__")} == {"PyInit__cext"}
