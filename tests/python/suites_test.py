"""A suite from Python is the program's: the same plan, tables and words; Ctrl-C saves checkpoints and the next call goes on."""

import csv
import enum
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import unittest
import unittest.mock
from pathlib import Path

import h5py
import numpy
from package import BUILD, needs_matplotlib, program, refused, resolute
from resolute.evaluation import ranked


class Suites(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.store = self.folder / "store"
        self.file = BUILD.parents[1] / "experiments/suites/quickstart.toml"

    def suite(self, **settings):
        return resolute.Suite(self.file, self.store, set={"trials": 1, **settings})

    def scores_are_those_of_rank(self, protocol):
        """The features of each evaluation by this protocol give its metrics and its queries' numbers."""
        seen = 0
        for path in self.store.glob("jobs/*/*/spec.json"):
            job = json.loads(path.read_text())
            if job["kind"] != "evaluation" or job["protocol"]["name"] != protocol:
                continue
            with h5py.File(path.parent / "features.h5") as file:
                arrays = [file[f"{side}/{name}"][:] for name in ("features", "identities", "cameras") for side in ("query", "gallery")]
            given = {name: job["protocol"][name] for name in ("draws", "shots") if name in job["protocol"]}
            scores = resolute.rank(*arrays, protocol=protocol, seed=job["split"]["seed"], **given)
            metrics = json.loads((path.parent / "result.json").read_text())["metrics"]
            expected = {**{f"rank{k}": scores.rank(k) for k in (1, 5, 10, 20)}, "mAP": scores.mAP, "mINP": scores.mINP,
                        "map_single": scores.map_single, "chance_mAP": scores.chance_mAP, "queries": scores.queries}
            self.assertEqual(expected, {name: metrics[name] for name in expected})
            ranks = (1,) if protocol == "single-shot" else (1, 5, 10, 20)
            self.assertEqual([metrics[f"chance_rank{k}"] for k in ranks], list(scores.chance_cmc[:len(ranks)]))
            lines = csv.DictReader((path.parent / "queries.csv").read_text().splitlines())
            self.assertEqual([[float(line[f"rank{k}"]) for k in (1, 5, 10, 20)] for line in lines], scores.shares.tolist())
            seen += 1
        self.assertEqual(4, seen)

    def test_a_value_that_looks_like_an_option_is_a_value(self):
        refused(self, lambda: self.suite().run(only="--help"), "'--help' names no row")
        refused(self, lambda: self.suite().text("--help"), "format '--help' is unknown")
        refused(self, lambda: resolute.Suite("--help", self.store).text(), "./--help")
        refused(self, lambda: resolute.Suite(self.file, self.store, profile="--json").plan(), "no such profile")
        refused(self, lambda: resolute.ingest("--help", self.folder, self.store), "./--help")
        refused(self, lambda: resolute.ingest("csv", "--help", self.store), "folder '--help' does not exist")

    def test_numbers_of_numpy_are_settings(self):
        refused(self, lambda: self.suite().plan(gpuz=numpy.True_), "unknown option '--gpuz'")
        self.assertEqual(self.suite().plan(jobs=True, gpus=2), self.suite().plan(jobs=numpy.True_, gpus=numpy.int64(2), cores=None))
        plain = self.suite(**{"train.steps": 25, "train.learning_rate": 0.5}).plan()
        self.assertEqual(plain, self.suite(**{"train.steps": numpy.int16(25), "train.learning_rate": numpy.float64(0.5)}).plan())

    def test_settings_are_written_as_toml_reads_them(self):
        from resolute.suites import _toml

        level = enum.IntEnum("Level", {"SECOND": 2})
        texts = ["", "1", "true", "[1]", "{a = 1}", "1e3", "inf", "2020-01-01", "gpu", "'a' \"b\" \\c # d", "\t\n\r\0\x1b\x7f",
                 "é\U0001f600\u2028"]
        for value in (*texts, texts, 1, -2**63, True, 0.1, 1e-5, 1e300, -0.0, float("inf"), [1, [2.5, "3"], []], level.SECOND):
            self.assertEqual(value, tomllib.loads(f"value = {_toml(value, 'key')}")["value"])
        for value, written in ((numpy.int8(3), "3"), (numpy.float64(0.1), "0.1"), (numpy.True_, "true"),
                               (numpy.array([[1], [2]]), "[[1], [2]]"), ((1, numpy.str_("1")), '[1, "1"]'), (level.SECOND, "2"),
                               (numpy.float32("nan"), "nan")):
            self.assertEqual(written, _toml(value, "key"))
        words = ["suite", "plan", self.file, "--store", self.store, "--set", "trials=1", "--set", "device=cpu", "--json"]
        self.assertEqual(json.loads(program(*words)), self.suite(device="cpu").plan())

    def test_words_of_the_program_that_are_no_text_stop_nothing(self):
        latin = os.fsdecode(os.fsencode(self.folder) + b"/caf\xe9")
        refused(self, lambda: resolute.Suite(f"{latin}.toml", self.store).plan(), "caf\\xe9.toml")
        with unittest.mock.patch.object(sys, "stderr", None):
            refused(self, lambda: resolute.Suite(f"{latin}.toml", self.store).plan(), "caf\\xe9.toml")

    def test_it_is_planned_run_and_read(self):
        suite = self.suite(**{"train.steps": 25})
        plan = suite.plan()
        self.assertEqual(json.loads(program("suite", "plan", self.file, "--store", self.store, "--set", "trials=1", "--set",
                                            "train.steps=25", "--json")), plan)
        self.assertIs(suite, suite.run(slots=2))
        rows = suite.rows()
        self.assertTrue(all(0 <= row["value"] <= 100 and row["trial"] == 0 for row in rows))
        self.assertEqual({"rank1", "rank5", "mAP"}, {row["metric"] for row in rows})
        self.assertEqual(len(rows), len({(row["table"], row["row"], row["dataset"], row["metric"]) for row in rows}))
        self.assertIn("Baseline", suite.text())
        self.assertIn("<td>Baseline (HR &amp; LR) ‡</td>", suite._repr_html_())
        self.assertIn(f"{len(plan['jobs'])} of {len(plan['jobs'])} jobs done<", suite._repr_html_())
        self.assertEqual(suite.text("csv"), program("suite", "table", self.file, "--store", self.store, "--set", "trials=1", "--set",
                                                    "train.steps=25", "--format", "csv"))
        self.assertEqual(len(plan["jobs"]), suite.status()["jobs"]["succeeded"])
        self.scores_are_those_of_rank("single-shot")
        self.suite(**{"train.steps": 25, "evaluate.protocol": "multi-shot", "evaluate.shots": 3, "evaluate.draws": 20}).run(slots=2)
        self.scores_are_those_of_rank("multi-shot")
        self.scores_are_those_of_the_worker_with_neighbours()
        self.draw(suite)

    def scores_are_those_of_the_worker_with_neighbours(self):
        """Query expansion, and re-ranking behind it, of the library as of resolute-worker."""
        for more in ({}, {"evaluate.re_ranking": True}):
            before = set(self.store.glob("jobs/*/*/result.json"))
            self.suite(**{"train.steps": 25, "evaluate.distance": "cosine", "evaluate.query_expansion": 4, **more}).run(slots=2)
            for path in set(self.store.glob("jobs/*/*/result.json")) - before:
                job = json.loads((path.parent / "spec.json").read_text())
                with h5py.File(path.parent / "features.h5") as file:
                    arrays = [file[f"{side}/{name}"][:] for name in ("features", "identities", "cameras") for side in ("query", "gallery")]
                metrics = json.loads(path.read_text())["metrics"]
                given, options = job["protocol"], {"seed": job["split"]["seed"], "max_rank": 20, "threads": 1}
                found = ranked(*arrays, given, **options)
                self.assertAlmostEqual(metrics["mAP"], found.mAP, delta=1e-6)
                self.assertAlmostEqual(metrics["rank1"], found.rank(1), delta=1e-6)
                plain = {key: value for key, value in given.items() if key != "query_expansion"}
                self.assertNotEqual(found.mAP, ranked(*arrays, plain, **options).mAP)

    def test_a_name_alone_is_that_of_a_suite_that_comes_with_resolute(self):
        for name, options in (("quickstart.toml", {}), ("rain.toml", {"profile": "smoke"}), ("msifla.toml", {"profile": "smoke"})):
            plans = [resolute.Suite(file, self.store, **options).plan() for file in (name, self.file.with_name(name))]
            self.assertEqual(*plans)
        for wrong in ("suites/rain.toml", "rain", "rain.tml", "../suites/rain.toml"):
            refused(self, lambda wrong=wrong: resolute.Suite(wrong, self.store).plan(), f"'{wrong}'")
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        Path("rain.toml").write_text(self.file.read_text().replace("[defaults]", "[defaults]\ntrials = 7", 1))
        refused(self, lambda: resolute.Suite("rain.toml", self.store).plan(), "rain.toml:", "trials")

    @needs_matplotlib
    def draw(self, suite):
        numbers = {one["id"]: one for one in suite.figure_numbers()}
        self.assertLessEqual({"bars", "lines", "points"}, {one["kind"] for one in numbers.values()})
        figures = suite.figures("two-columns")
        self.assertEqual(list(numbers), list(figures))
        curve = numbers["levels-synthetic-cmc"]["series"][0]
        self.assertEqual(curve["y"], list(figures["levels-synthetic-cmc"].axes[0].lines[0].get_ydata()))
        words = [sys.executable, "-m", "resolute", "figures", self.file, "--store", self.store, "--set", "trials=1", "--set",
                 "train.steps=25", "--out", self.folder / "figures"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
        made, again = (subprocess.run(words, check=False, capture_output=True, text=True, env=environment) for _ in range(2))
        self.assertEqual((f"{self.folder}/figures: {len(numbers)} figures as SVG and PDF, for one column and two\n", ""),
                         (made.stdout, made.stderr))
        self.assertTrue((self.folder / "figures/one-column/levels-synthetic-cmc.pdf").exists())
        self.assertEqual(2, again.returncode)
        self.assertRegex(again.stderr, "^resolute: .*/figures' is there already")

    def test_a_notebook_sees_progress_and_claims_as_text_whatever_their_letters(self):
        from resolute.suites import _html

        self.assertRegex(self.suite()._repr_html_(), r'^<p><progress max="\d+" value="0"></progress> 0 of \d+ jobs done</p>$')
        self.store.mkdir()
        markdown = program("suite", "table", self.file.with_name("rain.toml"), "--store", self.store, "--profile", "smoke",
                           "--with-references")
        page = _html(markdown)
        self.assertIn("<li>Stated in the text: 2 orders: 2 open</li>", page)
        self.assertIn(": Baseline (train on HR) &lt; Baseline (train on HR &amp; LR) &lt; RAIN (single-level): open: …, …</li>", page)
        self.assertEqual(sum(line.startswith("| RAIN (multi-level) ") for line in markdown.splitlines()),
                         page.count("<td>RAIN (multi-level)</td>"))
        hostile = r"<b>a|b</b> *c* `d` & \ e" + "\""
        suite = self.folder / "hostile.toml"
        suite.write_text(self.file.read_text().replace('label = "Baseline (HR)"', f"label = '{hostile}'"))
        page = _html(program("suite", "table", suite, "--store", self.store))
        self.assertIn("<td>&lt;b&gt;a|b&lt;/b&gt; *c* `d` &amp; \\ e&quot;</td>", page)

    def test_a_store_is_given_or_named_by_the_variable(self):
        with unittest.mock.patch.dict(os.environ, RESOLUTE_STORE=str(self.store)):
            self.assertEqual(self.store, resolute.Suite("rain.toml").store)
            self.assertEqual(Path.cwd() / "other", resolute.Suite("rain.toml", "other").store)
            self.assertEqual(Path(self.file), resolute.Suite(os.path.relpath(self.file)).file, "a script may leave its working folder")
            self.assertEqual(self.suite().plan(), resolute.Suite("quickstart.toml", set={"trials": 1}).plan())
        for named in (None, ""):
            with unittest.mock.patch.dict(os.environ):
                os.environ.pop("RESOLUTE_STORE", None)
                if named is not None:
                    os.environ["RESOLUTE_STORE"] = named
                for given in ((), (None,), ("",)):
                    refused(self, lambda given=given: resolute.Suite("rain.toml", *given), "no store is given", "RESOLUTE_STORE")
        for bad in ("trials=1", ["trials=1"], 1):
            refused(self, lambda bad=bad: resolute.Suite("rain.toml", self.store, set=bad), "'set' is")
        for file in ("", "/", "\0.toml", "x" * 300):
            refused(self, lambda file=file: resolute.Suite(file, self.store).plan())
        refused(self, lambda: self.suite().plan(stand_ins="a\0b"), "null byte")

    def test_without_matplotlib_a_figure_is_refused_in_words(self):
        from resolute.figures import draw

        with unittest.mock.patch.dict(sys.modules, matplotlib=None):
            refused(self, lambda: draw({}), "matplotlib is missing", "install it")

    def test_mistakes_come_with_the_programs_words(self):
        refused(self, lambda: self.suite(**{"train.stepz": 3}).plan(), "train.stepz")
        refused(self, lambda: resolute.Suite(self.folder / "no.toml", self.store).plan(), "no.toml")
        refused(self, lambda: self.suite().plan(gpuz=3), "--gpuz")
        for bad in (object(), None, {"a": 1}, b"1", [1, None], numpy.datetime64("2020-01-01"), numpy.longdouble(1), 1j):
            refused(self, lambda bad=bad: self.suite(trials=bad), "the setting 'trials' is")
        for key, text in (("train.steps", "25"), ("trials", "1"), ("train.learning_rate", "0.5"), ("evaluate.re_ranking", "true")):
            refused(self, lambda key=key, text=text: self.suite(**{key: text}).plan(), key)
        for bad in (float("inf"), numpy.float32("nan")):
            refused(self, lambda bad=bad: self.suite(**{"train.learning_rate": bad}).plan(), "train.learning_rate")

    def test_an_error_is_told_once_whatever_call_runs_the_program(self):
        missing, file = self.folder / "missing", self.folder / "file"
        file.write_text("no store\n")
        for call, words in ((f"ingest('market1501', {str(missing)!r}, {str(self.store)!r}, progress=True)", f"folder '{missing}' does not"),
                            (f"Suite({str(missing)!r}, {str(self.store)!r}).plan()", f"cannot open '{missing}'"),
                            (f"Suite({str(self.file)!r}, {str(file)!r}).run(slots=1)", f"store '{file}' is no folder")):
            code = f"import sys; sys.path.insert(0, {str(BUILD / 'python')!r})\nimport resolute\nresolute.{call}\n"
            ended = subprocess.run(["/usr/bin/python3", "-c", code], check=False, capture_output=True, text=True)
            self.assertEqual((1, 1), (ended.returncode, ended.stderr.count(words)), ended.stderr)
            self.assertTrue(ended.stderr.splitlines()[-1].startswith(f"resolute.errors.InputError: {words}"), ended.stderr)

    def test_an_interrupted_run_goes_on(self):
        code = f"""
import sys; sys.path.insert(0, {str(BUILD / "python")!r})
import resolute
resolute.Suite({str(self.file)!r}, {str(self.store)!r}, set={{"trials": 1, "train.steps": 2000}}).run(slots=1)
"""
        child = subprocess.Popen(["/usr/bin/python3", "-c", code], stderr=subprocess.PIPE, text=True)
        for line in child.stderr:
            if "done" in line:
                break
        time.sleep(2)
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
        child.stderr.close()
        self.assertNotEqual(0, child.wait(timeout=300))
        self.assertIn("KeyboardInterrupt", said)
        self.assertEqual(1, said.count(" jobs done before, "))  # the program's last words
        self.assertEqual(0, self.suite(**{"train.steps": 2000}).status()["jobs"]["running"])
        self.assertTrue(list(self.store.glob("**/checkpoint*")))


if __name__ == "__main__":
    unittest.main()
