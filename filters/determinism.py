"""Arithmetic that is the same from run to run on one machine, one network or one fit at a time.

Floating point sums depend on their order, and so on the build, the device, the threads and the settings of torch.
Settings are fixed here, and threads by who asks for it; builds and devices are not, which is what makes generators on
models ``pinned`` and corrections worth storing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ffhybrid.errors import OutOfMemoryError

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory")
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def deterministic(*, threads: int | None = None) -> Iterator[None]:
    """Hold torch to fixed algorithms and full single precision, and its lack of memory to one sentence.

    ``threads`` is how many it works with on a CPU, None for as many as it has: sums are divided among them. The
    settings are the process's, so that others wait meanwhile.

    Raises:
        OutOfMemoryError: a tensor found no room.
    """
    with _ONE_AT_A_TIME:
        before = _settings()
        os.environ.setdefault(_CUBLAS, ":4096:8")
        _apply((True, True, False, True, False, False, "highest", threads or torch.get_num_threads()))
        try:
            with naming_lack_of_memory():
                yield
        finally:
            _apply(before)


@contextmanager
def naming_lack_of_memory() -> Iterator[None]:
    """Say in one sentence that memory has run out.

    Raises:
        OutOfMemoryError: a tensor found no room.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError("the device has too little memory for this model and picture") from error
    except RuntimeError as error:
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            raise OutOfMemoryError("there is too little memory for this model and picture") from error
        raise


_Settings = tuple[bool, bool, bool, bool, bool, bool, str, int]


def _settings() -> _Settings:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.get_float32_matmul_precision(),
        torch.get_num_threads(),
    )


def _apply(settings: _Settings) -> None:
    algorithms, warn_only, benchmark, cudnn, cudnn_tf32, matmul_tf32, precision, threads = settings
    torch.use_deterministic_algorithms(algorithms, warn_only=warn_only)
    torch.set_float32_matmul_precision(precision)
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.deterministic = cudnn
    torch.backends.cudnn.allow_tf32 = cudnn_tf32
    torch.backends.cuda.matmul.allow_tf32 = matmul_tf32
    torch.set_num_threads(threads)
