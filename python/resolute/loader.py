"""Batches of a training's loader, where its arrays are needed.

The images of a batch are not copied: an array or a tensor shows the loader's memory, and the loader takes other memory while you keep it.
"""

import threading
from collections.abc import Callable, Iterator
from ctypes import byref, c_void_p
from typing import Any

import numpy

from . import _library
from ._arrays import MOST as _ENDLESS
from ._arrays import shown
from ._library import Handle, call
from .errors import InputError, MachineError, imported


class _Memory:
    """The images of one batch, as NumPy wants to be shown memory; freed with the last array on it."""

    def __init__(self, kept: Handle, pointer: int, shape: tuple[int, ...], kind: str):
        self._kept = kept
        self.__array_interface__ = {"data": (pointer, False), "shape": shape, "typestr": kind, "version": 3}


#: Of a batch, and what its memory holds.
_ARRAYS = {"hr": "<f4", "lr": "<f4", "labels": "<i8", "rows": "<i8", "cameras": "<i8", "rates": "<i8", "has_hr": "|b1",
           "has_label": "|b1"}


class Batch:
    """One batch of N images. An array is made when it is first asked for.

    hr, lr: float32 N×3×H×W in channels-last memory, normalised with ImageNet's mean and deviation; tensors of PyTorch where
    it is installed, else of NumPy; None where they were not asked for. labels (0 to the number of identities - 1), rows (of the
    pack), cameras (the pack's), rates (of the images in lr), has_hr (False: `hr` is 0), has_label (False: the label is -1): N. step:
    from 0.
    """

    step: int
    hr: Any
    lr: Any
    labels: Any
    rows: Any
    cameras: Any
    rates: Any
    has_hr: Any
    has_label: Any

    def __init__(self, given: _library.Batch, height: int, width: int, arrays: str):
        self._given, self._size, self._arrays, self._images = given, (height, width), arrays, int(given.images)
        self._kept = Handle("batch", c_void_p(given.kept))
        self.step = int(given.step)

    def __getattr__(self, name: str) -> Any:
        if name not in _ARRAYS:
            raise AttributeError(f"a batch has no '{name}' (it has step, {', '.join(_ARRAYS)})")
        shown = self.__dict__[name] = self._shown(name)
        return shown

    def _shown(self, name: str) -> Any:
        kind, pointer = _ARRAYS[name], getattr(self._given, name)
        shape = (self._given.images, *((*self._size, 3) if kind == "<f4" else ()))
        if pointer is None:
            return numpy.zeros(shape, kind) if 0 in shape else None
        array = numpy.asarray(_Memory(self._kept, pointer, shape, kind))
        if len(shape) == 4:
            array = array.transpose(0, 3, 1, 2)
        if self._arrays == "numpy":
            return array
        import torch

        return torch.from_numpy(array)

    def __len__(self) -> int:
        return self._images

    def __getstate__(self) -> dict[str, Any]:
        return {"step": self.step, "_images": self._images, **{name: getattr(self, name) for name in _ARRAYS}}

    def arrays(self) -> list[Any]:
        """Those that it has."""
        return [value for value in (getattr(self, name) for name in _ARRAYS) if value is not None]

    def _changed(self, change: Callable[[Any], Any]) -> "Batch":
        state = self.__getstate__()
        for name in _ARRAYS:
            if isinstance(state[name], numpy.ndarray):
                raise InputError("the batch has arrays of NumPy (tensors of PyTorch alone have another device or pinned memory); give the "
                                 "loader arrays='torch'")
            state[name] = None if state[name] is None else change(state[name])
        changed = object.__new__(Batch)
        changed.__dict__.update(state)
        return changed

    def to(self, device: Any, non_blocking: bool = True) -> "Batch":
        """The same batch with its tensors on a device of PyTorch, in channels-last memory. They go to a GPU from pinned memory. Raises
        InputError for what is no device, MachineError for one that is not there."""
        place = _place(device)

        def moved(value: Any) -> Any:
            from_host = place.type == "cuda" and not value.is_cuda and not value.is_pinned()
            return (value.pin_memory() if from_host else value).to(place, non_blocking=non_blocking)

        return self._changed(moved)

    def pinned(self) -> "Batch":
        """The same batch in pinned memory of the host, from which a GPU copies while it computes; where PyTorch has no CUDA, no tensor
        is copied."""
        return self._changed((lambda value: value.pin_memory()) if can_pin() else (lambda value: value))


def can_pin() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _place(device: Any) -> Any:
    """Of PyTorch, where tensors can be."""
    torch = imported("torch")
    kind: type[InputError | MachineError] = InputError
    try:
        place = torch.device(device)
        kind = MachineError
        torch.empty(0, device=place)
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise kind(f"'device' is {shown(device)} (PyTorch has none of it: {why}); give e.g. 'cuda' or 'cpu'") from None
    return place


class _Sender:
    """On the way to a device the next batch is copied while the one before is computed with."""

    def __init__(self, device: Any):
        self.place = _place(device)
        import torch

        # A stream of its own: the copy does not wait for what is computed, nor that for the copy.
        self._stream: Any = torch.cuda.Stream(self.place) if self.place.type == "cuda" else None

    def send(self, batch: Batch) -> Batch:
        import torch

        with torch.cuda.stream(self._stream):
            return batch.to(self.place)

    def arrived(self, batch: Batch) -> Batch:
        """What is computed from now on finds the batch whole."""
        if self._stream is not None:
            import torch

            current = torch.cuda.current_stream(self.place)
            current.wait_stream(self._stream)
            for tensor in batch.arrays():
                tensor.record_stream(current)  # its memory is not given away before
        return batch


def sender_to(device: Any) -> _Sender | None:
    """None where batches are already."""
    sender = None if device is None else _Sender(device)
    return None if sender is None or sender.place.type == "cpu" else sender


class Loader:
    """Batches in the order of steps, loaded ahead by threads of its own; made by Pack.loader(). Iterate over it, or call next().

    One thread asks at a time. It does not go along into a forked process, and is not pickled: open it there. A loop behind the last step
    begins no epoch anew: it raises InputError.
    """

    def __init__(self, handle: Handle, size: tuple[int, int], arrays: str, first_step: int, end_step: int,
                 pins: bool = False, sender: _Sender | None = None):
        self._handle, self._size, self._arrays = handle, size, arrays
        self._lock = threading.Lock()
        self._pins, self._sender, self._ahead = pins, sender, list[Batch]()
        #: The step of the next batch. A loader that is opened with `first_step=loader.step` goes on where this one is.
        self.step = first_step
        self._end_step = end_step
        self._ended_in: int | None = None  # the thread: others may only now begin to share what is left

    def __iter__(self) -> Iterator[Batch]:
        if self._ended_in == threading.get_ident():
            raise InputError(f"the loader has given its last batch (a loop over it begins no epoch anew); open one with "
                             f"first_step={self.step} for the steps behind it")
        return self

    def __len__(self) -> int:
        """Batches that are left; of a loader without `steps` there is no number."""
        if self._end_step == _ENDLESS:
            raise TypeError("a loader without 'steps' has no length")
        return self._end_step - self.step

    def __next__(self) -> Batch:
        with self._lock:
            pointer = self._handle.pointer
            if self.step == self._end_step:
                self._ended_in = threading.get_ident()
                raise StopIteration
            if self._sender is None:
                batch = self._loaded(pointer)
            else:
                if not self._ahead:
                    self._ahead.append(self._sender.send(self._loaded(pointer)))
                batch = self._sender.arrived(self._ahead[0])
                if self.step + 1 < self._end_step:
                    self._ahead.append(self._sender.send(self._loaded(pointer)))
                del self._ahead[0]
            self.step += 1
        return batch

    def _loaded(self, pointer: c_void_p) -> Batch:
        given = _library.Batch()
        call("loader_next", pointer, byref(given))
        batch = Batch(given, *self._size, self._arrays)
        return batch.pinned() if self._pins else batch

    def close(self) -> None:
        """Ends the threads. Batches that are kept stay."""
        with self._lock:
            self._ahead.clear()
            self._handle.close()

    def __enter__(self) -> "Loader":  # noqa: PYI034 (typing.Self is of Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
