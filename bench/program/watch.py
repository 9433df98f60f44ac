"""The price of looking at a run: a suite of eight trainings on all cores, alone and with ten viewers of its page (`resolute suite watch
--http`), in turns. Each viewer follows the events and fetches the document whenever it has changed, as a browser does.

Usage: watch.py RESOLUTE [--json] [--turns N] [--smoke]

The viewers run here too, which elsewhere are other machines; their processes give way to everything else.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402

VIEWERS, STEPS = 10, 200
SUITE = """suite = "watched"
title = "Watched"
[defaults]
backbone = "resnet-small"
height = 64
width = 32
trials = %d
train.identities = 4
train.images = 4
train.steps = %d
[[dataset]]
id = "people"
source = "synthetic"
identities = 40
[[table]]
id = "main"
title = "Main"
metrics = ["rank1", "mAP"]
datasets = ["people"]
  [[table.row]]
  id = "baseline"
  label = "Baseline"
  method = "baseline"
  [[table.row]]
  id = "rain"
  label = "RAIN"
  method = "rain"
"""


class Viewers(threading.Thread):
    """Ten streams of one process; each fetches the document that its event tells of."""

    def __init__(self, address):
        super().__init__()
        self.base, _, self.query = address.partition("?")
        self.fetched = 0
        with urllib.request.urlopen(address) as page:
            page.read()
        self.streams = [threading.Thread(target=self.follow) for _ in range(VIEWERS)]

    def follow(self):
        try:
            with urllib.request.urlopen(f"{self.base}events?{self.query}") as events:
                for line in events:
                    if line == b"event: changed\n":
                        with urllib.request.urlopen(f"{self.base}document?{self.query}") as document:
                            document.read()
                        self.fetched += 1
        except OSError:
            pass  # the server ended between the event and the question

    def run(self):
        for stream in self.streams:
            stream.start()
        for stream in self.streams:
            stream.join()


def timed_run(resolute, suite, store):
    begin = time.perf_counter()
    subprocess.run([resolute, "suite", "run", suite, "--store", store], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def watched_run(resolute, suite, store):
    """Seconds of the run, processor seconds of who serves the page, documents fetched."""
    pathlib.Path(store).mkdir()
    server = subprocess.Popen([resolute, "suite", "watch", suite, "--store", store, "--http", "127.0.0.1:0"],
                              stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().strip()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.nice(19)
        try:
            viewers = Viewers(address)
            viewers.run()
            os.write(writing, str(viewers.fetched).encode())
        except OSError:
            os.write(writing, b"0")  # a run so short that the server has ended before the first question
        finally:
            os._exit(0)
    os.close(writing)  # so that a viewer that is killed ends the wait
    seconds = timed_run(resolute, suite, store)
    server.terminate()
    _, status, usage = os.wait4(server.pid, 0)
    server.returncode = os.waitstatus_to_exitcode(status)
    server.stdout.close()
    os.waitpid(child, 0)
    fetched = int(os.read(reading, 99) or 0)
    os.close(reading)
    return seconds, usage.ru_utime + usage.ru_stime, fetched


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("resolute")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    add_smoke(parser)
    arguments = parser.parse_args()
    turns, text = arguments.turns, SUITE % (4, STEPS)
    if arguments.smoke:  # one training
        turns, text = 1, SUITE % (1, 2)
        text = text[:text.rindex("  [[table.row]]")]
    alone, watched, processor, fetched = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="resolute-bench-") as folder:
        suite = pathlib.Path(folder) / "watched.toml"
        suite.write_text(text)
        warm = pathlib.Path(folder) / "warm.toml"
        warm.write_text(text.replace(f"steps = {STEPS}", "steps = 2"))
        timed_run(arguments.resolute, warm, f"{folder}/warm")

        def run_alone(turn):
            alone.append(timed_run(arguments.resolute, suite, f"{folder}/alone-{turn}"))

        def run_watched(turn):
            seconds, served, count = watched_run(arguments.resolute, suite, f"{folder}/watched-{turn}")
            watched.append(seconds), processor.append(served), fetched.append(count)

        for turn in range(turns):
            for play in (run_alone, run_watched) if turn % 2 == 0 else (run_watched, run_alone):
                play(turn)
    with_viewers, without = statistics.median(watched), statistics.median(alone)
    print(f"alone {sorted(round(s, 2) for s in alone)}, watched {sorted(round(s, 2) for s in watched)}, documents fetched "
          f"{fetched}", file=sys.stderr)
    show([
        figure("run_of_ten_viewers", with_viewers, without, "s", without / with_viewers, 0.99),
        figure("page_server_vs_1_percent", statistics.median(processor), 0.01 * os.cpu_count() * without, "s",
               0.01 * os.cpu_count() * without / statistics.median(processor), 1.0),
    ], arguments.json)


if __name__ == "__main__":
    main()
