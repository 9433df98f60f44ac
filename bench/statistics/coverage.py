"""script/bench coverage: how often the intervals of tables hold the truth, in made-up studies.

Usage: coverage.py BENCH_COVERAGE [--write] [--studies N] [--few]

Prints the table; --write puts it on docs/inside/decisions/047-intervals.md. 1,000 studies take half an hour; --few has the kinds of studies that
tables have to be right for.
"""

import argparse
import pathlib
import subprocess

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/inside/decisions/047-intervals.md"
HEAD = "| people | tested |"


def of_page(lines):
    """First and last line of the page's table: a slice."""
    first = next(number for number, line in enumerate(lines) if line.startswith(HEAD))
    count = next(number for number, line in enumerate(lines[first:]) if not line.startswith("|"))
    return slice(first, first + count)


def measured(program, *options):
    return subprocess.run([program, *options], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--few", action="store_true")
    arguments = parser.parse_args()
    table = measured(arguments.program, "--studies", str(arguments.studies), *["--few"] * arguments.few)
    print("\n".join(table))
    if arguments.write:
        lines = PAGE.read_text(encoding="utf-8").splitlines()
        lines[of_page(lines)] = table
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
