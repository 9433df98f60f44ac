"""The lanes of a training step: the gradients of all of them, summed in their order whatever the number of process ranks is."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ._job import packed, unpacked
from ._ranks import Ranks
from .errors import InputError

_Note = dict[str, Any]


def _bytes_of(tensor: Any) -> memoryview:
    return memoryview(tensor.numpy()).cast("B")


def _still(module: Any) -> dict[str, Any]:
    """Copies of what does not learn by gradients: buffers, and frozen parameters."""
    named = itertools.chain(module.named_parameters(), module.named_buffers())
    return {name: one.detach().clone() for name, one in named if not one.requires_grad}


def _put_back(module: Any, still: dict[str, Any]) -> None:
    for name, one in itertools.chain(module.named_parameters(), module.named_buffers()):
        if name in still:
            one.detach().copy_(still[name])


class Lanes:
    """count: of the training. numbers: of the lanes that this process rank runs."""

    def __init__(self, ranks: Ranks, count: int):
        if count % ranks.count:
            raise InputError(f"{ranks.count} process ranks do not divide {count} lanes (every rank runs the same number of lanes); "
                             "choose a divisor of the number of lanes")
        self.count, self._ranks = count, ranks
        each = count // ranks.count
        self.numbers = range(ranks.rank * each, (ranks.rank + 1) * each)

    def learn(self, module: Any, parameters: Sequence[Any], batches: Sequence[Any], learn: Callable[[int, Any], _Note]) -> list[_Note]:
        """Calls learn(lane, batch) for each of `numbers`, which fills the gradients of the parameters, and leaves there the sum over
        all lanes. Returns what the calls for all lanes returned, in their order, on every rank.

        Every lane begins with the module as the step began. Buffers and frozen parameters keep the changes of lane 0, as running
        statistics do in resolute-worker."""
        if self.count == 1:
            return [learn(0, batches[0])]
        import torch

        ranks, before, moved = self._ranks, _still(module), dict[str, Any]()
        notes, total = list[_Note](), torch.empty(0)
        for lane, batch in zip(self.numbers, batches):
            note = learn(lane, batch)
            notes.append({**note, "without": [number for number, one in enumerate(parameters) if one.grad is None]})
            if lane == 0:
                moved = {name: one for name, one in _still(module).items() if not torch.equal(one, before[name])}
            _put_back(module, before)
            flat = torch.cat([(torch.zeros_like(one) if one.grad is None else one.grad).detach().flatten().float() for one in parameters])
            if ranks.count > 1:
                flat = flat.cpu()
            if not ranks.first:
                ranks.send(0, notes[-1], _bytes_of(flat))
            else:
                total = flat if lane == 0 else total.add_(flat)
        if ranks.first:
            for rank in range(1, ranks.count):
                for _ in self.numbers:
                    note, data = ranks.receive(rank)
                    notes.append(note)
                    total.add_(torch.frombuffer(data, dtype=torch.float32))
            if ranks.count > 1:
                ranks.tell({"notes": notes}, _bytes_of(total))
                ranks.tell({}, packed(moved))
        else:
            note, data = ranks.receive(0)
            notes, total = note["notes"], torch.frombuffer(data, dtype=torch.float32)
            moved = unpacked(bytes(ranks.receive(0)[1]))
        _put_back(module, moved)
        self._give_gradients(parameters, total, set.intersection(*(set(note["without"]) for note in notes)))
        return notes

    @staticmethod
    def _give_gradients(parameters: Sequence[Any], total: Any, without: set[int]) -> None:
        begin = 0
        for number, one in enumerate(parameters):
            summed = total[begin:begin + one.numel()].view(one.shape)
            one.grad = None if number in without else summed.to(one.device, one.dtype)
            begin += one.numel()
