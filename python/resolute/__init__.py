"""resolute from Python: packs and their loader, exact scores, suites of trainings with their tables, and methods
of one's own.

    scores = resolute.rank(qf, gf, q_ids, g_ids, q_cams, g_cams)
    pack = resolute.Pack("store/packs/market1501-0123456789abcdef")
    for batch in pack.loader(pack.split(seed=0), steps=1000): ...

docs/python.md is the guide. Nothing of NumPy or PyTorch is loaded before it is needed.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import CorruptError as CorruptError
    from .errors import Error as Error
    from .errors import InputError as InputError
    from .errors import MachineError as MachineError
    from .evaluation import Interval as Interval
    from .evaluation import Scores as Scores
    from .evaluation import compare as compare
    from .evaluation import rank as rank
    from .evaluation import rank_distances as rank_distances
    from .loader import Batch as Batch
    from .loader import Loader as Loader
    from .method import Method as Method
    from .packs import Pack as Pack
    from .packs import Split as Split
    from .packs import ingest as ingest
    from .suites import Suite as Suite
    from .weights import Weights as Weights
    from .worker import work as work

_FROM = {
    "errors": ("CorruptError", "Error", "InputError", "MachineError"),
    "evaluation": ("Interval", "Scores", "compare", "rank", "rank_distances"),
    "loader": ("Batch", "Loader"),
    "method": ("Method",),
    "packs": ("Pack", "Split", "ingest"),
    "suites": ("Suite",),
    "weights": ("Weights",),
    "worker": ("work",),
}
_MODULES = {name: module for module, names in _FROM.items() for name in names}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module 'resolute' has no attribute '{name}'")
    value = getattr(import_module("." + _MODULES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
