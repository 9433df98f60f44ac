"""All areas of script/bench, one after another: the figures of one commit on one machine. A file for each area is written as soon as
its figures are there, so a run that is cut off goes on where it was. An area that fails, takes too long or does not fit into the time
is named, and the others go on; the exit code is 1 then.

Usage: script/bench --all [--results FOLDER] [--minutes N] [--only AREA,AREA…] [--add CONDITIONS]

--results   folder of the files (default: build/bench); those of another commit or machine are made again
--minutes   time for all areas together (default: 90)
--add       puts the figures into bench/results.jsonl, with a word on what else the machine did, and writes bench/RESULTS.md anew
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import results_page
from figures import show

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "script/bench"
LAST = ["training", "build"]  # the longest ones: what does not fit into the time is one of them


def measured(command, seconds):
    """What an area prints, and why there is nothing."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)  # the guard ends what the area left
        process.communicate()
        return None, f"it did not end within {seconds:.0f} s"
    if process.returncode != 0:
        return None, f"it ended with {process.returncode}"
    try:
        return json.loads(printed), ""
    except ValueError as error:
        return None, f"it printed no JSON: {error}"


def kept(path, mark):
    """The document that an earlier run of the same commit on the same machine left, or nothing."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return document if {key: document[key] for key in mark} == mark else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def main():
    parser = argparse.ArgumentParser(prog="script/bench --all", description=__doc__.partition("\n\n")[0])
    parser.add_argument("areas", help="all of them, parted by commas")
    parser.add_argument("--bench", type=pathlib.Path, default=SCRIPT, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=pathlib.Path, default=SCRIPT.parents[1] / "build/bench", metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--only", help="these areas, parted by commas")
    parser.add_argument("--add", metavar="CONDITIONS")
    options = parser.parse_args()
    areas = sorted(options.areas.split(","), key=lambda area: (LAST.index(area) if area in LAST else -1, area))
    wanted = options.only.split(",") if options.only else areas
    if unknown := [area for area in wanted if area not in areas]:
        print(f"resolute: unknown area '{unknown[0]}'; give some of: {', '.join(sorted(areas))}", file=sys.stderr)
        return 2
    mark = {"revision": results_page.revision(), "machine": results_page.machine()}
    options.results.mkdir(parents=True, exist_ok=True)
    end, missing, documents = time.monotonic() + 60 * options.minutes, {}, {}
    for area in filter(wanted.__contains__, areas):
        path = options.results / f"{area}.json"
        if (document := kept(path, mark)) is None:
            left = end - time.monotonic()
            print(f"bench: {area}, {left / 60:.0f} min left", file=sys.stderr, flush=True)
            document, why = measured([options.bench, area, "--json"], left) if left > 0 else (None, "no time was left")
            if document is None:
                missing[area] = why
                continue
            document = {**(document if isinstance(document, dict) else {"rows": document}), **mark}
            path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
        documents[area] = document
    show([figure for document in documents.values() for figure in document.get("figures", [])], False)
    for area, why in missing.items():
        print(f"resolute: '{area}' has no figures ({why}); run script/bench {area}", file=sys.stderr)
    if options.add is not None:
        for area, document in documents.items():
            results_page.add(mark["machine"], f"script/bench {area}", options.add, document.get("figures", []))
        results_page.write()
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
