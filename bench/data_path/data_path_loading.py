"""Figures of loading: batches of 64 augmented 3 x 256 x 128 images beside PyTorch's DataLoader (JPEG files, PIL) and the
fastest that Python gets from the same pack through h5py; raw rows beside memcpy of the same bytes. A figure without a bar says
where the time goes: with each image's LR copy, with rows' checksums, and what writing the floats alone would take."""

import os
import pathlib
import statistics

from figures import figure
from turns import Player, alternate

PEER = pathlib.Path(__file__).resolve().parents[1] / "peers" / "data_loader.py"
RATE, BYTES = "images_per_second", "gigabytes_per_second"


def best(players, turns):
    """The command whose player has the highest median of its turns after one that does not count."""
    rates = {}
    for command, player in players:
        player.turn()
        rates[tuple(command)] = statistics.median(player.turn() for _ in range(turns))
        player.close()
    return list(max(rates, key=rates.get))


def warm(path):
    """Out of the page cache, and in again from the first byte to the last: as after a restart and a `resolute data verify`.
    Rows that are read in random order first lie there in single pages, which the kernel copies at half the speed."""
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    while os.read(file, 1 << 20):
        pass
    os.close(file)


def figures(setting):
    ours = [str(setting.programs / "bench_data_path_loader")]
    pack, shard = str(setting.pack), str(setting.pack / "shard-00000.h5")
    warm(shard)
    # Threads of ours are those of the program; libraries of the peers start none but those that they are told to.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    some = sorted({1, setting.cores})
    workers = sorted({1, 2, setting.cores})

    def player(command, key):
        return Player(" ".join(command), [command], environment, key)

    rounds = min(3, setting.turns)

    def fastest(commands):
        commands = list(commands)
        if setting.turns == 1:  # a smoke run: the simplest and the largest
            commands = [commands[0], commands[-1]]
        return best(((command, player(command, RATE)) for command in commands), rounds)

    def measured(first, second, key):
        a, b, _, _ = alternate(player(first, key), player(second, key), setting.turns)
        return a, b

    def peer(*arguments):
        return [setting.python, str(PEER), *(str(argument) for argument in arguments)]

    loader = fastest([*ours, "batches", pack, "--threads", str(threads)] for threads in some)
    jpeg = fastest(peer("jpeg", setting.raw, "--workers", count) for count in [0, *workers])
    h5py = fastest([peer("h5py-loop", shard, "--layout", layout, "--threads", threads)
                    for layout in ("nchw", "nhwc") for threads in some] +
                   [peer("h5py", shard, "--layout", "nchw", "--workers", count) for count in workers])
    result = []

    def compare(name, first, second, unit, key, bar):
        a, b = measured(first, second, key)
        result.append(figure(name, a, b, unit, a / b, bar))

    compare("loader_vs_dataloader", loader, jpeg, "images/s", RATE, 10.0)
    compare("loader_vs_h5py", loader, h5py, "images/s", RATE, 4.0)
    library = setting.programs / "resolute_python"  # what the package calls
    mine = [setting.python, str(pathlib.Path(__file__).with_name("python_loader.py")), str(library.parents[1] / "python"), pack]
    from_python = fastest([*mine, "--threads", str(threads)] for threads in some)
    compare("loader_from_python_vs_dataloader", from_python, jpeg, "images/s", RATE, 20.0)
    compare("loader_from_python_vs_own", from_python, loader, "images/s", RATE, 0.9)
    compare("loader_with_lr_copies", [*loader, "--lr", "1", "--batches", "20"], loader, "images/s", RATE, None)
    compare("loader_vs_bare_stores", loader, [*ours, "store", *loader[-2:]], "images/s", RATE, None)
    rows = [*ours, "rows", pack, "--check"]
    compare("raw_rows_vs_memcpy", [*rows, "0"], [*ours, "memcpy", pack], "GB/s", BYTES, 0.6)
    compare("checked_rows_vs_raw_rows", [*rows, "1"], [*rows, "0"], "GB/s", BYTES, None)
    compare("crc32c_vs_memcpy", [*ours, "crc"], [*ours, "memcpy", pack], "GB/s", BYTES, None)
    return result
