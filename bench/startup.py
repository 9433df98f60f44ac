"""How long `resolute --help` takes and how much memory it holds, as whole-process figures of 31 runs after a warm-up.

Usage: startup.py RESOLUTE [--json]
"""

import os
import statistics
import sys
import time

from figures import figure, show

RUNS = 31


def run(command):
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"startup: '{' '.join(command)}' failed")
    return (time.perf_counter() - start) * 1e3, usage.ru_maxrss / 1024


def median_of(command):
    run(command)
    samples = [run(command) for _ in range(RUNS)]
    return statistics.median(s[0] for s in samples), statistics.median(s[1] for s in samples)


def main():
    resolute = sys.argv[1]
    milliseconds, mebibytes = median_of([resolute, "--help"])
    peer_milliseconds, peer_mebibytes = median_of(["/usr/bin/python3", "-c", "import argparse, json"])
    show([
        figure("help_vs_50ms", milliseconds, 50.0, "ms", 50.0 / milliseconds, 1.0),
        figure("help_vs_60mb", mebibytes, 60.0, "MiB", 60.0 / mebibytes, 1.0),
        figure("help_vs_python_argparse", milliseconds, peer_milliseconds, "ms", peer_milliseconds / milliseconds, None),
        figure("help_memory_vs_python", mebibytes, peer_mebibytes, "MiB", peer_mebibytes / mebibytes, None),
    ], "--json" in sys.argv[2:])


if __name__ == "__main__":
    main()
