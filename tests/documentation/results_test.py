"""docs/results.md and docs/inside/studies.md: what their notes make, of suites that ship today; what a paper's verdicts and a study's scores look like."""
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


def claim(dataset, means, differences, kind="stated", metric="rank1"):
    """Of rows a, b, … with these means."""
    return {"kind": kind, "dataset": dataset, "metric": metric, "paper_dataset": "mlr-cuhk03", "differences": differences,
            "rows": [{"id": name, "label": label, "mean": mean} for name, label, mean in zip("abc", ("A | B", "C", "D"), means)]}


def table(title, datasets, claims, rows=(), compare_with=None, trials=5):
    """Rows a, b and c with so many trials, and more."""
    counted = [{"id": name, "label": name, "cells": [{"dataset": one["dataset"], "metric": one["metric"], "trials": trials, "difference": None}
                                                     for one in claims]} for name in "abc"]
    return {"id": title, "title": title, "datasets": datasets, "metrics": ["rank1", "mAP"], "claims": claims, "rows": [*counted, *rows],
            "compare_with": compare_with}


def noted(suite, seconds, *tables, drawn=()):
    return {"suite": suite, "seconds": seconds, "tables": tables, "drawn": drawn}


def difference(mean, low, high, trials=5, **more):
    return {"to": "a", "mean": mean, "low": low, "high": high, "trials": trials, **more}


def shown(suite, order):
    """What the page shows of a plan's or a note's tables beside numbers."""
    return [(table["id"], table["title"], table["datasets"], table["metrics"], table["compare_with"] or None,
             [(row["id"], row["label"].removesuffix(" ‡")) for row in table["rows"]],
             [(claim["kind"], results_page.form(claim), claim["dataset"], claim["metric"], claim["paper"], claim["paper_dataset"], claim["paper_order"], order(claim)) for claim in table["claims"]])
            for table in suite["tables"]]


class Results(unittest.TestCase):
    def test_pages_are_what_the_notes_make(self):
        for path, made in results_page.pages().items():
            self.assertEqual(made, path.read_text(encoding="utf-8"), "run script/study --page")

    def test_the_page_of_verdicts_is_a_screen_and_has_each_order_that_has_one(self):
        verdicts, studies = results_page.pages().values()
        self.assertLess(len(verdicts.splitlines()), 50)
        orders = [line.split(" | ")[1:7] for line in studies.split("\n## ")[0].splitlines() if line.startswith("| ")][2:]
        self.assertGreater(len(orders), 20)
        shown = 0
        for order, metric, _, _, said, _ in orders:
            here = [line for line in verdicts.splitlines() if f" | {order}{'' if metric == 'rank1' else ', ' + metric} | " in line]
            if said == "not run" or "no verdict" in said:
                self.assertEqual(here, [])
                continue
            shown += 1
            self.assertTrue(here and all(word.rpartition(" (")[0] in here[0] for word in said.split("; ")), order)
        self.assertGreater(shown, 5)
        self.assertEqual("**holds** (a, c); in the means (b)", results_page.grouped("**holds** (a); in the means (b); **holds** (c)"))

    def test_notes_are_of_the_suites_as_they_ship(self):
        notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results_page.NOTES.glob("*.json"))]
        self.assertTrue(any("jobs" in note for note in notes))
        for note in notes:
            if "jobs" not in note:
                continue
            mend = (f"{note['suite']} is another suite than the one of its note: run script/study {results_page.study_of(note)}, or take \"jobs\" out of"
                    " the note and run script/study --page, which then says so")
            planned = results_page.plan(PROGRAM, note["suite"], note.get("options", ()))
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
            for there, other in (("trials = 5", "trials = 3"), ("draws = 100", "draws = 50"), ("learning_rate = 1e-3", "learning_rate = 2e-3")):
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
                results_page.note("rain", "61", PROGRAM, tables, ["--profile", "smoke"])
            self.assertIn("stand-ins", str(refused.exception))
            self.assertEqual(list(results_page.NOTES.iterdir()), [])

    def test_a_profiles_note_is_of_that_profiles_jobs_and_names_it(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(results_page, "NOTES", pathlib.Path(folder)):
            results_page.note("rain", "61", PROGRAM, {"title": "T", "notes": [], "tables": []}, ["--profile", "cpu"])
            kept = json.loads((results_page.NOTES / "rain-cpu.json").read_text(encoding="utf-8"))
        self.assertEqual("rain --profile cpu", results_page.study_of(kept))
        self.assertEqual(results_page.jobs_hash(results_page.plan(PROGRAM, "rain", ["--profile", "cpu"])), kept["jobs"])
        self.assertNotEqual(results_page.jobs_hash(results_page.plan(PROGRAM, "rain", ["--profile", "smoke"])), kept["jobs"])

    def test_a_suite_that_includes_another_has_its_data_sets_and_method(self):
        included = results_page.shipped("rain_table_1")
        self.assertEqual(results_page.shipped("rain"), included)
        self.assertIn("pku-reid", [one["id"] for one in included["dataset"]])
        five = results_page.plan(PROGRAM, "rain_table_1", ["--profile", "cpu", "--set", "trials=5"])
        self.assertEqual(["rain-table-1"], [one["id"] for one in five["tables"]])

    def test_a_study_of_an_earlier_suite_is_marked(self):
        found = {"suite": "s", "title": "T", "date": "2026-01-02", "processors": 2, "processor": "P", "notes": ["n"], "tables": []}
        self.assertEqual("### T\n\n`s` **before its last change**, 2026-01-02, on 2 processors (P). n.\n\n", results_page.study_section(found))
        of_before = found | {"jobs": "0", "tables": [table("T", [], [claim("easy", [1, 2], [difference(1, 0, 2)])]) | {"rows": []}]}
        self.assertIn("people were drawn anew in each trial", results_page.study_section(of_before))
        of_before["tables"][0]["claims"][0]["differences"][0]["p"] = 0.5
        self.assertNotIn("anew", results_page.study_section(of_before))
        self.assertIn("draw people once for all trials", results_page.study_section(of_before))
        self.assertEqual("### T\n\n`s`, 2026-01-02, on 2 processors (P). n.\n\n", results_page.study_section(found | {"jobs": "0"}))

    def test_notes_that_all_tables_share_stand_once_and_the_others_below_their_table(self):
        def table_of(title, *notes):
            return {"id": title, "title": title, "notes": list(notes), "metrics": ["rank1"], "datasets": [], "compare_with": None, "claims": [], "rows": []}
        found = {"suite": "s", "title": "T", "date": "2026-01-02", "processors": 2, "processor": "P", "notes": ["n"], "jobs": "0",
                 "tables": [table_of("A", "same", "pool mlr"), table_of("B", "same")]}
        self.assertEqual("### T\n\n`s`, 2026-01-02, on 2 processors (P). same; n.\n\n#### A\n\npool mlr.\n\n#### B\n\n",
                         results_page.study_section(found))

    def test_every_studys_run_time_and_command_stand_beside_a_verdict(self):
        page = results_page.pages()[results_page.STUDIES]
        for path in results_page.NOTES.glob("*.json"):
            note = json.loads(path.read_text(encoding="utf-8"))
            self.assertRegex(page, rf"\| {round(note['seconds'] / 60)} min \| `script/study {results_page.study_of(note)}` \|\n", path.name)

    def test_of_an_order_the_evidence_that_is_worth_most_stands_first_on_the_page_whatever_it_says(self):
        reference = {"method": [{"id": "m", "label": "Method M"}],
                     "claim": [{"paper": "p", "kind": "stated", "metric": "rank1", "dataset": one, "worse_to_better": ["m", "n"]} for one in ("X", "Y")]
                     + [{"paper": "p", "kind": "printed", "metric": "mAP", "dataset": "X", "worse_to_better": ["m", "n", "o"]}]}

        def note_of(suite, dataset, means, trials, scratch, source, whole=("m", "n")):
            found = claim(dataset, means, [difference(means[1] - means[0], means[1] - means[0] - 1, means[1] - means[0] + 1, trials)])
            found["differences"][0]["p"] = 0.5
            found |= {"paper": "p", "paper_order": whole}
            made = table("T", [dataset], [found], trials=trials) | {"from_scratch": scratch, "notes": ["small backbone (tiny)" if scratch else "backbone large"]}
            return {"suite": suite, "notes": [], "tables": [made], "sources": {dataset: source}, "drawn": [dataset] if source == "synthetic" else []}

        def lines(*notes):
            return results_page.best_evidence(notes, reference).rstrip().splitlines()[-2:]
        not_run = "| p | Method M < n < o | mAP | printed | X | not run |  |  |  |  |"
        drawn = note_of("drawn", "d", (1, 3), 9, False, "synthetic")
        two = note_of("two", "a", (1, 3), 2, False, "pku-reid")
        scratch = note_of("scratch", "a", (3, 1), 5, True, "pku-reid")
        best = note_of("best", "a", (1, 1.5), 5, False, "pku-reid")
        level = note_of("level", "b", (3, 1), 5, False, "pku-reid")
        head = "| p | Method M < n | rank1 | stated | X, Y | "
        self.assertEqual([head + "not run |  |  |  |  |", not_run], lines())
        self.assertEqual([head + "**holds** (d) | 9 | large, pretrained | drawn | `drawn` |", not_run], lines(drawn))
        self.assertEqual([head + "2 trials: no verdict (a) | 2 | large, pretrained | pku-reid | `two` |", not_run], lines(drawn, two))
        self.assertEqual([head + "**contradicted** (a) | 5 | tiny, from scratch | pku-reid | `scratch` |", not_run], lines(drawn, two, scratch))
        self.assertEqual([head + "in the means (a) | 5 | large, pretrained | pku-reid | `best` |", not_run], lines(drawn, two, scratch, best))
        self.assertEqual([head + "in the means (a); **contradicted** (b) | 5 | large, pretrained | pku-reid | `best`; `level` |", not_run],
                         lines(drawn, best, level))
        part = note_of("part", "c", (1, 3), 5, False, "pku-reid")
        part["tables"][0]["claims"][0]["paper_order"] = ("m", "n", "o")
        part["tables"][0]["claims"][0] |= {"kind": "printed", "metric": "mAP"}
        for row in part["tables"][0]["rows"]:
            row["cells"][0]["metric"] = "mAP"
        self.assertIn("**holds** (c, a part of the order)", lines(part)[1])
        self.assertIn(results_page.THE_SAME_PEOPLE, results_page.best_evidence([best, level], reference))
        self.assertNotIn(results_page.THE_SAME_PEOPLE, results_page.best_evidence([drawn], reference))

    def test_every_study_says_by_which_rule_of_intervals_it_was_made(self):
        page, verdicts = results_page.pages()[results_page.STUDIES], results_page.pages()[results_page.PAGE]
        sections, rules = page.split("\n### ")[1:], set()
        for path in results_page.NOTES.glob("*.json"):
            note = json.loads(path.read_text(encoding="utf-8"))
            section = next(one for one in sections if f"\n`{results_page.study_of(note)}`" in one)
            today = results_page.intervals_of_today(note)
            self.assertEqual([results_page.RULES[rule] in section for rule in (today, not today)], [True, False], path.name)
            rules.add(today)
        self.assertEqual({True, False}, rules)
        self.assertIn(results_page.OF_BEFORE, verdicts)
        self.assertIn("(pku-160-steps °)", verdicts)

    def test_that_some_rows_are_better_is_judged_by_holm_among_them(self):
        self.assertEqual([0.03, 0.06, 0.06, 0.02], [round(one, 9) for one in results_page.holm([0.01, 0.04, 0.03, 0.005])])

        def judged(means, *differences):
            found = claim("easy", means, list(differences)) | {"form": "some"}
            steps, status, _ = results_page.judge(table("T", ["easy"], [found]), found)
            return steps, status
        luck, sure = difference(1, 0.1, 2, p=0.04), difference(3, 1, 5, p=0.01)
        self.assertEqual((["in the means", "in the means"], "in the means"), judged([1, 2, 2], luck, difference(1, -1, 3, p=0.4)))
        self.assertEqual((["holds", "holds"], "holds"), judged([1, 2, 4], luck, sure))
        self.assertEqual((["contradicted", "holds"], "holds"), judged([1, 0, 4], difference(-1, -2, -0.1, p=0.04), sure))
        self.assertEqual((["contradicted", "undecided"], "undecided"), judged([1, 0, 0], difference(-1, -2, -0.1, p=0.04), None))
        self.assertEqual((["open", "holds"], "holds"), judged([1, None, 4], None, sure))
        self.assertEqual("a < some of b, c", results_page.rows_in_words(["a", "b", "c"], "some"))
        self.assertEqual("a < b", results_page.rows_in_words(["a", "b"], "some"))

    def test_a_claim_stands_once_with_its_data_sets_side_by_side(self):
        self.assertEqual(
            "**Stated in the text**\n\n"
            "| order | metric | table | here: easy | here: hard (drawn) | here: new | run time | command |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
            "| A \\| B < C (paper: mlr-cuhk03) | rank1 | T | **holds**: +3.2 [+1.0, +5.0] † | in the means: +0.5 [-1.0, +2.0] | undecided: – "
            "| 2 min | `script/study one` |\n\n"
            "**Printed in a table**\n\n"
            "| order | metric | table | here: other | run time | command |\n"
            "| --- | --- | --- | --- | --- | --- |\n"
            "| A \\| B < C (paper: mlr-cuhk03) | rank1 | U | open: – | 1 min | `script/study two` |\n\n",
            results_page.verdicts([
                noted("one", 100, table("T", ["easy", "hard", "new"],
                                       [claim("easy", [1, 4.25], [difference(3.25, 1, 5, p_holm=0.01)]),
                                        claim("hard", [1, 1.5], [difference(0.5, -1, 2)]),
                                        claim("new", [2, 1], [None])]), drawn=["hard"]),
                noted("two", 5, table("U", ["other"], [claim("other", [1, None], [None], "printed")]))]))

    def test_a_step_says_where_its_word_is_not_the_orders(self):
        def shown(means, differences, trials=5, metric="rank1"):
            one = claim("easy", means, differences, metric=metric)
            return results_page.verdict(table("T", ["easy"], [one], trials=trials), one)
        up, down, level = difference(2, 1, 3), difference(-2, -3, -1), difference(-1, -3, 1)
        self.assertEqual("**contradicted**: +2.0 [+1.0, +3.0] (**holds**), -2.0 [-3.0, -1.0]", shown([1, 3, 1], [up, down]))
        self.assertEqual("undecided: +2.0 [+1.0, +3.0] (**holds**), -1.0 [-3.0, +1.0]", shown([1, 3, 2], [up, level]))
        self.assertEqual("open: –, +2.0 [+1.0, +3.0] (**holds**)", shown([1, None, 3], [None, up]))
        self.assertEqual("2 trials: no verdict: -2.0 [-3.0, -1.0]", shown([3, 1], [down], trials=2))
        self.assertEqual("1 trial: no verdict: –", shown([3, 1], [None], trials=1))
        self.assertEqual("**holds**: -2.0 [-3.0, -1.0]", shown([3, 1], [down], metric="resolution_probe"))
        self.assertEqual("**contradicted**: +2.0 [+1.0, +3.0]", shown([1, 3], [up], metric="resolution_probe"))

    def test_verdicts_are_those_of_the_program(self):
        """In the tables that its tests pin down, and in notes of runs that knew them."""
        documents = [json.loads(path.read_text(encoding="utf-8"))
                     for folder in (ROOT / "tests/golden/tables", results_page.NOTES) for path in folder.glob("*.json")]
        found = set()
        for table in (table for document in documents for table in document["tables"]):
            for claim in table["claims"]:
                if "status" in claim:
                    self.assertEqual((claim["steps"], claim["status"], claim["trials"]), results_page.judge(table, claim))
                    found.add(claim["status"])
            for cell in (cell for row in table["rows"] for cell in row["cells"]):
                if "verdict" in (cell["difference"] or {}):
                    self.assertEqual(cell["difference"]["verdict"], results_page.side(cell["difference"]))
                    self.assertEqual(cell["difference"]["survives_holm"], "†" in results_page.interval(cell["difference"]))
        self.assertLess({"holds", "contradicted", "open"}, found)

    def test_where_the_paper_has_no_order_stand_the_tables_own_differences(self):
        cells = [{"dataset": name, "metric": metric, "trials": 5, "difference": found}
                 for name, found in (("up", difference(2, 1, 3)), ("down", difference(-2, -3, -1)), ("near", difference(1, -1, 3)),
                                     ("few", difference(2, 1, 3, trials=4)))
                 for metric in ("rank1", "mAP")]
        compared = table("T", ["up", "down", "near", "few"], [], rows=[{"id": "d", "label": "B_1", "cells": cells}], compare_with="a")
        compared["rows"][0]["label"] = "A"
        self.assertIn("| B\\_1, against A | rank1 | T | **above**: +2.0 [+1.0, +3.0] | **below**: -2.0 [-3.0, -1.0] "
                      "| undecided: +1.0 [-1.0, +3.0] | 4 trials: no verdict: +2.0 [+1.0, +3.0] |", results_page.verdicts([noted("one", 60, compared)]))
        compared["claims"] = [claim("up", [1, None], [None])]
        for row in compared["rows"][:2]:
            row["cells"] = [{"dataset": "up", "metric": "rank1", "trials": 5, "difference": None}]
        self.assertNotIn("against", results_page.verdicts([noted("one", 60, compared)]))

    def test_the_page_counts_each_comparison_once_and_says_what_luck_would_make_of_them(self):
        row = {"id": "b", "label": "B", "cells": [{"dataset": "easy", "metric": metric, "trials": 5, "difference": difference(2, 1, 3)}
                                                  for metric in ("rank1", "mAP")]}
        both = table("T", ["easy"], [claim("easy", [1, 3], [difference(2, 1, 3)])], rows=[row])
        few = table("U", ["easy"], [claim("easy", [1, 3, 4], [difference(2, 1, 3, trials=2), difference(1, 0, 2, trials=2) | {"to": "b"}])], trials=2)
        self.assertIn("show 3 comparisons, 1 of them of five trials", results_page.counted([noted("one", 1, both, few)]))
        self.assertIn("1 do. The rule before (°) made the intervals of 3 comparisons.\n", results_page.counted([noted("one", 1, both, few)]))
        self.assertIn("- Stated in the text: 2 orders, each on one data set: 1 holds, 1 no verdict\n", results_page.counted([noted("one", 1, both, few)]))

    def test_each_study_stands_below_its_paper_or_beside_the_papers(self):
        page = results_page.pages()[results_page.STUDIES]
        for study, method in (("quickstart", "rain"), ("pretrained_ftwa_study", "ftwa"), ("pretrained_msifla_study", "msifla"),
                              ("pretrained_resolution_adaptive_study", "resolution_adaptive")):
            before = page[:page.index(f"`script/study {study}`")]
            self.assertIn(f"](../../methods/{method}/README.md)", before.split("\n## ")[-1], study)
        for study in ("mechanisms --profile cpu", "mechanisms_vit --profile cpu"):
            before = page[:page.index(f"`script/study {study}`")]
            self.assertTrue(before.split("\n## ")[-1].startswith("Beside the papers\n"), study)

    def test_scores_stand_with_their_difference_from_the_row_that_is_named(self):
        def row(identifier, label, mean, found):
            return {"id": identifier, "label": label,
                    "cells": [{"dataset": "easy", "metric": "rank1", "mean": mean, "std": 1.25, "trials": 5, "difference": found}]}
        table = {"title": "T", "datasets": ["easy"], "metrics": ["rank1", "mAP"], "compare_with": "a", "claims": [],
                 "rows": [row("a", "A", 5.04, None), row("b", "B", 3.04, difference(-2, -3, -1)), row("c", "C", None, None),
                          row("d", "D", 7.04, difference(2, 1, 3, trials=2))]}
        self.assertEqual("#### T\n\n| rank1, difference from A | easy |\n| --- | --- |\n| A | 5.0 ± 1.2 |\n"
                         "| B | 3.0 ± 1.2, -2.0 [-3.0, -1.0] |\n| C |  |\n"
                         "| D | 7.0 ± 1.2, +2.0 [+1.0, +3.0], 2 trials: no verdict |\n\n", results_page.table_section(table))

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
