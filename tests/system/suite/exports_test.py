"""What `resolute suite export` and `suite table --format provenance` write, read by readers that share no code with it: Python's own csv
and sqlite3. It is held against the files of a store.

Usage: exports_test.py RESOLUTE
"""
import csv
import hashlib
import json
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SUITE = ROOT / "tests/system/tiny.toml"
PROGRAM = sys.argv.pop()
NAMES = ["suite", "notes", "tables", "cells", "scores", "published", "jobs", "inputs", "trials", "metrics", "cmc", "steps"]


def run(*words, **options):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300, check=False, **options)


def succeeded(*words):
    answer = run(*words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


class Store:
    """The files of a store, by nothing but their pages."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def job(self, job):
        return self.folder / "jobs" / job[:2] / job

    def result(self, job):
        return json.loads((self.job(job) / "result.json").read_text(encoding="utf-8"))

    def steps(self, training):
        """step → name → value; the last attempt's line counts."""
        steps = {}
        for log in sorted(self.job(training).glob("attempt-*-metrics.jsonl")):
            for line in log.read_text(encoding="utf-8").splitlines():
                told = json.loads(line)
                numbers = {}
                for name, value in told.items():
                    if isinstance(value, dict):
                        numbers |= {f"{name}/{inner}": number for inner, number in value.items()}
                    elif name != "step" and not isinstance(value, str):
                        numbers[name] = value
                steps[told["step"]] = numbers
        return steps


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.scratch.name)
        shared = os.environ.get("RESOLUTE_UNDISTURBED_STORE")
        cls.store = Store(shared or cls.out / "store")
        if not shared:
            succeeded("suite", "run", SUITE, "--store", cls.store.folder, "--slots", 2)
        cls.said = succeeded("suite", "export", SUITE, "--store", cls.store.folder, "--csv", cls.out / "csv", "--sqlite",
                             cls.out / "x.sqlite")
        cls.rows, cls.columns = {}, {}
        for name in NAMES:
            with open(cls.out / f"csv/{name}.csv", newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file, strict=True)
                cls.rows[name], cls.columns[name] = list(reader), reader.fieldnames
        cls.tables = json.loads(succeeded("suite", "table", SUITE, "--store", cls.store.folder, "--json"))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def export(self, *words, store=None, **options):
        return run("suite", "export", SUITE, "--store", store or self.store.folder, *words, **options)

    def refused(self, answer, part, code=2):
        self.assertEqual((answer.returncode, answer.stdout), (code, ""), answer.stderr)
        self.assertRegex(answer.stderr, rf"\Aresolute: .*{part}.*\n\Z")

    def test_it_says_what_it_wrote(self):
        done = "4 of 4 trainings and 4 of 4 evaluations are done"
        self.assertEqual(self.said, f"{self.out}/csv: {len(NAMES)} CSV files and figures.json; {done}\n{self.out}/x.sqlite: {len(NAMES)} tables; "
                                    f"{done}\n")
        told = json.loads(self.export("--csv", self.out / "again", "--json").stdout)
        self.assertEqual(told, {"suite": "tiny", "written": [{"format": "csv", "path": f"{self.out}/again"}],
                                "trainings": {"all": 4, "done": 4}, "evaluations": {"all": 4, "done": 4}})
        for name in NAMES:
            self.assertEqual((self.out / f"again/{name}.csv").read_bytes(), (self.out / f"csv/{name}.csv").read_bytes())

    def test_figures_are_those_of_the_report(self):
        report = json.loads(succeeded("suite", "report", SUITE, "--store", self.store.folder, "--json"))
        figures = json.loads((self.out / "csv/figures.json").read_text(encoding="utf-8"))
        self.assertEqual(figures, {"schema": report["schema"], "figures": report["figures"]})

    def test_cells_are_those_of_the_tables(self):
        cells = iter(self.rows["cells"])
        for table in self.tables["tables"]:
            for row in table["rows"]:
                for cell in row["cells"]:
                    told = next(cells)
                    for column, key in [("dataset", "dataset"), ("metric", "metric"), ("status", "status"), ("why", "why")]:
                        self.assertEqual(told[column], cell[key])
                    for column in ("mean", "std", "trials", "trials_needed", "reference", "chance"):
                        self.assertEqual(told[column] and float(told[column]), "" if cell[column] is None else cell[column])
                    difference = cell["difference"] or {}
                    for column, key in [("difference", "mean"), ("difference_low", "low"), ("difference_high", "high")]:
                        self.assertEqual(told[column] and float(told[column]), difference.get(key, ""))
        self.assertIsNone(next(cells, None))
        self.assertTrue(any(row["difference"] for row in self.rows["cells"]))

    def test_scores_are_what_the_trials_evaluations_measured(self):
        units = {(row["table_id"], row["metric"]) for row in self.rows["scores"]}
        self.assertEqual({("main", metric) for metric in ("rank1", "mAP", "resolution_probe")}, units)
        trials = {(row["row_id"], row["dataset"], row["trial"]): row["evaluation"] for row in self.rows["trials"]}
        for row in self.rows["scores"]:
            measured = self.store.result(trials[row["row_id"], row["dataset"], row["trial"]])["metrics"][row["metric"]]
            self.assertAlmostEqual(100 * measured, float(row["value"]), delta=1e-9)
        self.assertEqual(2 * 3 * 2, len(self.rows["scores"]), "rows, metrics, trials")
        for cell in self.rows["cells"]:
            values = [float(row["value"]) for row in self.rows["scores"]
                      if (row["row_id"], row["metric"]) == (cell["row_id"], cell["metric"])]
            self.assertAlmostEqual(sum(values) / len(values), float(cell["mean"]), delta=1e-9)

    def test_jobs_are_what_the_store_has(self):
        for row in self.rows["jobs"]:
            job, result = row["job"], self.store.result(row["job"])
            self.assertEqual(hashlib.sha256(row["specification"].encode()).hexdigest(), job)
            self.assertEqual(row["specification"], (self.store.job(job) / "spec.json").read_text(encoding="utf-8").strip())
            specification = json.loads(row["specification"])
            self.assertEqual((row["kind"], row["done"]), (specification["kind"], "1"))
            known = result | result.get("provenance", {})
            for column in ("pack_sha256", "split_sha256", "numeric_class", "weights_sha256", "features_sha256"):
                self.assertEqual(row[column], known.get(column, ""))
            if row["kind"] == "training":
                logs = sorted(self.store.job(job).glob("attempt-*-metrics.jsonl"))
                self.assertEqual(row["attempts"], str(int(logs[-1].name.split("-")[1])))
            self.assertEqual({metric["metric"]: float(metric["value"]) for metric in self.rows["metrics"]
                              if metric["job"] == job}, result.get("metrics", {}))
        kinds = {row["job"]: row["kind"] for row in self.rows["jobs"]}
        needs = {("evaluation", "training"), ("evaluation", "seal"), ("training", "seal"), ("seal", "shard")}
        self.assertEqual({(kinds[row["job"]], kinds[row["input"]]) for row in self.rows["inputs"]}, needs)

    def test_steps_are_what_trainings_logged(self):
        told = {}
        for row in self.rows["steps"]:
            told.setdefault(row["training"], {}).setdefault(int(row["step"]), {})[row["metric"]] = float(row["value"])
        self.assertEqual(len(told), 4)
        for training, steps in told.items():
            self.assertEqual(steps, self.store.steps(training))

    def test_cmc_curves_are_means_over_queries(self):
        for evaluation in {row["evaluation"] for row in self.rows["trials"]}:
            with open(self.store.job(evaluation) / "queries.csv", newline="", encoding="utf-8") as file:
                queries = [query for query in csv.DictReader(file) if query["has_match"] == "1"]
            points = [row for row in self.rows["cmc"] if row["evaluation"] == evaluation]
            rates = {query["rate"] for query in queries}
            self.assertEqual({(row["rate"], row["rank"]) for row in points},
                             {(rate, rank) for rate in rates | {"0"} for rank in ("1", "5", "10", "20")})
            for row in points:
                those = [query for query in queries if row["rate"] in ("0", query["rate"])]
                self.assertEqual(int(row["queries"]), len(those))
                mean = sum(float(query[f"rank{row['rank']}"]) for query in those) / len(those)
                self.assertAlmostEqual(float(row["share"]), mean, places=12)

    def test_the_sqlite_file_holds_the_same_rows(self):
        with sqlite3.connect(f"file:{self.out}/x.sqlite?mode=ro", uri=True) as database:
            one = lambda text: database.execute(text).fetchall()
            self.assertEqual(one("PRAGMA integrity_check"), [("ok",)])
            self.assertEqual(one("PRAGMA foreign_key_check"), [])
            self.assertEqual(one("PRAGMA application_id") + one("PRAGMA user_version"), [(0x52534C54,), (1,)])
            self.assertEqual({name for name, in one("SELECT name FROM sqlite_master WHERE type = 'table'")}, set(NAMES))
            for name in NAMES:
                cursor = database.execute(f'SELECT * FROM "{name}"')
                columns = [column[0] for column in cursor.description]
                self.assertEqual(columns, self.columns[name])
                held = {tuple("" if value is None else float(value) if isinstance(value, float) else str(value)
                              for value in row) for row in cursor}
                types = [kind for _, _, kind, *_ in one(f'PRAGMA table_info("{name}")')]
                self.assertEqual(held, {tuple(float(value) if kind == "REAL" and value else value
                                              for value, kind in zip(row.values(), types)) for row in self.rows[name]})
            trials = one("SELECT t.row_id, t.trial, m.value FROM trials t JOIN metrics m ON m.job = t.evaluation "
                         "WHERE m.metric = 'rank1' ORDER BY t.row_id, t.trial")
            means = {row: sum(v for r, _, v in trials if r == row) / 2 * 100 for row in ("baseline", "rain")}
            for row, mean in one("SELECT row_id, mean FROM cells WHERE metric = 'rank1'"):
                self.assertAlmostEqual(mean, means[row], places=9)

    def test_provenance_leads_from_cells_to_packs(self):
        told = json.loads(succeeded("suite", "table", SUITE, "--store", self.store.folder, "--format", "provenance"))
        jobs = {job["id"]: job for job in told["jobs"]}
        self.assertEqual(len(jobs), len(told["jobs"]))
        reached = set()
        for cell in told["cells"]:
            numbers = next(row for row in self.tables["tables"][0]["rows"] if row["id"] == cell["row"])["cells"]
            for evaluation in cell["evaluations"]:
                training = self.store.result(evaluation)["provenance"]["training"]
                seal, = jobs[training]["after"]
                self.assertEqual(set(jobs[evaluation]["after"]), {training, seal})
                self.assertTrue(all({evaluation, training} <= set(number["jobs"]) for number in numbers))
                reached |= {evaluation, training, seal, *jobs[seal]["after"]}
                results = [self.store.result(job) for job in (evaluation, training, seal)]
                self.assertEqual({jobs[job]["result"]["pack_sha256"] for job in (evaluation, training, seal)},
                                 {results[2]["pack_sha256"]})
                self.assertEqual(jobs[evaluation]["result"]["weights_sha256"], results[1]["weights_sha256"])
                self.assertEqual(jobs[training]["result"]["numeric_class"], results[1]["provenance"]["numeric_class"])
                self.assertEqual(jobs[training]["initial_weights"], None)
                self.assertEqual(jobs[training]["attempts"], 1)
        self.assertEqual(reached, set(jobs))

    def test_a_suite_that_is_half_done_has_what_is_there(self):
        half = self.out / "half"
        shutil.copytree(self.store.folder / "jobs", half / "jobs")
        gone = self.rows["trials"][0]["evaluation"]
        (Store(half).job(gone) / "result.json").unlink()
        said = self.export("--csv", self.out / "half-csv", store=half)
        self.assertRegex(said.stdout, "4 of 4 trainings and 3 of 4 evaluations are done\n$")
        with open(self.out / "half-csv/cells.csv", newline="", encoding="utf-8") as file:
            statuses = [row["status"] for row in csv.DictReader(file) if row["row_id"] == self.rows["trials"][0]["row_id"]]
        self.assertEqual(set(statuses), {"incomplete"})

    def test_what_cannot_be_written_is_refused_and_leaves_nothing(self):
        self.refused(self.export(), "nothing to write is named; give --csv DIR")
        self.refused(self.export("--csv", self.out / "csv"), "holds something")
        self.refused(self.export("--csv", self.out / "new", "--sqlite", self.out / "x.sqlite"), "is there already")
        self.refused(self.export("--sqlite", self.out / "none/x"), "there is no folder")
        self.refused(self.export("--csv", ""), "--csv is empty")
        self.refused(self.export("--csv", self.out / "new", store=self.out / "none"), "there is no store")
        for words in (["--tensorboard", self.out / "new"], [f"--tensorboard={self.out / 'new'}"]):
            self.refused(self.export(*words), "python -m resolute curves SUITE.toml --store STORE --to tensorboard")

        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

        # Python ignores SIGXFSZ, and so does what it starts.
        for option in ("--csv", "--sqlite"):
            answer = self.export(option, self.out / "new", preexec_fn=small_files, restore_signals=False)
            self.assertNotEqual(answer.returncode, 0)
            self.assertRegex(answer.stderr, r"\Aresolute: cannot write '.*'.*\n\Z")
        self.assertEqual([path.name for path in self.out.iterdir() if "new" in path.name or "tmp" in path.name], [])


if __name__ == "__main__":
    unittest.main()
