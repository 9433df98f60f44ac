"""torch.load for `script/bench checkpoint`: the tensors of a safetensors file of ours, saved by torch.save, read back in
turns (turns.py): says "ready", then for each line on standard input loads once and prints how long that took.

Usage: torch_load.py CHECKPOINT.safetensors SCRATCH.pt
"""

import json
import struct
import sys
import time

import torch

TYPES = {"F32": torch.float32, "I64": torch.int64}


def tensors_of(path):
    with open(path, "rb") as file:
        content = bytearray(file.read())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(content[begin:end], dtype=TYPES[entry["dtype"]]).reshape(entry["shape"]).clone()
    return tensors


def main():
    source, scratch = sys.argv[1:]
    torch.set_num_threads(1)
    torch.save(tensors_of(source), scratch)
    torch.load(scratch)
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        loaded = torch.load(scratch)
        seconds = time.perf_counter() - start
        del loaded
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
