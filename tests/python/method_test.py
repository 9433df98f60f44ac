"""A method in Python is a row of a table: killed, stopped and resumed it leaves the same bytes; what is wrong with it is said in one
line. The method is the example's, with draws of all generators in its loss."""

import json
import os
import shutil
import signal
import subprocess
import typing
import unittest
from pathlib import Path

from package import SOURCE, MethodTest, left_in, program, wait_until

EXAMPLE = (SOURCE / "experiments/examples/external_worker.py").read_text()
NOISY = EXAMPLE + """
import random
import numpy

class Noisy(Convolutions):
    def network(self, classes):
        module = super().network(classes)
        module.register_buffer("steps", torch.zeros(()), persistent=False)
        self.scale = 1 + torch.rand(()) / 100
        return module

    def losses(self, batch):
        terms = super().losses(batch)
        self.module.steps += 1
        drawn = float(torch.rand(())) + numpy.random.rand() + random.random() + float(self.module.steps) / 100000
        return {**terms, "noise": terms["classification"] * drawn}

    def embed(self, images, rates):
        features = super().embed(images.mul_(self.scale), rates)
        return features + features.std() * (torch.rand(()) + random.random()) / 10000

if __name__ == "__main__":
    resolute.work(Noisy)
"""
WRONG = EXAMPLE + """
class Wrong(Convolutions):
    def losses(self, batch):
        if self.options.width == 16:
            return {"classification": self.module["classifier"].weight.sum() * float("nan")}
        raise ZeroDivisionError("as the test wants")

if __name__ == "__main__":
    resolute.work(Wrong)
"""
SUITE = """suite = "mine"
title = "A method of mine"
[[method]]
id = "mine"
python = "noisy.py"
[defaults]
method = "mine"
mine.width = 8
trials = 1
height = 64
width = 32
backbone = "resnet-small"
train = { steps = 200, identities = 4, images = 2, erasing = 0.5, warmup_steps = 10, gradient_clip = 1.0 }
evaluate = { draws = 5 }
[[dataset]]
id = "people"
source = "synthetic"
identities = 12
image_height = 64
image_width = 32
shards = 1
[[table]]
id = "main"
title = "Mine"
metrics = ["rank1", "mAP", "mINP"]
datasets = ["people"]
row = [{ id = "mine", label = "Mine" }]
"""


class AMethod(MethodTest):
    FILES: typing.ClassVar = {"noisy.py": NOISY, "wrong.py": WRONG, "mine.toml": SUITE}

    def worker(self, store, *options, file="noisy.py"):
        """The worker by itself, for the calm store's training; with options the file's own."""
        began = ["python", file, *options] if options else ["python", "-m", "resolute", "work", file]
        return [*began, "run", "--store", store, "--job", self.training, "--checkpoint-every", "5"]

    def ended(self, command):
        ended = subprocess.run(command, **self.surroundings(), check=False)
        return ended.returncode, ended.stderr.splitlines()

    def test_the_guide_shows_the_example(self):
        self.assertIn("```python\n" + EXAMPLE.split('"""\n\n', 1)[1] + "```\n", (SOURCE / "docs/own_method.md").read_text())
        self.assertLess(len(EXAMPLE.splitlines()), 61)

    def test_its_row_is_made_of_exact_scores(self):
        made = subprocess.run(self.suite("table", self.calm, "--json"), **self.surroundings(), check=True)
        table = json.loads(made.stdout)
        self.assertTrue(table["complete"])
        rank1 = table["tables"][0]["rows"][0]["cells"][0]
        self.assertGreater(rank1["mean"], rank1["chance"])
        folder = self.calm / "jobs" / self.evaluation[:2] / self.evaluation
        result = json.loads((folder / "result.json").read_text())
        ranked = json.loads(program("rank", folder / "features.h5", "--json"))
        self.assertEqual((ranked["map"], ranked["minp"]), (result["metrics"]["mAP"], result["metrics"]["mINP"]))
        self.assertRegex(result["provenance"]["numeric_class"], r"^noisy 1, width 8, source [0-9a-f]{16}, torch 2\S+, [\w+]+, threads 1$")

    def test_killed_in_the_middle_the_suite_ends_with_the_same_bytes(self):
        store = self.folder / "killed"
        run = subprocess.Popen(self.suite("run", store, "--slots", "1", "--checkpoint-every", "5"), **self.surroundings())
        training = store / "jobs" / self.training[:2] / self.training
        wait_until(lambda: list(training.glob("checkpoints/step-*.pt")))
        workers = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
                   if all(word in path.read_bytes().decode(errors="replace").split("\0")
                          for word in (str(self.folder / "noisy.py"), str(store), self.training))]
        self.assertEqual(1, len(workers))
        os.kill(workers[0], signal.SIGKILL)
        _, errors = run.communicate()
        self.assertEqual(0, run.returncode, errors)
        first = json.loads((training / "attempt-002-metrics.jsonl").read_text().splitlines()[0])
        self.assertGreater(first["step"], 5)
        self.assertGreater(200, first["step"])
        self.assertEqual(left_in(self.calm), left_in(store))

    def test_stopped_it_leaves_a_checkpoint_of_its_last_step(self):
        store, training = self.untrained("stopped")
        reader, writer = os.pipe()
        worker = subprocess.Popen([*self.worker(store), "--progress-fd", str(writer)], pass_fds=[writer],
                                  **self.surroundings())
        os.close(writer)
        wait_until(lambda: list(training.glob("checkpoints/step-*.pt")))
        worker.send_signal(signal.SIGTERM)
        _, errors = worker.communicate()
        self.assertEqual(75, worker.returncode, errors)
        self.assertRegex(errors, r"^noisy: stopped after step \d+\n$")
        step = int(errors.split()[-1])
        newest = max(training.glob("checkpoints/step-*.pt"))
        self.assertTrue(newest.name.startswith(f"step-{step:09}-"))
        with os.fdopen(reader) as pipe:
            lines = [json.loads(line) for line in pipe]
        self.assertEqual({"checkpoint": step}, lines[-1])
        self.assertEqual(200, next(line["steps"] for line in lines if "steps" in line))

    def test_a_wrong_option_is_told_in_one_line(self):
        store, _ = self.untrained("wrong-options")
        self.assertEqual((2, ["noisy: width is 9 (it is a multiple of 8)"]), self.ended(self.worker(store, "--width", "9")))

    def test_a_wrong_option_of_a_suite_is_told_with_both_lines_before_anything_runs(self):
        for wrong, words in (("mine.widht = 8", "did you mean 'mine.width'"),
                             ("mine.width = 8.5", "(an integer is needed); see noisy.py:16")):
            (self.folder / "typo.toml").write_text(SUITE.replace("mine.width = 8", wrong))
            code, lines = self.ended(self.suite("plan", self.folder / "none", file="typo.toml"))
            self.assertEqual((2, 1), (code, len(lines)), lines)
            self.assertRegex(lines[0], r"^resolute: typo\.toml:8:6: key '")
            self.assertIn(words, lines[0])

    def test_an_edited_file_gives_new_jobs_and_runs_none_of_the_old(self):
        store, _ = self.untrained("edited")
        (self.folder / "edited.py").write_text(NOISY + "# edited\n")
        code, lines = self.ended(self.worker(store, file="edited.py"))
        self.assertEqual((2, 1), (code, len(lines)), lines)
        self.assertRegex(lines[0], r"^resolute: the job's method is not here \(SHA-256 [0-9a-f]{12}…; edited or .*: edited\.py\)")

        def jobs(file):
            made = subprocess.run(self.suite("plan", store, "--json", file=file), **self.surroundings(), check=True)
            return {job["id"] for job in json.loads(made.stdout)["jobs"]}

        (self.folder / "edited.toml").write_text(SUITE.replace("noisy.py", "edited.py"))
        self.assertEqual(2, len(jobs("edited.toml") - jobs("mine.toml")))
        self.assertNotIn(self.training, jobs("edited.toml"))

    def test_a_bundle_s_tables_need_no_file_of_the_method(self):
        bundle = self.folder / "mine.zip"
        subprocess.run(self.suite("bundle", self.calm, "--out", bundle), **self.surroundings(), check=True)
        shutil.unpack_archive(bundle, self.folder / "unpacked")
        tables = [subprocess.run(self.suite("table", store, file=file), **self.surroundings(), check=True).stdout
                  for file, store in (("mine.toml", self.calm), ("unpacked/mine/suite.toml", "unpacked/mine/store"))]
        self.assertEqual(*tables)

    def test_rows_of_ours_stand_beside_it(self):
        (self.folder / "both.toml").write_text(SUITE.replace("steps = 200", "steps = 20").rsplit("row = ", 1)[0] +
                                               'row = [{ id = "mine", label = "Mine" }, '
                                               '{ id = "ours", label = "Ours", method = "baseline" }]\n')
        code, lines = self.ended(self.suite("run", self.folder / "both", "--slots", "1", file="both.toml"))
        self.assertEqual(0, code, lines)
        results = [json.loads(path.read_text()) for path in (self.folder / "both").glob("jobs/*/*/result.json")]
        classes = [result["provenance"]["numeric_class"] for result in results if "metrics" in result]
        self.assertEqual([False, False, True, True], sorted(name.startswith("noisy 1, width 8, ") for name in classes))

    def test_what_a_method_raises_is_the_evidence(self):
        store, _ = self.untrained("raising")
        self.assertEqual((2, ["wrong: the loss 'classification' is nan in step 1, lane 0"]),
                         self.ended(self.worker(store, "--width", "16", file="wrong.py")))
        left, = store.glob("jobs/*/*/diverged.txt")  # searches pass over such a point
        self.assertEqual((self.training, "the loss 'classification' is nan in step 1, lane 0\n"), (left.parent.name, left.read_text()))
        (self.folder / "wrong.toml").write_text(SUITE.replace("noisy.py", "wrong.py").replace('"mine"', '"wrong"', 1))
        code, lines = self.ended(self.suite("run", store, "--slots", "1", file="wrong.toml"))
        self.assertEqual(3, code, lines)
        self.assertIn("ZeroDivisionError: as the test wants", "\n".join(lines))
        log, = store.glob("jobs/*/*/attempt-001-stderr")  # one attempt: the same again would end the same way
        self.assertIn("wrong.py", log.read_text())
        self.assertFalse(list(store.glob("jobs/*/*/attempt-002-stderr")))

    def test_a_method_that_reads_every_label_gets_no_share_of_them(self):
        store, _ = self.untrained("unlabelled")
        (self.folder / "unlabelled.toml").write_text(
            SUITE.replace("steps = 200", "steps = 200, labelled_fraction = 0.5").replace('"mine"', '"unlabelled"', 1))
        code, lines = self.ended(self.suite("run", store, "--slots", "1", file="unlabelled.toml"))
        self.assertEqual(3, code, lines)
        self.assertIn("(losses() of Noisy reads every label); let it heed batch.has_label", "\n".join(lines))

    def test_files_beside_the_method_take_no_package_s_place(self):
        store, _ = self.untrained("shadowed")
        folder = self.folder / "beside"
        folder.mkdir()
        shutil.copy(self.folder / "noisy.py", folder)
        for name in ("h5py", "safetensors", "sympy"):  # the working folder's too
            (folder / f"{name}.py").write_text("raise RuntimeError('of the folder')\n")
        words = ["python", "-m", "resolute", "work", "noisy.py", "run", "--store", store]
        surroundings = {**self.surroundings(), "cwd": folder}
        for job in (self.training, self.evaluation):
            ended = subprocess.run([*words, "--job", job], **surroundings, check=False)
            self.assertEqual((0, ""), (ended.returncode, ended.stderr))
        self.assertEqual(left_in(self.calm), left_in(store))
        (folder / "numpy.py").write_text("")
        (store / "jobs" / self.training[:2] / self.training / "result.json").unlink()
        ended = subprocess.run([*words, "--job", self.training], **surroundings, check=False)
        self.assertEqual(2, ended.returncode)
        self.assertRegex(ended.stderr, rf"^noisy: noisy\.py:\d+: 'numpy' stands for two modules \({folder}/numpy\.py and \S+\); rename the "
                                       r"first\n$")

    def test_what_a_library_raises_may_pass_unless_it_is_of_a_kind_that_python_has(self):
        for code, errors in {1: ("queue.Empty", "struct.error", "pickle.UnpicklingError", "urllib.error.URLError"),
                             2: ("binascii.Error", "xml.etree.ElementTree.ParseError", "resolute.errors.CorruptError")}.items():
            for error in errors:
                raised = (f"import {error.rpartition('.')[0]}, resolute.worker\n"
                          f"resolute.worker._end('mine', {error}('away'))")
                ended, lines = self.ended(["python", "-c", raised])
                self.assertEqual(code, ended, (error, lines))

    def test_a_missing_package_is_the_evidence(self):
        store, _ = self.untrained("lacking")
        (self.folder / "lacking.py").write_text(NOISY.replace("import torch\n", "import torch\nimport not_there\n", 1))
        (self.folder / "lacking.toml").write_text(SUITE.replace("noisy.py", "lacking.py").replace('"mine"', '"lacking"', 1))
        code, lines = self.ended(self.suite("run", store, "--slots", "1", file="lacking.toml"))
        self.assertEqual(3, code, lines)
        self.assertRegex("\n".join(lines), r"/lacking\.py:\d+: a Python package is missing in \S+ \(No module named 'not_there'\); install "
                                           "it, or name another Python by RESOLUTE_PYTHON")


if __name__ == "__main__":
    unittest.main()
