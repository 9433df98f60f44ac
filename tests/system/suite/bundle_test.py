"""What `resolute suite bundle` writes, by a reader made from docs/inside/formats/suite_bundle.md, and tables made again from it.

Usage: bundle_test.py RESOLUTE
"""
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
SUITE = ROOT / "tests/system/tiny.toml"
PROGRAM = pathlib.Path(sys.argv.pop()).resolve()


def run(*words, **options):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300, check=False, **options)


def succeeded(*words, **options):
    answer = run(*words, **options)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def contents(path):
    """What bundle.json says, and the other files by path; everything that the page promises is held against the bytes."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        first, *names = archive.namelist()
        folder = first.removesuffix("bundle.json")
        index = json.loads(archive.read(first))
        assert (folder, index["schema"]) == (index["suite"] + "/", 1)
        assert names == [folder + file["path"] for file in index["files"]]
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        files = {file["path"]: archive.read(folder + file["path"]) for file in index["files"]}
    for file in index["files"]:
        data = files[file["path"]]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"]), file
    return index, files


class Bundles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.scratch.name)
        shared = os.environ.get("RESOLUTE_UNDISTURBED_STORE")
        cls.store = cls.out / "store"
        if shared:
            shutil.copytree(shared, cls.store)
        else:
            succeeded("suite", "run", SUITE, "--store", cls.store, "--slots", 2)
        cls.said = succeeded("suite", "bundle", SUITE, "--store", cls.store, "--out", cls.out / "tiny.zip")
        cls.index, cls.files = contents(cls.out / "tiny.zip")
        with zipfile.ZipFile(cls.out / "tiny.zip") as archive:
            archive.extractall(cls.out / "unpacked")
        cls.unpacked = cls.out / "unpacked/tiny"

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def bundle(self, name, *words, store=None, **options):
        return run("suite", "bundle", SUITE, "--store", store or self.store, "--out", self.out / name, *words, **options)

    def refused(self, answer, part, code=2):
        self.assertEqual((answer.returncode, answer.stdout), (code, ""), answer.stderr)
        self.assertRegex(answer.stderr, rf"\Aresolute: .*{part}.*\n\Z")

    def elsewhere(self, *words):
        """As on another machine: from inside the unpacked folder, with nothing but the bundle."""
        return succeeded("suite", *words, "suite.toml", "--store", "store", cwd=self.unpacked,
                         env={"PATH": "/usr/bin:/bin", "RESOLUTE_DATA_DIR": "."})

    def here(self, *words):
        return succeeded("suite", *words, SUITE, "--store", self.store)

    def test_it_holds_what_its_page_says(self):
        self.assertEqual((self.index["suite"], self.index["complete"], self.index["jobs"], self.index["arguments"]),
                         ("tiny", True, {"all": 11, "done": 11}, []))
        self.assertEqual(self.files["suite.toml"], SUITE.read_bytes())
        self.assertEqual(self.files["reference/papers.toml"], (ROOT / "experiments/reference/papers.toml").read_bytes())
        for name, data in self.files.items():
            if name.startswith("store/"):
                self.assertEqual(data, (self.store / name.removeprefix("store/")).read_bytes(), name)
        for name in ("all.md", "all.csv", "all.tex", "tables.json"):
            self.assertEqual(self.files[f"tables/{name}"], (self.store / "suites/tiny/tables" / name).read_bytes())
        held = set()
        for job in sorted((self.store / "jobs").glob("*/*")):
            result = json.loads((job / "result.json").read_text(encoding="utf-8"))
            names = {"result.json", "spec.json", *result.get("outputs", {})}
            names |= {"features.h5"} if "features_sha256" in result else set()
            names |= {path.name for path in job.glob("attempt-*-metrics.jsonl")}
            held |= {f"store/jobs/{job.parent.name}/{job.name}/{name}" for name in names}
        self.assertEqual({name for name in self.files if name.startswith("store/jobs/")}, held)
        pack, = (self.store / "packs").iterdir()
        self.assertEqual({name for name in self.files if name.startswith("store/packs/")},
                         {f"store/packs/{pack.name}/{name}" for name in ("pack.json", "manifest.json")})
        self.assertEqual(re.sub(r", [\d.]+ MiB;", ",", self.said),
                         f"{self.out}/tiny.zip: {len(self.files) + 1} files, 11 of 11 jobs are done\n")

    def test_the_tables_come_out_byte_for_byte_without_the_store(self):
        for words in (["table"], *(["table", "--format", form] for form in ("csv", "json", "latex", "provenance"))):
            self.assertEqual(self.elsewhere(*words), self.here(*words), words)
        self.assertEqual(self.elsewhere("compare", "suite.toml"), self.here("compare", SUITE))
        self.assertEqual(self.elsewhere("table").encode(), self.files["tables/all.md"])
        told = json.loads(self.elsewhere("table", "--format", "provenance"))
        self.assertEqual(told, json.loads(self.files["tables/provenance.json"]))
        command, = re.findall(r"^    (RESOLUTE_DATA_DIR=.*)$", self.files["README.md"].decode(), re.MULTILINE)
        again = subprocess.run(["sh", "-c", command], cwd=self.unpacked, capture_output=True, check=True,
                               env={"PATH": f"{PROGRAM.parent}:/usr/bin:/bin"}).stdout
        self.assertEqual(again, self.files["tables/all.md"])

    def test_a_check_of_it_misses_only_what_came_with_it(self):
        folder = self.out / "checked"
        self.assertEqual(self.bundle("lean.zip", "--without-features").returncode, 0)
        with zipfile.ZipFile(self.out / "lean.zip") as archive:
            archive.extractall(folder)
        self.assertIn(": intact, ", succeeded("store", "check", folder / "tiny/store"))
        for lost in ("queries.csv", "manifest.json", "pack.json"):
            path = next((folder / "tiny/store").rglob(lost))
            data = path.read_bytes()
            path.unlink()
            answer = run("store", "check", folder / "tiny/store")
            self.assertEqual(answer.returncode, 2, lost)
            self.assertIn(f"{path.name}: ", answer.stdout)
            path.write_bytes(data)

    def test_exports_of_it_have_the_same_bytes(self):
        self.elsewhere("export", "--csv", self.out / "there", "--sqlite", self.out / "there.sqlite")
        self.here("export", "--csv", self.out / "here", "--sqlite", self.out / "here.sqlite")
        for name in sorted(path.name for path in (self.out / "here").iterdir()):
            self.assertEqual((self.out / "there" / name).read_bytes(), (self.out / "here" / name).read_bytes(), name)
        self.assertEqual((self.out / "there.sqlite").read_bytes(), (self.out / "here.sqlite").read_bytes())

    def test_the_report_made_from_it_is_the_stores_without_a_timeline(self):
        there, here = (json.loads(made("report", "--json")) for made in (self.elsewhere, self.here))
        self.elsewhere("report", "--out", self.out / "there.html")
        page = (self.out / "there.html").read_text(encoding="utf-8")
        self.assertEqual(json.loads(re.search(r'<script [^>]*id="report">(.*?)</script>', page, re.DOTALL)[1]), there)
        self.assertGreaterEqual(len(here["timeline"]["attempts"]), here["status"]["jobs"][0]["all"])
        self.assertEqual(there["timeline"], {"nodes": [], "runs": [], "attempts": [], "last": 0})
        del here["timeline"], there["timeline"]
        for key in ("seconds", "processor_seconds", "gpu_seconds", "node_seconds", "allocated_gpu_seconds", "gpu_use"):  # by it
            self.assertIsNotNone(here["status"].pop(key))
            self.assertIsNone(there["status"].pop(key))
        self.assertGreaterEqual(len(here["figures"]), 5)
        self.assertEqual(there, here)

    def test_the_same_store_has_the_same_bytes_compacted_or_not(self):
        first = (self.out / "tiny.zip").read_bytes()
        self.assertEqual(self.bundle("again.zip").returncode, 0)
        self.assertEqual((self.out / "again.zip").read_bytes(), first)
        compacted = self.out / "compacted"
        shutil.copytree(self.store, compacted)
        succeeded("suite", "compact", SUITE, "--store", compacted)
        self.assertEqual(list(compacted.glob("jobs/*/*/attempt-*")), [])
        self.assertEqual(self.bundle("compacted.zip", store=compacted).returncode, 0)
        self.assertEqual((self.out / "compacted.zip").read_bytes(), first)

    def test_features_may_be_left_out_and_tables_need_none(self):
        told = json.loads(self.bundle("small.zip", "--without-features", "--json").stdout)
        index, files = contents(self.out / "small.zip")
        self.assertEqual((told["files"], told["bytes"] - sum(map(len, files.values()))),
                         (len(files) + 1, len(json.dumps(index, sort_keys=True, separators=(",", ":"))) + 1))
        self.assertEqual(set(self.files) - set(files), {name for name in self.files if name.endswith("/features.h5")})

    def test_its_arguments_are_kept(self):
        self.assertEqual(self.bundle("set.zip", "--set", "evaluate.draws=5", "--from-scratch").returncode, 0)
        index, files = contents(self.out / "set.zip")
        self.assertEqual(index["arguments"], ["--set", "evaluate.draws=5", "--from-scratch"])
        self.assertIn(b"--store store --set evaluate.draws=5 --from-scratch\n", files["README.md"])
        with zipfile.ZipFile(self.out / "set.zip") as archive:
            archive.extractall(self.out / "set")
        for command in ("table", "report", "status"):
            there = run("suite", command, "suite.toml", "--store", "store", cwd=self.out / "set/tiny")
            self.assertIn("--set evaluate.draws=5 --from-scratch", there.stderr + there.stdout, command)
            if command == "table":
                self.assertEqual(there.stdout.encode(), files["tables/all.md"])

    def test_no_collection_of_it_takes_the_results(self):
        for path in (self.unpacked / "store").rglob("*"):
            os.utime(path, (1, 1))
        self.assertEqual(json.loads(succeeded("store", "gc", "store", "--yes", "--json", cwd=self.unpacked))["items"], [])
        self.assertEqual(self.elsewhere("table").encode(), self.files["tables/all.md"])

    def test_names_of_weights_that_the_suite_uses_are_in_it(self):
        store = self.out / "weights"
        shutil.copytree(self.store, store)
        (store / "weights").mkdir()
        for name in ("mine", "others"):
            text = json.dumps({"sha256": hashlib.sha256(name.encode()).hexdigest(), "backbone": "resnet50", "source": "x.pth",
                               "source_sha256": "0" * 64})
            (store / "weights" / f"{name}.json").write_text(text, encoding="utf-8")
        words = ["--set", "weights=mine", "--set", "backbone=resnet50"]
        self.assertRegex(self.bundle("mine.zip", *words, store=store).stdout, "3 of 11 jobs are done")
        _, files = contents(self.out / "mine.zip")
        self.assertEqual([name for name in files if "/weights/" in name], ["store/weights/mine.json"])
        with zipfile.ZipFile(self.out / "mine.zip") as archive:
            archive.extractall(self.out / "mine")
        there = succeeded("suite", "table", "suite.toml", "--store", "store", *words, cwd=self.out / "mine/tiny")
        self.assertEqual(there, succeeded("suite", "table", SUITE, "--store", store, *words))
        self.assertEqual(there.encode(), files["tables/all.md"])

    def test_a_suite_that_is_half_done_is_bundled_as_far_as_it_is(self):
        half = self.out / "half"
        shutil.copytree(self.store, half)
        evaluation = next(path.parent for path in half.glob("jobs/*/*/queries.csv"))
        (evaluation / "result.json").unlink()
        self.assertRegex(self.bundle("half.zip", store=half).stdout, "10 of 11 jobs are done; its tables are not complete\n$")
        index, files = contents(self.out / "half.zip")
        self.assertEqual((index["complete"], index["jobs"]), (False, {"all": 11, "done": 10}))
        self.assertFalse([name for name in files if evaluation.name in name])
        self.assertEqual(files["tables/all.md"].decode(), succeeded("suite", "table", SUITE, "--store", half))

    def test_outputs_that_are_not_the_results_own_are_refused(self):
        sick = self.out / "sick"
        shutil.copytree(self.store, sick)
        for name in ("features.h5", "queries.csv"):
            path = next(sick.glob(f"jobs/*/*/{name}"))
            good = path.read_bytes()
            path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
            self.refused(self.bundle("sick.zip", store=sick), f"{name}' does not have the bytes that the store recorded")
            path.unlink()
            self.refused(self.bundle("sick.zip", store=sick), f"{name}' is missing")
            path.write_bytes(good)
        self.assertEqual([path.name for path in self.out.iterdir() if "sick." in path.name], [])

    def test_what_cannot_be_written_is_refused_and_leaves_nothing(self):
        self.refused(self.bundle("tiny.zip"), "is there already")
        self.refused(self.bundle("none/x.zip"), "there is no folder")
        self.refused(self.bundle("x.zip", store=self.out / "none"), "there is no store")
        self.refused(run("suite", "bundle", SUITE, "--store", self.store), "option --out is missing")
        empty = self.out / "empty"
        empty.mkdir()
        self.refused(self.bundle("x.zip", store=empty), "no job of suite 'tiny' is done")

        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

        answer = self.bundle("full.zip", preexec_fn=small_files)
        self.assertEqual((answer.returncode != 0, answer.stdout), (True, ""))
        self.assertRegex(answer.stderr, r"\Aresolute: cannot write '.*'.*\n\Z")
        self.assertEqual([path.name for path in self.out.iterdir() if "x.zip" in path.name or "full" in path.name], [])


class InEpochs(unittest.TestCase):
    def test_training_images_are_counted_by_the_manifest(self):
        with tempfile.TemporaryDirectory() as scratch:
            out = pathlib.Path(scratch)
            # Not drawn by the program: the pack alone knows its images.
            succeeded("data", "synth", "--layout", "market1501", "--out", out / "raw", "--identities", 8, "--cameras", 2,
                      "--images-per-camera", 2, "--height", 32, "--width", 16)
            suite = out / "epochs.toml"
            suite.write_text('suite = "epochs"\ntitle = "In epochs"\n[defaults]\nmethod = "baseline"\n'
                             'backbone = "resnet-small"\nnetwork.last_stride = 2\nheight = 32\nwidth = 16\n'
                             'train = { identities = 2, images = 2, pad = 0, epochs = 1 }\n'
                             '[[dataset]]\nid = "people"\nsource = "market1501"\nroot = "raw"\n'
                             '[[table]]\nid = "t"\ntitle = "T"\nmetrics = ["rank1"]\ndatasets = ["people"]\n'
                             '[[table.row]]\nid = "r"\nlabel = "R"\n', encoding="utf-8")
            plan = json.loads(succeeded("suite", "plan", suite, "--store", out / "store", "--json"))
            seal, = (job["id"] for job in plan["jobs"] if job["kind"] == "seal")
            succeeded("suite", "run", suite, "--store", out / "store", "--only", seal)
            succeeded("suite", "bundle", suite, "--store", out / "store", "--out", out / "epochs.zip")
            here = succeeded("suite", "table", suite, "--store", out / "store")
            with zipfile.ZipFile(out / "epochs.zip") as archive:
                archive.extractall(out / "elsewhere")
            there = out / "elsewhere/epochs"
            self.assertEqual(list(there.rglob("*.h5")), [])
            self.assertEqual(succeeded("suite", "table", "suite.toml", "--store", "store", cwd=there), here)
            manifest, = there.glob("store/packs/*/manifest.json")
            manifest.write_text(manifest.read_text(encoding="utf-8").replace("0001_c1", "0001_c9"), encoding="utf-8")
            answer = run("suite", "table", "suite.toml", "--store", "store", cwd=there)
            self.assertEqual(answer.returncode, 2)
            self.assertIn("pack.json holds its SHA-256", answer.stderr)


if __name__ == "__main__":
    unittest.main()
