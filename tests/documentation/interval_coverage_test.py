"""docs/inside/decisions/047-intervals.md says how often the intervals of tables hold the truth, and fewer studies find the same.

Usage: interval_coverage_test.py BENCH_COVERAGE
"""

import importlib.util
import math
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv.pop()
specification = importlib.util.spec_from_file_location("coverage", ROOT / "bench/statistics/coverage.py")
coverage = importlib.util.module_from_spec(specification)
specification.loader.exec_module(coverage)

STUDIES = 300
ON_PAGE = 1000
LOW, HIGH = 0.93, 0.98  # of intervals of 95 %


def errors(share, studies):
    """Two standard errors of a share."""
    return 2 * math.sqrt(share * (1 - share) / studies)


def rows_of(table):
    """Kind of study (with its trials) and the share of our intervals that hold the truth, row by row."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]
    return [(tuple(row[:4]), float(row[4].split(" %")[0]) / 100) for row in cells]


class Coverage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lines = coverage.PAGE.read_text(encoding="utf-8").splitlines()
        cls.page = rows_of(lines[coverage.of_page(lines)])
        cls.found = rows_of(coverage.measured(PROGRAM, "--few", "--studies", str(STUDIES)))

    def test_the_page_has_the_kinds_that_are_measured(self):
        self.assertEqual([kind for kind, _ in self.page[:len(self.found)]], [kind for kind, _ in self.found])

    def test_of_five_trials_and_more_the_page_shows_what_an_interval_promises(self):
        for kind, share in self.page[:len(self.found)]:
            self.assertTrue(LOW <= share <= HIGH, f"{kind}: {share}")
        for kind, share in self.page[len(self.found):]:
            if int(kind[2]) >= 5:
                self.assertTrue(LOW - errors(LOW, ON_PAGE) <= share <= HIGH + errors(HIGH, ON_PAGE), f"{kind}: {share}")

    def test_fewer_studies_find_it_too(self):
        self.assertEqual(len(self.found), 10)
        for kind, share in self.found:
            self.assertTrue(LOW - errors(LOW, STUDIES) <= share <= HIGH + errors(HIGH, STUDIES), f"{kind}: {share}")


if __name__ == "__main__":
    unittest.main()
