"""Compiles with clang, without output, each file that changed by itself, or all that is compiled as it is compiled.

Usage: second_compiler.py ROOT SINCE [MOST]     SINCE: a commit, or --all, which runs clang-tidy too; MOST files of a change
"""

import json
import os
import random
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT, SINCE = Path(sys.argv[1]), sys.argv[2]
MOST = int(sys.argv[3]) if len(sys.argv) > 3 else sys.maxsize
BUILD = ROOT / "build" / "release"
WARNINGS = ["-Wall", "-Wextra", "-Wthread-safety", "-Werror"]
# Checks that matter to nobody in tests: speed, repetition, copies of fixtures.
OF_TESTS = "-performance-*,-bugprone-branch-clone,-cppcoreguidelines-special-member-functions"
# Words that are left out of a command line, with the number of words that follow: g++'s own options, output, precompiled headers.
LEFT_OUT = {"--param": 1, "-Winvalid-pch": 0, "-o": 1, "-c": 0, "-include": 1, "-Xclang": 1}


def members(source):
    """The files that a unity file includes; the file itself if it is none."""
    text = Path(source).read_text(encoding="utf-8")
    return re.findall(r'^#include "(/.+\.cpp)"$', text, re.MULTILINE) or [source]


def changed():
    """The files of the checkout that differ from SINCE, new ones too."""
    names = []
    for command in (["diff", "--name-only", SINCE], ["ls-files", "--others", "--exclude-standard"]):
        answer = subprocess.run(["git", "-C", ROOT, *command], check=False, capture_output=True, text=True)
        if answer.returncode != 0:
            print(f"resolute: what changed since '{SINCE}' is not known ({answer.stderr.strip()}); give a revision that is here, or "
                  "--all", file=sys.stderr)
            sys.exit(2)
        names += answer.stdout.splitlines()
    return names


def by_itself(units, names):
    """For each of these sources and headers: a unit that has or includes it, and what clang reads to see it alone."""
    found = {}
    for unit in units:
        for file in members(unit["file"]):
            text = Path(file).read_text(encoding="utf-8")
            for name in names:
                if file == str(ROOT / name):
                    found[name] = unit, [file]
                elif name.endswith(".h") and f'#include "{name}"' in text:
                    found.setdefault(name, (unit, ["-include", str(ROOT / name), "-x", "c++", os.devnull]))
    return found


def arguments(entry):
    """The command line of clang for a unit: its compiler's options as far as clang knows them, without those for headers and output."""
    words, kept = iter(shlex.split(entry["command"])), []
    for word in words:
        if word.endswith(("g++", "c++", "clang++-14")) and not kept:
            kept = ["clang++-14"]
        elif kept and word in LEFT_OUT:
            for _ in range(LEFT_OUT[word]):
                next(words)
        elif kept and word != entry["file"] and not word.startswith("-Wno-stringop"):
            kept.append(word)
    return kept


def look(entry, read):
    """The findings in what is read with a unit's options; clang-tidy's too (it says clang's warnings) where all is looked at."""
    command = [*arguments(entry), *WARNINGS]
    if SINCE == "--all":
        checks = [f"--checks={OF_TESTS}"] if members(entry["file"])[0].startswith(f"{ROOT}/tests/") else []
        command, folder = ["clang-tidy-14", "--quiet", *checks, *read, "--", *command[1:]], ROOT
    else:
        command, folder = [*command, "-fsyntax-only", *read], entry["directory"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # One that was killed says nothing.
    return found.stdout + found.stderr or f"{entry['file']}: ended with code {found.returncode}" if found.returncode else ""


def main():
    units = json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8"))
    units = [unit for unit in units if not unit["file"].endswith((".hxx.cxx", ".h.cxx"))]
    if SINCE == "--all":
        looks = [(unit, [unit["file"]]) for unit in units]
    else:
        found = by_itself(units, [name for name in changed() if (ROOT / name).exists()])
        if len(found) > MOST:
            print(f"lint: {MOST} of {len(found)} changed files, drawn by {SINCE}; script/lint --all looks at all", file=sys.stderr)
        looks = [found[name] for name in random.Random(SINCE).sample(sorted(found), min(MOST, len(found)))]
    bad, said = 0, time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, text in enumerate(pool.map(look, *zip(*looks, strict=True)) if looks else [], start=1):
            if sys.stderr.isatty():
                print(f"\r[{number}/{len(looks)}]", end="", file=sys.stderr, flush=True)
            elif time.monotonic() - said > 60:
                said = time.monotonic()
                print(f"lint: {number} of {len(looks)}", file=sys.stderr, flush=True)
            if text:
                bad += 1
                print(text, flush=True)
    print(f"lint: looked at {len(looks)} {'units of compilation' if SINCE == '--all' else 'files'}, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
