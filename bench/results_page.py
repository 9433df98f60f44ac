#!/usr/bin/env python3
"""bench/RESULTS.md from the rows of bench/results.jsonl, newest rows first.

Usage: results_page.py write
       script/bench AREA --json | results_page.py add MACHINE COMMAND [CONDITIONS]

write: the page anew; the part that bench/gpu/run wrote stays. add: one row per figure, of today and of the commit that is checked out.

A row has date, machine, command, name and ours (a number in its unit, or a text). It may have revision, conditions, peer, ratio (over 1 is
better than the peer or the limit), bar and note. A bar is the least ratio, or a text; then met is false where the bar was missed.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROWS, PAGE = ROOT / "bench/results.jsonl", ROOT / "bench/RESULTS.md"
GPU = "## GPU (`bench/gpu/run`)\n"
HEAD = """# Measured

`bench/results_page.py` writes this page from the rows of `bench/results.jsonl`: a section for each machine, the newest rows first. An empty
cell under "when" or "command" repeats the cell above. A ratio over 1 is better than the peer or the limit. Machines have 24 GiB and Debian
12, and no GPU unless one is named. `script/bench AREA` measures again. The repository does not have revisions e0d23a7, c841e3f, 7e6a11f, 27d607a and 7b1de4b any more.
Parameters, step time and memory of each method stand on the methods' pages: [RAIN](../docs/inside/methods/rain.md#what-it-costs),
[FTWA](../docs/inside/methods/ftwa.md#what-it-costs), [MSIFLA](../docs/inside/methods/msifla.md#what-it-costs),
[resolution-adaptive](../docs/inside/methods/resolution_adaptive.md#what-it-costs).
"""


def figure(value, unit):
    if not isinstance(value, (int, float)):
        return value
    return f"{value:{',.0f' if abs(value) >= 1e4 else '.4g'}} {unit}".rstrip()


def cells(row):
    bar, ratio = row.get("bar", ""), row.get("ratio", "")
    if not isinstance(ratio, str) and bar != "":
        bar, met = f"{bar:.2f}", ratio >= bar
    else:
        met = row.get("met", True)
    unit = row.get("unit", "")
    when = row["date"] + (f" at {row['revision']}" if "revision" in row else "") + (f"; {row['conditions']}" if "conditions" in row else "")
    return [when, f"`{row['command']}`", f"`{row['name']}`" if row["name"].isidentifier() else row["name"], figure(row["ours"], unit),
            figure(row.get("peer", ""), unit), ratio if isinstance(ratio, str) else f"{ratio:.2f}",
            bar if met else f"{bar}, **missed**".removeprefix(", "), row.get("note", "")]


def table(rows):
    """Lines; what a row has in common with the row above is left out of its first two cells."""
    lines, above = ["| when | command | figure | ours | peer | ratio | bar | note |", "| --- " * 8 + "|"], ["", ""]
    for row in map(cells, rows):
        same = row[0] == above[0]
        shown = ["" if same else row[0], "" if same and row[1] == above[1] else row[1], *row[2:]]
        lines.append(f"| {' | '.join(shown)} |".replace("|  |", "| |").replace("|  |", "| |"))
        above = row
    return lines


def page(rows, before):
    """The page of these rows; before: the page so far, whose part of GPUs stays."""
    machines = {}
    for row in sorted(rows, key=lambda row: row["date"], reverse=True):
        machines.setdefault(row["machine"], []).append(row)
    sections = [f"## {machine}\n\n" + "\n".join(table(found)) + "\n" for machine, found in machines.items()]
    return "\n".join([HEAD, *sections, GPU]) + before.partition(GPU)[2]


def read():
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]


def revision():
    return subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def machine():
    """The processor's maker, family and model, and how many of its cores are ours."""
    about = dict(map(str.strip, line.split(":", 1)) for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines())
    maker = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}.get(about.get("vendor_id"), about.get("vendor_id", os.uname().machine))
    return (f"{maker} family {about.get('cpu family', '?')} model {about.get('model', '?')}"
            f"{' with AVX-512' if 'avx512f' in about.get('flags', '').split() else ''}, {len(os.sched_getaffinity(0))} cores")


def add(machine_name, command, conditions, figures):
    """Rows of these figures, of today and of the commit that is checked out."""
    section = {"date": str(datetime.date.today()), "machine": machine_name, "revision": revision(), "conditions": conditions, "command": command}
    with ROWS.open("a", encoding="utf-8") as rows:
        for row in figures:
            kept = {name: value for name, value in {**section, **row}.items() if value not in ("", None)}
            rows.write(json.dumps(kept, ensure_ascii=False) + "\n")


def write():
    PAGE.write_text(page(read(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def main(words):
    if words[:1] == ["add"] and len(words) in (3, 4):
        add(*words[1:3], "".join(words[3:]), json.load(sys.stdin)["figures"])
    elif words != ["write"]:
        print(__doc__.partition("\n\n")[2].partition("\n\n")[0], file=sys.stderr)
        return 2
    write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
