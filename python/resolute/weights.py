"""Weights that a method starts from: a file of torch.save or safetensors."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import InputError


class Weights:
    """A file's tensors by name, and the SHA-256 of its bytes. `module.` before names goes, and a `state_dict` around them.

    Raises InputError for a file that cannot be read as weights."""

    def __init__(self, path: str | Path):
        import torch

        self.path = str(path)
        try:
            data = Path(path).read_bytes()
            if self.path.endswith(".safetensors"):
                from safetensors.torch import load

                held = load(data)
            else:
                held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            held = held.get("state_dict", held)
            self.tensors: dict[str, Any] = {name.removeprefix("module."): tensor for name, tensor in held.items()}
        except Exception as error:  # noqa: BLE001 a damaged file may raise anything
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"'{path}' cannot be read as weights ({why}); name a file of torch.save or safetensors") from None
        self.sha256 = hashlib.sha256(data).hexdigest()

    def load(self, module: Any, but: Sequence[str] = ()) -> None:
        """Fills the module's parameters and buffers, but batch norm's counts and those whose names begin with one of `but`.

        Raises InputError where a tensor is missing or has another shape."""
        wanted = {name: tensor for name, tensor in module.state_dict().items()
                  if not name.endswith("num_batches_tracked") and not name.startswith(tuple(but))}
        for name, tensor in wanted.items():
            found = self.tensors.get(name)
            if getattr(found, "shape", None) != tensor.shape:
                raise InputError(f"'{self.path}' does not fit the network (tensor '{name}' is missing or of another shape); name that "
                                 "network's file")
        module.load_state_dict({name: self.tensors[name] for name in wanted}, strict=False)
