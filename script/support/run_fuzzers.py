"""Runs the fuzzers that script/fuzz has built, several at a time, and says what each did.

Usage: run_fuzzers.py ROOT [TARGET…] [--minutes N] [--corpus FOLDER] [--list] [--check]

--check, before they are built: exit code 2 for arguments that make no sense, and no more.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# A finding is also an input that takes as many seconds, an allocation of as many MB at once, or as many MB in all: under the
# sanitizers, which take ten times the time and three times the memory.
LIMITS = ["-timeout=10", "-malloc_limit_mb=1024", "-rss_limit_mb=3072"]
# Crashes of a library in a child process are no faults, and what it loses then is no leak of ours. Nor is what it asks for and
# does not touch: to get nothing in place of a gigabyte at once is one more thing that it meets.
IN_CHILD = ["-fork=1", "-ignore_crashes=1", "-ignore_timeouts=0", "-ignore_ooms=0"]
OF_CHILD = ["detect_leaks=0", "max_allocation_size_mb=1024"]
LONGEST_INPUT = 1 << 16


class Fuzzers:
    def __init__(self, root, corpus):
        self.root, self.build, self.corpus = root, root / "build/fuzz", (corpus or root / "build/fuzz/corpus").resolve()
        self.findings = self.build / "findings"
        self.programs, self.in_child = {}, set()  # by target
        for program in ("fuzz", "fuzz_weights"):
            listed = subprocess.run([self.build / "bin" / program], check=True, capture_output=True, text=True,
                                    env=self.environment()).stdout
            for line in listed.splitlines():
                target, *mark = line.split()
                self.programs[target] = self.build / "bin" / program
                if mark:
                    self.in_child.add(target)

    def environment(self, target="", **more):
        """Containers of libraries are not annotated; an absurd size gives no memory, as without the sanitizer."""
        options = ["detect_container_overflow=0", "allocator_may_return_null=1", *(OF_CHILD if target in self.in_child else [])]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("RESOLUTE_FUZZ_")}
        return {**kept, "ASAN_OPTIONS": ":".join(options), "UBSAN_OPTIONS": "print_stacktrace=1", "OMP_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1", **({"RESOLUTE_FUZZ_TARGET": target} if target else {}), **more}

    def folders(self, target):
        """The folder in which it learns, and those of good examples: made by code, and kept in the tree."""
        learned, examples = self.corpus / target, self.build / "examples" / target
        for folder in (learned, examples, self.findings):
            folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([self.programs[target]], check=True, stdout=subprocess.DEVNULL,
                       env=self.environment(target, RESOLUTE_FUZZ_EXAMPLES=str(examples)))
        kept = self.root / "tests/fuzz/corpus" / target
        return [learned, examples] + ([kept] if kept.is_dir() else [])

    def run(self, target, seconds):
        """One line about it, and whether anything was found."""
        before = set(self.findings.glob(f"{target}-*"))
        begin = time.monotonic()
        command = [self.programs[target], f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", *LIMITS,
                   f"-artifact_prefix={self.findings}/{target}-", "-print_final_stats=1"]
        command += IN_CHILD if target in self.in_child else []
        folders = self.folders(target)
        log = self.build / "logs" / f"{target}.log"
        log.parent.mkdir(exist_ok=True)
        with open(log, "w", encoding="utf-8") as to:
            ended = subprocess.run([*command, *folders], stdout=to, stderr=to, cwd=self.build, check=False,
                                   env=self.environment(target)).returncode
        text = log.read_text(encoding="utf-8", errors="replace")
        found = sorted(set(self.findings.glob(f"{target}-*")) - before)
        if target in self.in_child:
            found = [path for path in found if not path.name.startswith(f"{target}-crash-")]
        runs = re.findall(r"(?:number_of_executed_units: |^#)(\d+)", text, re.MULTILINE)
        covered = re.findall(r"cov: (\d+)", text)
        line = (f"{target:<16} {int(runs[-1]) if runs else 0:>13,} runs  {covered[-1] if covered else 0:>6} covered  "
                f"{time.monotonic() - begin:>6.0f} s  {len(found)} findings")
        for path in found:
            line += f"\n  RESOLUTE_FUZZ_TARGET={target} {self.programs[target]} {path}"
        if ended and not found:
            line += f"\n  it ended with exit code {ended}: {log}"
        return line, bool(ended or found)


def named_in(root):
    """The fuzzers' names, in the order of their files."""
    sources = sorted(root.glob("tests/fuzz/*/*.cpp"))
    return [name for source in sources for name in re.findall(r"RESOLUTE_FUZZER\((\w+)", source.read_text(encoding="utf-8"))]


def minutes(text):
    if not 0 < float(text) < 10000:
        raise ValueError(text)
    return float(text)


def main():
    parser = argparse.ArgumentParser(prog="script/fuzz", add_help=False)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--minutes", type=minutes, default=10)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(sys.argv[2:])
    root = Path(sys.argv[1])
    named = named_in(root)
    for target in asked.targets:
        if target not in named:
            print(f"resolute: there is no fuzzer '{target}'; give one of: {', '.join(named)}", file=sys.stderr)
            return 2
    if asked.list:
        print("\n".join(named))
    if asked.list or asked.check:
        return 0
    fuzzers = Fuzzers(root, asked.corpus)
    wrong = False
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        seconds = max(1, round(60 * asked.minutes))
        for line, found in pool.map(lambda target: fuzzers.run(target, seconds), asked.targets or named):
            print(line, flush=True)
            wrong = wrong or found
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
