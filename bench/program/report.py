"""The report of a large suite: 503 jobs, two rows of 125 trials, each a real training of 12 steps and its evaluation. `resolute suite
report` makes the page, tests/system/suite/report_browser.py opens it in Chromium, scrolls it and checks all that a page promises.

Usage: report.py RESOLUTE [--json] [--turns N] [--store DIR] [--smoke]

The jobs take minutes, so --store keeps them for the next measurement.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import add_smoke, figure, show  # noqa: E402

BROWSER = pathlib.Path(__file__).resolve().parents[2] / "tests/system/suite/report_browser.py"
TRIALS = 125
FRAME = 1000 / 60
SUITE = """suite = "large"
title = "Large"
[defaults]
method = "baseline"
backbone = "resnet-small"
height = 32
width = 16
trials = {trials}
train = {{ identities = 4, images = 2, pad = 2, steps = 12 }}
evaluate.draws = 5
[[dataset]]
id = "people"
source = "synthetic"
identities = 12
images_per_camera = 2
image_height = 32
image_width = 16
shards = 2
[[table]]
id = "main"
title = "Main"
metrics = ["rank1", "mAP"]
datasets = ["people"]
compare_with = "plain"
  [[table.row]]
  id = "plain"
  label = "Plain"
  [[table.row]]
  id = "smooth"
  label = "With label smoothing"
  train.label_smoothing = 0.1
"""


def timed_report(resolute, suite, store, page):
    begin = time.perf_counter()
    subprocess.run([resolute, "suite", "report", suite, "--store", store, "--out", page], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def opened(page):
    """Seconds until the page is ready, and milliseconds of its frames while it scrolls: the median and the 99th percentile."""
    done = subprocess.run(["/usr/bin/python3", BROWSER, page], stdout=subprocess.PIPE, text=True)
    found = re.search(r"ready after ([\d.]+) s, .* ([\d.]+) ms \(median\) and ([\d.]+) ms \(99th percentile\)", done.stdout)
    if found is None:
        sys.exit("resolute: the browser did not come to its end")
    if done.returncode != 0:
        print("resolute: the page breaks promises (above); times are what they are", file=sys.stderr)
    return [float(number) for number in found.groups()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("resolute")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--store", type=pathlib.Path)
    add_smoke(parser)
    arguments = parser.parse_args()
    trials = 1 if arguments.smoke else TRIALS
    turns = 1 if arguments.smoke else arguments.turns
    with tempfile.TemporaryDirectory(prefix="resolute-bench-") as scratch:
        suite, page = pathlib.Path(scratch) / "large.toml", pathlib.Path(scratch) / "report.html"
        suite.write_text(SUITE.format(trials=trials), encoding="utf-8")
        store = arguments.store or pathlib.Path(scratch) / "store"
        print(f"running the suite's {3 + 4 * trials} jobs, those that are not there yet", file=sys.stderr)
        subprocess.run([arguments.resolute, "suite", "run", suite, "--store", store], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        made = statistics.median(timed_report(arguments.resolute, suite, store, page) for _ in range(turns))
        megabytes = page.stat().st_size / 1e6
        # The pages that a browser looks at are tests of their own (tests/system/suite/report_test.cpp).
        found = None if arguments.smoke else opened(page)
    figures = [
        figure("report_500_jobs_vs_5s", made, 5, "s", 5 / made, 1.0),
        figure("report_500_jobs_vs_20mb", megabytes, 20, "MB", 20 / megabytes, 1.0),
    ]
    if found:
        ready, median, slow = found
        figures += [
            figure("report_open_vs_2s", ready, 2, "s", 2 / ready, 1.0),
            # A frame that is missed takes twice as long.
            figure("report_scroll_vs_60fps", median, FRAME, "ms", FRAME / median, 0.95),
            figure("report_scroll_p99_vs_60fps", slow, FRAME, "ms", FRAME / slow, 0.95),
        ]
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
