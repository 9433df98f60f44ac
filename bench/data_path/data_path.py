"""The data path beside its peers: loading (data_path_loading.py) and ingesting and verifying (data_path_ingest.py). Both
sides in turn in one run, medians, over one data set of procedural people: 3,200 JPEG files of 128 x 64 pixels, and their pack
at 256 x 128, in the page cache.

Usage: data_path.py PROGRAMS PYTHON_WITH_TORCH [--json] [--folder DIR] [--part loading|ingest] [--smoke]
"""

import argparse
import dataclasses
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, show  # noqa: E402

PARTS = {"loading": "data_path_loading", "ingest": "data_path_ingest"}


@dataclasses.dataclass
class Setting:
    """Given to each part's figures(setting), which returns a list of figures.figure()."""
    programs: pathlib.Path  # folder of built programs
    python: str             # one that has torch, h5py and Pillow
    scratch: pathlib.Path   # for files; removed in the end
    raw: pathlib.Path       # JPEG files in Market-1501's layout
    pack: pathlib.Path      # of one shard
    cores: int
    turns: int              # of each side
    many: int               # images of a large pack


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def prepared(programs, python, scratch, smoke):
    raw, store = scratch / "raw", scratch / "store"
    run(programs / "resolute", "data", "synth", "--out", raw, "--identities", 32 if smoke else 200, "--images-per-camera", 8,
        "--height", 128, "--width", 64)
    run(programs / "resolute", "data", "ingest", "market1501", "--root", raw, "--store", store, "--height", 256, "--width", 128)
    (pack,) = (store / "packs").iterdir()
    return Setting(programs, python, scratch, raw, pack, len(os.sched_getaffinity(0)), *((1, 2000) if smoke else (7, 100_000)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("python")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", default=None, help="where to write; a folder of its own is made there")
    parser.add_argument("--part", choices=PARTS, action="append", help="measure it alone")
    add_smoke(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resolute-bench-", dir=options.folder) as scratch:
        setting = prepared(options.programs, options.python, pathlib.Path(scratch), options.smoke)
        figures = [item for part in options.part or PARTS for item in importlib.import_module(PARTS[part]).figures(setting)]
    show(figures, options.json)


if __name__ == "__main__":
    main()
