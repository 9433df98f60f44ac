"""docs/results.md: what its notes make, of suites that ship today; what a paper's verdicts and a study's scores look like."""
import importlib.util
import json
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv.pop()
specification = importlib.util.spec_from_file_location("results_page", ROOT / "script/support/results_page.py")
results_page = importlib.util.module_from_spec(specification)
specification.loader.exec_module(results_page)


def claim(dataset, status, differences):
    return {"dataset": dataset, "metric": "rank1", "paper_dataset": "mlr-cuhk03", "status": status, "differences": differences,
            "rows": [{"label": "A | B"}, {"label": "C"}]}


def table(title, datasets, claims, rows=(), compare_with=None):
    return {"title": title, "datasets": datasets, "metrics": ["rank1", "mAP"], "claims": claims, "rows": rows, "compare_with": compare_with}


def noted(suite, seconds, *tables):
    return {"suite": suite, "seconds": seconds, "tables": tables}


def difference(mean, low, high):
    return {"mean": mean, "low": low, "high": high}


def shown(suite, order):
    """What the page shows of a plan's or a note's tables beside numbers."""
    return [(table["id"], table["title"], table["datasets"], table["metrics"], table["compare_with"] or None,
             [(row["id"], row["label"]) for row in table["rows"]],
             [(claim["dataset"], claim["metric"], claim["paper"], claim["paper_dataset"], order(claim)) for claim in table["claims"]])
            for table in suite["tables"]]


class Results(unittest.TestCase):
    def test_page_is_what_the_notes_make(self):
        self.assertEqual(results_page.page(), results_page.PAGE.read_text(encoding="utf-8"), "run script/study --page")

    def test_notes_are_of_the_suites_as_they_ship(self):
        notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results_page.NOTES.glob("*.json"))]
        self.assertTrue(any("jobs" in note for note in notes))
        for note in notes:
            if "jobs" not in note:
                continue
            mend = (f"{note['suite']} is another suite than the one of its note: run script/study {results_page.study_of(note)}, or take \"jobs\" out of"
                    " the note and run script/study --page, which then says so")
            planned = results_page.plan(PROGRAM, note["suite"], note.get("profile"))
            self.assertEqual(shown(planned, lambda claim: claim["worse_to_better"]),
                             shown(note, lambda claim: [row["id"] for row in claim["rows"]]), mend)
            self.assertEqual(results_page.jobs_hash(planned), note["jobs"], mend)

    def test_another_setting_makes_another_hash_and_comments_do_not(self):
        suite = (results_page.SUITES / "quickstart.toml").read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(results_page, "SUITES", pathlib.Path(folder)):
            def hash_of(text):
                (results_page.SUITES / "s.toml").write_text(text, encoding="utf-8")
                return results_page.jobs_hash(results_page.plan(PROGRAM, "s"))
            self.assertEqual(hash_of(suite), hash_of(suite + "# more\n"))
            for there, other in (("trials = 2", "trials = 3"), ("draws = 100", "draws = 50"), ("learning_rate = 1e-3", "learning_rate = 2e-3")):
                self.assertIn(there, suite)
                self.assertNotEqual(hash_of(suite), hash_of(suite.replace(there, other)), other)

    def test_a_note_is_of_the_jobs_that_its_suite_plans(self):
        cell = {"mean": 1.0, "jobs": ["a"], "values": [1.0], "complete": True, "why": None, "difference_why": None}
        tables = {"title": "T", "notes": ["n"], "tables": [{"id": "t", "rows": [{"id": "r", "cells": [cell]}]}]}
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(results_page, "NOTES", pathlib.Path(folder)):
            results_page.note("quickstart", "61", PROGRAM, tables)
            kept = json.loads((results_page.NOTES / "quickstart.json").read_text(encoding="utf-8"))
        self.assertEqual(results_page.jobs_hash(results_page.plan(PROGRAM, "quickstart")), kept["jobs"])
        self.assertEqual({"mean": 1.0}, kept["tables"][0]["rows"][0]["cells"][0])
        self.assertEqual(61, kept["seconds"])

    def test_a_note_has_a_cell_of_a_table_in_a_line(self):
        for path in sorted(results_page.NOTES.glob("*.json")):
            text = path.read_text(encoding="utf-8")
            note = json.loads(text)
            self.assertEqual(results_page.laid_out(note) + "\n", text, path.name)
            cells = sum(len(row["cells"]) for table in note["tables"] for row in table["rows"])
            self.assertLess(text.count("\n"), 100 + 4 * cells, path.name)

    def test_stand_ins_are_not_noted(self):
        tables = {"title": "T", "notes": [], "tables": [{"id": "t", "stand_ins": ["mlr-viper"], "rows": []}]}
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(results_page, "NOTES", pathlib.Path(folder)):
            with self.assertRaises(SystemExit) as refused:
                results_page.note("rain", "61", PROGRAM, tables, "smoke")
            self.assertIn("stand-ins", str(refused.exception))
            self.assertEqual(list(results_page.NOTES.iterdir()), [])

    def test_a_profiles_note_is_of_that_profiles_jobs_and_names_it(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(results_page, "NOTES", pathlib.Path(folder)):
            results_page.note("rain", "61", PROGRAM, {"title": "T", "notes": [], "tables": []}, "cpu")
            kept = json.loads((results_page.NOTES / "rain-cpu.json").read_text(encoding="utf-8"))
        self.assertEqual("rain --profile cpu", results_page.study_of(kept))
        self.assertEqual(results_page.jobs_hash(results_page.plan(PROGRAM, "rain", "cpu")), kept["jobs"])
        self.assertNotEqual(results_page.jobs_hash(results_page.plan(PROGRAM, "rain", "smoke")), kept["jobs"])

    def test_a_study_of_an_earlier_suite_is_marked(self):
        found = {"suite": "s", "title": "T", "date": "2026-01-02", "processors": 2, "processor": "P", "notes": ["n"], "tables": []}
        self.assertEqual("### T\n\n`s` **before its last change**, 2026-01-02, on 2 processors (P). n.\n\n", results_page.study_section(found))
        self.assertEqual("### T\n\n`s`, 2026-01-02, on 2 processors (P). n.\n\n", results_page.study_section(found | {"jobs": "0"}))

    def test_notes_that_all_tables_share_stand_once_and_the_others_below_their_table(self):
        def table_of(title, *notes):
            return {"id": title, "title": title, "notes": list(notes), "metrics": ["rank1"], "datasets": [], "compare_with": None, "rows": []}
        found = {"suite": "s", "title": "T", "date": "2026-01-02", "processors": 2, "processor": "P", "notes": ["n"], "jobs": "0",
                 "tables": [table_of("A", "same", "pool mlr"), table_of("B", "same")]}
        self.assertEqual("### T\n\n`s`, 2026-01-02, on 2 processors (P). same; n.\n\n#### A\n\npool mlr.\n\n#### B\n\n",
                         results_page.study_section(found))

    def test_every_studys_run_time_and_command_stand_beside_a_verdict(self):
        page = results_page.page()
        for path in results_page.NOTES.glob("*.json"):
            note = json.loads(path.read_text(encoding="utf-8"))
            self.assertRegex(page, rf"\| {round(note['seconds'] / 60)} min \| `script/study {results_page.study_of(note)}` \|\n", path.name)

    def test_a_claim_stands_once_with_its_data_sets_side_by_side(self):
        self.assertEqual(
            "| order, or comparison | metric | table | easy | hard | new | run time | command |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
            "| A \\| B < C (on mlr-cuhk03) | rank1 | T | **holds**: +3.2 [+1.0, +5.0], – | in the means: +0.5 [-1.0, +2.0] | does not "
            "| 2 min | `script/study one` |\n\n"
            "| order, or comparison | metric | table | other | run time | command |\n"
            "| --- | --- | --- | --- | --- | --- |\n"
            "| A \\| B < C (on mlr-cuhk03) | rank1 | U | open | 1 min | `script/study two` |\n\n",
            results_page.verdicts([
                noted("one", 100, table("T", ["easy", "hard", "new"],
                                       [claim("easy", "holds", [difference(3.25, 1, 5), None]),
                                        claim("hard", "holds in the means", [difference(0.5, -1, 2)]),
                                        claim("new", "does not hold", [None])])),
                noted("two", 5, table("U", ["other"], [claim("other", "open", [None])]))]))

    def test_where_the_paper_has_no_order_stand_the_tables_own_differences(self):
        cells = [{"dataset": name, "metric": metric, "difference": found}
                 for name, found in (("up", difference(2, 1, 3)), ("down", difference(-2, -3, -1)), ("near", difference(1, -1, 3)))
                 for metric in ("rank1", "mAP")]
        compared = table("T", ["up", "down", "near"], [], rows=[{"id": "a", "label": "A", "cells": []},
                                                               {"id": "b", "label": "B_1", "cells": cells}], compare_with="a")
        self.assertIn("| B\\_1, against A | rank1 | T | **above**: +2.0 [+1.0, +3.0] | **below**: -2.0 [-3.0, -1.0] "
                      "| undecided: +1.0 [-1.0, +3.0] |", results_page.verdicts([noted("one", 60, compared)]))
        compared["claims"] = [claim("up", "open", [None])]
        self.assertNotIn("against", results_page.verdicts([noted("one", 60, compared)]))

    def test_each_study_stands_below_its_paper(self):
        page = results_page.page()
        for study, method in (("quickstart", "rain"), ("pretrained_ftwa_study", "ftwa"), ("pretrained_msifla_study", "msifla"),
                              ("pretrained_resolution_adaptive_study", "resolution_adaptive")):
            before = page[:page.index(f"`script/study {study}`")]
            self.assertIn(f"](../methods/{method}/README.md)", before.split("\n## ")[-1], study)

    def test_scores_stand_with_their_difference_from_the_row_that_is_named(self):
        def row(identifier, label, mean, found):
            return {"id": identifier, "label": label,
                    "cells": [{"dataset": "easy", "metric": "rank1", "mean": mean, "std": 1.25, "trials": 2, "difference": found}]}
        table = {"title": "T", "datasets": ["easy"], "metrics": ["rank1", "mAP"], "compare_with": "a", "claims": [],
                 "rows": [row("a", "A", 5.04, None), row("b", "B", 3.04, difference(-2, -3, -1)), row("c", "C", None, None)]}
        self.assertEqual("#### T\n\n| rank1, difference from A | easy |\n| --- | --- |\n| A | 5.0 ± 1.2 |\n"
                         "| B | 3.0 ± 1.2, -2.0 [-3.0, -1.0] |\n| C |  |\n\n", results_page.table_section(table))

    def test_what_is_no_rank_stands_beside_a_tables_first_metric(self):
        def cell(metric, mean):
            return {"dataset": "easy", "metric": metric, "mean": mean, "std": None, "trials": 1, "difference": None}
        table = {"title": "T", "datasets": ["easy"], "metrics": ["rank1", "rank5", "mAP", "resolution_probe", "psnr_gain_2"],
                 "compare_with": None, "claims": [],
                 "rows": [{"id": "a", "label": "A", "cells": [cell("rank1", 10), cell("rank5", 15), cell("mAP", 20), cell("resolution_probe", 75.5),
                                                              cell("psnr_gain_2", None)]},
                          {"id": "b", "label": "B", "cells": [cell("rank1", None), cell("psnr_gain_2", 0.294)]}]}
        self.assertEqual("#### T\n\n| rank1 | easy |\n| --- | --- |\n| A | 10.0 |\n| B |  |\n\n"
                         "| resolution_probe | easy |\n| --- | --- |\n| A | 75.5 |\n\n"
                         "| psnr_gain_2 | easy |\n| --- | --- |\n| B | 0.29 |\n\n", results_page.table_section(table))


if __name__ == "__main__":
    unittest.main()
