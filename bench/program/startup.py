"""How long `resolute --help` takes and how much memory it holds, as whole-process figures of 31 runs after a warm-up; and the same
of `resolute suite plan` of 100,000 jobs (3 runs each of 50 rows of 1,000 trials and of 50,000 rows, the worse of the two).

Usage: startup.py RESOLUTE [--json] [--smoke]
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402
from suites import write_suite  # noqa: E402


def run(command):
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"startup: '{' '.join(command)}' failed")
    return (time.perf_counter() - start) * 1e3, usage.ru_maxrss / 1024


def median_of(command, runs):
    run(command)
    samples = [run(command) for _ in range(runs)]
    return statistics.median(s[0] for s in samples), statistics.median(s[1] for s in samples)


def planned(resolute, folder, rows, trials, runs):
    suite = write_suite(pathlib.Path(folder) / f"{rows}.toml", rows, trials, "rain")
    return median_of([resolute, "suite", "plan", str(suite), "--store", str(pathlib.Path(folder) / "store")], runs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("resolute")
    parser.add_argument("--json", action="store_true")
    add_smoke(parser)
    options = parser.parse_args()
    resolute = options.resolute
    runs, plans, jobs = (1, 1, 20) if options.smoke else (31, 3, 50_000)
    milliseconds, mebibytes = median_of([resolute, "--help"], runs)
    peer_milliseconds, peer_mebibytes = median_of(["/usr/bin/python3", "-c", "import argparse, json"], runs)
    with tempfile.TemporaryDirectory(prefix="resolute-bench-") as folder:
        measured = [planned(resolute, folder, min(50, jobs), max(1, jobs // 50), plans), planned(resolute, folder, jobs, 1, plans)]
    seconds, plan_mebibytes = max(plan[0] for plan in measured) / 1e3, max(plan[1] for plan in measured)
    show([
        figure("help_vs_50ms", milliseconds, 50.0, "ms", 50.0 / milliseconds, 1.0),
        figure("help_vs_60mb", mebibytes, 60.0, "MiB", 60.0 / mebibytes, 1.0),
        figure("help_vs_python_argparse", milliseconds, peer_milliseconds, "ms", peer_milliseconds / milliseconds, None),
        figure("help_memory_vs_python", mebibytes, peer_mebibytes, "MiB", peer_mebibytes / mebibytes, None),
        figure("plan_100k_vs_3s", seconds, 3.0, "s", 3.0 / seconds, 1.0),
        figure("plan_100k_vs_500mb", plan_mebibytes, 500.0, "MiB", 500.0 / plan_mebibytes, 1.0),
    ], options.json)


if __name__ == "__main__":
    main()
