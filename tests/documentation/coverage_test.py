"""docs/inside/coverage.md: what the suites, the papers' numbers and the notes make of it; which state an entry has."""
import importlib.util
import pathlib
import sys
import tomllib
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv.pop()
sys.path.insert(0, str(ROOT / "script/support"))  # as a script's own folder is
specification = importlib.util.spec_from_file_location("coverage_page", ROOT / "script/support/coverage_page.py")
coverage_page = importlib.util.module_from_spec(specification)
specification.loader.exec_module(coverage_page)

ENTRY = {"paper": "p", "table": "t1", "method": "m", "dataset": "mlr-viper", "variant": ""}


def reference(**more):
    return {"paper": [{"id": "p", "title": "A | B"}], "method": [{"id": "m", "label": "M"}],
            "table": [{"paper": "p", "id": "t1", "what": "numbers"}, {"paper": "p", "id": "f2", "what": "pictures", "note": "no numbers"}],
            "result": [ENTRY | {"reproduce": True, "metrics": {"rank1": 9.25, "rank5": 20.0}} | more,
                       ENTRY | {"method": "other", "metrics": {"rank1": 1.5}}]}


def planned(*datasets, published=()):
    """A plan of a table whose row asks for the entry on data sets, by (id, source)."""
    jobs = [{"kind": "shard", "specification": {"pack": {"name": name, "source": source}}} for name, source in datasets]
    cells = [{"dataset": name, "entries": [ENTRY]} for name, _ in datasets]
    rows = [{"references": {name: {"rank1": 1.5}}, "papers": {name: {"entries": [ENTRY | {"method": "other"}]}}} for name in published]
    return {"jobs": jobs, "tables": [{"id": "t", "rows": [{"id": "r", "cells": cells}], "published": rows}]}


def note(suite, **means):
    return {"suite": suite, "tables": [{"id": "t", "rows": [{"id": "r", "cells": [{"dataset": name, "mean": mean}
                                                                                  for name, mean in means.items()]}]}]}


class Coverage(unittest.TestCase):
    def line(self, plans, notes=(), **more):
        page = coverage_page.page(plans, reference(**more), notes, {})
        self.assertEqual(1, page.count("\n| M |"), page)
        return page[page.index("\n| M |") + 1:].split("\n")[0]

    def test_page_is_what_the_suites_make(self):
        self.assertEqual(coverage_page.shipped(PROGRAM), coverage_page.PAGE.read_text(encoding="utf-8"),
                         "run script/support/coverage_page.py write build/release/bin/resolute")

    def test_every_entry_to_reproduce_has_a_line(self):
        lines = [line for line in coverage_page.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
        entries = [result for result in tomllib.loads(coverage_page.REFERENCE.read_text(encoding="utf-8"))["result"] if result.get("reproduce")]
        self.assertEqual(129, len(entries))
        for dataset in {result["dataset"] for result in entries}:
            self.assertEqual(sum(result["dataset"] == dataset for result in entries), sum(f" | {dataset} | " in line for line in lines), dataset)

    def test_a_row_on_the_papers_data_set_is_planned_until_a_note_has_its_mean(self):
        plans = {"s": planned(("ours", "viper")), "study": planned(("pku", "pku-reid"))}
        self.assertEqual("| M | mlr-viper | rank1 9.25, rank5 20.0 | planned | `s`: t / r on ours |", self.line(plans))
        self.assertIn("| planned | `s`: t / r on ours |", self.line(plans, [note("s", ours=None)]))
        self.assertIn("| **ran** | `s`: t / r on ours, ran |", self.line(plans, [note("s", ours=3.5, mean=3.5)]))

    def test_behind_a_planned_row_stands_what_ran_on_other_images(self):
        plans = {"s": planned(("ours", "viper")), "study": planned(("pku", "pku-reid"), ("easy", "synthetic"))}
        self.assertIn("| planned | `s`: t / r on ours; `study`: t / r on pku, ran |", self.line(plans, [note("study", pku=3.5)]))
        self.assertIn("| planned | `s`: t / r on ours (ran on extra) |", self.line(plans, [note("s", extra=3.5)]))

    def test_rows_on_other_images_alone_are_elsewhere(self):
        plans = {"study": planned(("synthetic", "synthetic"), ("pku", "pku-reid"))}
        self.assertIn("| elsewhere | `study`: t / r on synthetic, pku (ran on pku) |", self.line(plans, [note("study", pku=3.5)]))
        self.assertIn("| elsewhere | `study`: t / r on synthetic, pku, ran |", self.line(plans, [note("study", pku=3.5, synthetic=4)]))

    def test_without_a_row_stands_that_there_is_none_or_why_there_can_be_none(self):
        plans = {"s": {"jobs": [], "tables": []}}
        self.assertEqual("| M | mlr-viper | rank1 9.25, rank5 20.0 (not printed there) | no row |  |", self.line(plans, derived=True))
        with unittest.mock.patch.dict(coverage_page.CANNOT, {coverage_page.key_of(ENTRY): "no | sizes"}):
            self.assertIn("| not found | cannot: no \\| sizes |", self.line(plans, missing=True))

    def test_what_only_joins_others_is_left_out(self):
        self.assertNotIn("all", coverage_page.plans(PROGRAM))

    def test_a_figure_has_the_rows_of_the_suites_table_of_its_name(self):
        plans = {"p": planned(("ours", "viper"), ("pku", "pku-reid"))}
        plans["p"]["tables"][0]["id"] = "f-2"
        section = "### f2: pictures\n\nNo numbers.\n\nplanned: `p`: f-2 / r on ours"
        self.assertIn(section + "\n", coverage_page.page(plans, reference(), [], {}))
        ran = {"suite": "p", "tables": [{"id": "f-2", "rows": [{"id": "r", "cells": [{"dataset": "pku", "mean": 1.5}]}]}]}
        self.assertIn(section + ", pku", coverage_page.page(plans, reference(), [ran], {}))

    def test_a_table_says_where_people_find_it(self):
        papers = reference()
        papers["table"][0]["where"] = "https://example.org"
        self.assertIn("### t1: numbers\n\nTo be found at <https://example.org>.\n\n| method |", coverage_page.page({"s": planned()}, papers, [], {}))

    def test_statements_are_rows_of_the_pages_tables_and_quoted_settings(self):
        page = "# M\n\n" + "\n".join(
            f"{heading}\n\nWords.\n\n| {' | '.join(header)} |\n|---|---|---|\n" + "| a | b | c |\n" * rows
            for rows, (heading, header) in enumerate(coverage_page.PARTS.values(), start=1)) + "\n## Next\n\n| a | b | c |\n"
        suite = ('height = 256  # "256 × 128"\nwidth = 128  # unstated\nmining = "hard"  # DEVIATION: eq. 6 has "all"\n# "quoted"\n'
                 'train_pool = "mlr"  # unstated\n[[table]]\nid = "t"  # "t"\n')
        counts = coverage_page.statements(page, suite)
        self.assertEqual({"parts as stated": 1, "settings as stated": 1, "chosen": 2, "different": 3}, counts)
        self.assertIn("| p | 1 | 1 | 2 | 3 |", coverage_page.page({"s": planned()}, reference(), [], {"p": counts}))
        with self.assertRaisesRegex(ValueError, "UNSTATED.*no table has the columns open, choice, ground"):
            coverage_page.statements(page.replace("| open |", "| opened |"), suite)

    def test_a_method_of_others_is_computed_where_a_suite_has_its_row_and_cited_elsewhere(self):
        def lines(plans, **more):
            papers = reference()
            papers["method"].append({"id": "other", "label": "O | P"} | more)
            return coverage_page.page(plans, papers, [], {})

        cited = planned(("ours", "viper"))
        self.assertIn("| O \\| P | p | 1 | cited | nobody knows |", lines({"s": cited}, note="nobody knows"))
        computed = planned(("ours", "viper"))
        computed["tables"][0]["rows"][0]["cells"][0]["entries"].append(ENTRY | {"method": "other", "table": "t9"})
        self.assertIn("| O \\| P | p | 1 | **computed**: `z` |  |", lines({"s": cited, "z": computed}))
        self.assertNotIn("| M | p |", lines({"z": computed}))

    def test_published_rows_are_counted_where_they_have_a_number(self):
        page = coverage_page.page({"s": planned(("ours", "viper"), published=["ours"])}, reference(), [], {})
        self.assertIn("Of others' methods 1 entries, 1 of them in suites as published rows.", page)
        self.assertIn("| p | 1 | 0 | 1 | 0 | 0 | 0 |", page)
        self.assertIn("### f2: pictures\n\nNo numbers.\n\nno row\n", page)
        self.assertIn("## A \\| B\n", page)


if __name__ == "__main__":
    unittest.main()
