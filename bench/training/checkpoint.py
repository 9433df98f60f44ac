"""Checkpoint of ResNet-50 with Adam's moments: writing beside a bare write + fsync of as many bytes to the same folder,
loading beside torch.load of the same tensors (both files in the page cache), and how long a training is held up beside 5 %
of a step of 1 s, when all cores compute and when one does. Both sides in turn in one run, medians.

Usage: checkpoint.py BENCH_CHECKPOINT PYTHON_WITH_TORCH [--json] [--folder DIR] [--smoke]
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402
from turns import Player, alternate  # noqa: E402

STALL_LIMIT = 0.05


def median_of(command, environment, turns):
    player = Player(command[1], [command], environment)
    player.turn()
    seconds = statistics.median(player.turn() for _ in range(turns))
    player.close()
    return max(seconds, 1e-4)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("python")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", default=None, help="where to write; a folder of its own is made there")
    add_smoke(parser)
    options = parser.parse_args()
    writes, loads, stalls = (1, 1, 1) if options.smoke else (15, 15, 15)
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="resolute-bench-", dir=options.folder) as made:
        scratch = pathlib.Path(made)
        folder = scratch / "checkpoints"
        folder.mkdir()
        program = options.program
        ours, raw, _, _ = alternate(Player("write", [[program, "write", str(folder)]], one_thread),
                                    Player("raw", [[program, "raw", str(scratch)]], one_thread), writes)
        newest = max(folder.glob("step-*.safetensors"))
        peer = pathlib.Path(__file__).resolve().parents[1] / "peers" / "torch_load.py"
        load, torch_load, _, _ = alternate(
            Player("load", [[program, "load", str(folder)]], one_thread),
            Player("torch.load", [[options.python, str(peer), str(newest), str(scratch / "peer.pt")]], one_thread), loads)
        cores = len(os.sched_getaffinity(0))
        blocked = median_of([program, "save", str(folder)], one_thread, stalls)
        all_busy = median_of([program, "stall", str(folder), str(cores)], one_thread, stalls)
        one_busy = median_of([program, "stall", str(folder), "1"], one_thread, stalls)
    show([
        figure("write_vs_raw", ours * 1e3, raw * 1e3, "ms", raw / ours, 0.9),
        figure("load_vs_torch", load * 1e3, torch_load * 1e3, "ms", torch_load / load, 1.0),
        figure("stall_vs_5_percent", all_busy * 1e3, STALL_LIMIT * 1e3, "ms", STALL_LIMIT / all_busy, 1.0),
        figure("save_blocks", blocked * 1e3, STALL_LIMIT * 1e3, "ms", STALL_LIMIT / blocked, None),
        figure("stall_with_one_computing", one_busy * 1e3, STALL_LIMIT * 1e3, "ms", STALL_LIMIT / one_busy, None),
    ], options.json)


if __name__ == "__main__":
    main()
