"""Round a trained enhancement network to the file of the integer decoder, whose name is its digest.

python -m training.export_enhance --from CHECKPOINT.pt|WEIGHTS.safetensors [--to FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ffhybrid.filters.enhance import codec
from ffhybrid.filters.enhance.model import Enhancer
from ffhybrid.filters.enhance.rounding import to_file

MOST_BYTES = 2_000_000


def named(path: Path) -> dict[str, Tensor]:
    """Read parameters by the names of the structure: the moving average of a checkpoint, or a file of tensors."""
    if path.suffix == ".safetensors":
        return {name: value.float() for name, value in load_file(path).items()}
    enhancer = Enhancer()
    enhancer.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    return {name: value.detach() for name, value in enhancer.named().items()}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=codec.NETWORKS)
    arguments = parser.parse_args()
    data = to_file({name: value.numpy() for name, value in named(arguments.source).items()})
    if len(data) > MOST_BYTES:
        parser.error(f"{len(data)} bytes are more than {MOST_BYTES}")
    path = arguments.to / f"{codec.Network(data).digest.hex()}.bin"
    path.write_bytes(data)
    print(f"{path}: {len(data)} bytes; codec.NEWEST names the network that encoders use")


if __name__ == "__main__":
    main()
