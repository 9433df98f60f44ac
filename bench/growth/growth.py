"""How the program grows: the same work at 1, 4 and 16 times its size. Packs of 62,500 to 1,000,000 images; plan, status, list and
table of suites of 6,250 to 100,000 jobs, all done; reports of suites of 128 to 2,048 jobs that were really run; journals of 62,500
to 1,000,000 events; galleries of 62,500 to 1,000,000 features. `ours` is what the largest size takes, and `peer` what it would take
if it grew from the size before as the work did. The exponent belongs to that last step: 1 where four times the work takes four
times as long. A command that fails or takes over 15 minutes ends its part: that is what breaks first, and a line on standard error
names it.

Usage: growth.py PROGRAMS [--folder DIR] [--only PART[,PART]] [--times 1,4,16] [--smoke] [--json]
Parts: packs, suites, report, journal, ranking. The Python that runs this has NumPy.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

BENCH = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(BENCH), str(BENCH / "data_path"), str(BENCH / "program")]
from data_path_ingest import many_images  # noqa: E402
from figures import add_smoke, chosen, figure, show  # noqa: E402
from report import SUITE  # noqa: E402
from suites import write_suite  # noqa: E402

LONGEST = 900  # seconds of one command
QUERIES, DIMENSION, SEED = 256, 128, 0


class Breaks(Exception):
    """A command failed, or took too long."""


def run(*command, says_seconds=False):
    """A command's seconds of the processor, which other work changes little, and its most MiB. says_seconds: its JSON has them."""
    words = ["/usr/bin/timeout", str(LONGEST), *map(str, command)]
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(words, stdout=printed, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        for text in (printed, said):
            text.seek(0)
        if process.returncode != 0:
            raise Breaks(f"'{' '.join(words[2:5])}' ended with {process.returncode}: {said.read().strip()[-300:]}")
        seconds = json.load(printed)["seconds"] if says_seconds else usage.ru_utime + usage.ru_stime
        return seconds, usage.ru_maxrss / 1024


def packs(programs, scratch, images):
    """Images of a few files under many names, in pictures of 32x16 pixels."""
    resolute, raw, many, store = programs / "resolute", scratch / "raw", scratch / "many", scratch / "store"
    run(resolute, "data", "synth", "--out", raw, "--identities", 32, "--images-per-camera", 8)
    many_images(raw, many, images)
    yield "ingest", run(resolute, "data", "ingest", "market1501", "--root", many, "--store", store, "--height", 32, "--width", 16,
                        "--shards", 4)
    (pack,) = (store / "packs").iterdir()
    yield "verify", run(resolute, "data", "verify", pack)
    yield "show", run(resolute, "data", "show", pack)
    yield "split", run(resolute, "data", "split", pack, "--seeds", "0-0", "--out", scratch / "splits")


def suites(programs, scratch, jobs):
    """Rows of ten trials, each a training and an evaluation. All have records, of which nothing was computed."""
    suite, store = write_suite(scratch / f"jobs-{jobs}.toml", jobs // 20, 10), scratch / "store"
    run(programs / "bench_orchestrator", "finish", store, suite)
    for command in ("plan", "status", "table"):
        yield command, run(programs / "resolute", "suite", command, suite, "--store", store)
    yield "list", run(programs / "resolute", "suite", "list", "--store", store)


def report(programs, scratch, jobs):
    """Real trainings, two rows of so many trials. The trials of a smaller size count for the next one."""
    suite, where = scratch.parent / "large.toml", ["--store", scratch.parent / "report-store"]
    suite.write_text(SUITE.format(trials=jobs // 4), encoding="utf-8")
    run(programs / "resolute", "suite", "run", suite, *where)
    yield "report", run(programs / "resolute", "suite", "report", suite, *where, "--out", scratch / "report.html")


def journal(programs, scratch, events):
    yield "replay", run(programs / "bench_orchestrator_replay", scratch, events, says_seconds=True)


def ranking(programs, scratch, gallery):
    """Features drawn at random; each identity has ten gallery images."""
    import numpy
    draw = numpy.random.default_rng(SEED)
    for group, count in (("query", min(QUERIES, gallery // 10)), ("gallery", gallery)):
        numpy.save(scratch / f"{group}_features.npy", draw.standard_normal((count, DIMENSION), dtype=numpy.float32))
        numpy.save(scratch / f"{group}_identities.npy", numpy.arange(count, dtype=numpy.int64) % (gallery // 10))
    yield "rank", run(programs / "resolute", "rank", scratch)


# Each part, and its size that counts as 1: 16 times that are 1,000,000 images, 100,000 jobs and the like.
PARTS = {"packs": (packs, 62_500), "suites": (suites, 6_250), "report": (report, 128), "journal": (journal, 62_500),
         "ranking": (ranking, 62_500)}
SMOKE = {"packs": 64, "suites": 20, "report": 4, "journal": 500, "ranking": 100}


def grown(name, unit, sizes, values):
    """One figure of the last two sizes, with all of them in its note."""
    step = sizes[-1] / sizes[-2]
    exponent = math.log(values[-1] / values[-2]) / math.log(step)
    at = ", ".join(f"{value:.3g} {unit} at {size:,}" for size, value in zip(sizes, values))
    return {**figure(name, values[-1], values[-2] * step, unit, values[-2] * step / values[-1], None),
            "note": f"exponent {exponent:.2f}; {at}"}


def figures_of(part, programs, folder, times, one):
    work, sizes, found = PARTS[part][0], [], {}
    for multiple in times:
        size = one * multiple
        try:
            with tempfile.TemporaryDirectory(prefix=f"{part}-", dir=folder) as scratch:
                for name, taken in work(programs, pathlib.Path(scratch), size):
                    found.setdefault(name, []).append(taken)
        except Breaks as broken:
            print(f"growth: at {size:,} {part} break: {broken}", file=sys.stderr)
            break
        sizes.append(size)
    if len(sizes) < 2:
        return []
    kinds = [(f"{name}_{sizes[-1]}_{kind}", unit, [taken[place] for taken in values[:len(sizes)]])
             for name, values in found.items() for place, (kind, unit) in enumerate([("seconds", "CPU s"), ("memory", "MiB")])]
    return [grown(name, unit, sizes, values) for name, unit, values in kinds]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--folder", default=None, help="where to write; a folder of its own is made there")
    parser.add_argument("--only", default=",".join(PARTS), help="these parts")
    parser.add_argument("--times", default="1,4,16", help="sizes, of the smallest")
    parser.add_argument("--json", action="store_true")
    add_smoke(parser)
    options = parser.parse_args()
    wanted = chosen(options.only, PARTS)
    times = [int(word) for word in ("1,2" if options.smoke else options.times).split(",")]
    with tempfile.TemporaryDirectory(prefix="resolute-bench-", dir=options.folder) as folder:
        found = [item for part in wanted
                 for item in figures_of(part, options.programs, folder, times, SMOKE[part] if options.smoke else PARTS[part][1])]
    show(found, options.json)


if __name__ == "__main__":
    main()
