"""The device on which a method of one's own computes, its precision, and all that its bits depend on beside the method."""

import os
from pathlib import Path
from typing import Any

from ._library import call
from .errors import InputError, MachineError
from .loader import Batch

# oneDNN chooses kernels by more than torch's own word for the processor says.
_INSTRUCTIONS = ("avx512_vnni", "avx512_bf16", "amx_bf16")


def kernel_choices(is_gpu: bool = False) -> list[str]:
    """What the environment's variables choose of a processor's kernels, or of a GPU's, by the programs' list: one text, or none."""
    return list(filter(None, [call("kernel_choices", int(is_gpu))]))


def _processor() -> str:
    import torch

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return "+".join([torch.backends.cpu.get_cpu_capability(), *[one for one in _INSTRUCTIONS if one in flags]])


def expect_counting_allocator() -> None:
    """Raises MachineError where another allocator than PyTorch's own was chosen: expect_memory() would read zeros of it."""
    import torch

    if (name := torch.cuda.get_allocator_backend()) != "native":
        raise MachineError(f"device 'cuda' is not available (the allocator '{name}' does not tell when memory runs short); leave 'backend' "
                           "out of PYTORCH_CUDA_ALLOC_CONF and PYTORCH_ALLOC_CONF")


class Device:
    """word: cpu or cuda. precision: of the recipe, f32, bf16 or tf32. The first one is made before anything has used a GPU."""

    def __init__(self, word: str, precision: str, threads: int, process_rank: int):
        if word not in ("cpu", "cuda"):
            raise InputError(f"device is '{word}' (it is cpu or cuda)")
        if precision not in ("f32", "bf16", "tf32"):
            raise InputError(f"train.precision is '{precision}' (it is f32, bf16 or tf32)")
        if precision == "tf32" and word == "cpu":
            raise InputError("train.precision is 'tf32' (GPUs alone have it)")
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # read when cuBLAS starts
        os.environ["PYTORCH_TUNABLEOP_ENABLED"] = "0"  # it chooses matrix products by how long they took
        import torch

        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        self._bf16, self._is_gpu = precision == "bf16", word == "cuda"
        #: For a loader; other ranks of the machine have theirs.
        self.loading_threads = min(4, len(os.sched_getaffinity(0))) if self._is_gpu else 1
        self.parts = [f"torch {torch.__version__}", _processor(), f"threads {threads}", *kernel_choices()]
        self.place = torch.device("cpu")
        if self._is_gpu:
            if not torch.cuda.is_available():
                raise MachineError(f"device 'cuda' is not available (torch {torch.__version__} finds no GPU that it can use); install a "
                                   "torch for the GPU's driver, or train with device = \"cpu\"")
            expect_counting_allocator()
            self.place = torch.device("cuda", process_rank % torch.cuda.device_count())
            torch.cuda.set_device(self.place)
            gpu = torch.cuda.get_device_properties(self.place)
            self.parts += [f"{gpu.name} {gpu.major}.{gpu.minor} with {gpu.multi_processor_count} multiprocessors",
                           f"CUDA {torch.version.cuda}", f"cuDNN {torch.backends.cudnn.version()}", *kernel_choices(is_gpu=True)]

    def computing(self) -> Any:
        """The context of forward passes: matrix products and convolutions in bfloat16 where the recipe says so."""
        import torch

        return torch.autocast(self.place.type, torch.bfloat16, enabled=self._bf16)

    def placed(self, batch: Batch) -> Batch:
        return batch.to(self.place) if self._is_gpu else batch

    def expect_memory(self) -> None:
        """Raises MachineError if memory ran short: cuDNN then takes other kernels, of other bits, and says nothing."""
        import torch

        counts = torch.cuda.memory_stats() if self._is_gpu else {}
        if counts.get("num_alloc_retries", 0) or counts.get("num_ooms", 0):
            raise MachineError("the GPU is out of memory (other kernels would give other bits); use more process ranks, which change no "
                               "bit, or set train.precision = \"bf16\" or fewer train.identities")
