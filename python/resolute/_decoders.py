"""What the decoders of a method of one's own make of a pack's images: for its panels and its sample."""

from collections.abc import Sequence
from ctypes import c_int

import numpy

from ._arrays import count, shown
from ._device import Device
from ._library import Recovered
from .errors import InputError
from .method import Method
from .packs import Pack

_LARGEST_RATE = 16


class Decoders:
    """recover() of a method. scales: the rate whose look each decoder aims at, descending; empty before the first images, and where
    there is no decoder."""

    def __init__(self, method: Method, device: Device, pack: Pack):
        self._method, self._place, self._pack = method, device.place, pack
        self._scales: list[int] | None = None

    @property
    def scales(self) -> list[int]:
        return self._scales or []

    def recovered(self, rows: Sequence[int], rates: Sequence[int]) -> numpy.ndarray:
        """Rows of the pack at these rates: float32 decoders×N×H×W×3, normalised, as workers/evaluation/recovery.cpp."""
        import torch

        name = f"recover() of {type(self._method).__name__}"
        images, given = (torch.as_tensor(one, device=self._place) for one in (self._pack.inputs(rows, rates), rates))
        with torch.no_grad():
            found = self._method.recover(images, given)
        try:
            found = {count(scale, "rate", 1, _LARGEST_RATE): one for scale, one in found.items()}
        except (AttributeError, InputError):
            raise InputError(f"{name} gives {shown(found)} (it gives images by the rate whose look they have, 1 to {_LARGEST_RATE}); "
                             "return e.g. {1: images}") from None
        for scale, one in found.items():
            if not isinstance(one, torch.Tensor) or one.shape != images.shape:
                size = "×".join(map(str, one.shape)) if isinstance(one, torch.Tensor) else shown(one)
                raise InputError(f"{name} gives {size} at scale {scale} (for images of {'×'.join(map(str, images.shape))}); give as many, "
                                 "as large")
            if not bool(torch.isfinite(one).all()):
                raise InputError(f"{name} gives numbers at scale {scale} that are not finite")
        scales = sorted(found, reverse=True)
        if self._scales is None:
            self._scales = scales
        if scales != self._scales:
            raise InputError(f"{name} gives scales {scales} (and {self._scales} before); give the same for each image")
        pictures = [found[scale].permute(0, 2, 3, 1).float().cpu().numpy() for scale in scales]
        return numpy.array(pictures, numpy.float32, order="C")

    def shown(self, pictures: numpy.ndarray) -> Recovered:
        """Contiguous pictures of all decoders, for the library: as long as they live."""
        return Recovered(pictures.ctypes.data, (c_int * len(self.scales))(*self.scales), len(self.scales))
