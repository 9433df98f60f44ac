"""Curves are what trainings logged: each step once, in order, whatever was torn, resumed or killed; and no run depends on them.

TensorBoard is the real one where RESOLUTE_TENSORBOARD names its packages (script/test). MLflow's and Weights & Biases' clients are not
installed for tests: modules of the same few calls stand in for them, and for TensorBoard where it is not there.
"""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock
from pathlib import Path

from package import BUILD, SOURCE, program, resolute

SUITE = SOURCE / "tests/system/tiny.toml"
TENSORBOARD = os.environ.get("RESOLUTE_TENSORBOARD")
PYTHON = "/usr/bin/python3"

# Each writes (run, tag, step, value) as lines into the run's file, where the real client has its own.
STAND_INS = {
    "tensorboard/__init__.py": "",
    "tensorboard/summary.py": """
import json, os, time

class Writer:
    def __init__(self, folder):
        os.makedirs(folder)  # is not there: who starts over has taken it away
        self.file = open(folder + "/points", "a")
    def add_scalar(self, tag, data, step):
        time.sleep(float(os.environ.get("SLOW_CLIENT", 0)))
        self.file.write(json.dumps([tag, step, data]) + "\\n")
    def flush(self):
        self.file.flush()
    def close(self):
        self.file.close()
""",
    "mlflow/__init__.py": "",
    "mlflow/entities.py": """
class Metric:
    def __init__(self, key, value, timestamp, step):
        self.point = [key, step, value]
        assert timestamp > 10**12
""",
    "mlflow/tracking.py": """
import json, os, uuid
from types import SimpleNamespace
from urllib.parse import unquote

class MlflowClient:
    def __init__(self, uri):
        self.root = unquote(uri.removeprefix("file://"))
        os.makedirs(self.root, exist_ok=True)
    def get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id=name) if os.path.isdir(self.root + "/" + name) else None
    def create_experiment(self, name):
        os.mkdir(self.root + "/" + name)
        return name
    def search_runs(self, experiments, wanted):
        key, value = wanted.removeprefix("tags.").split(" = ")
        for experiment in experiments:
            for run in os.listdir(self.root + "/" + experiment):
                with open(f"{self.root}/{experiment}/{run}") as file:
                    if json.loads(file.readline())["tags"][key] == value.strip("'"):
                        yield SimpleNamespace(info=SimpleNamespace(run_id=f"{experiment}/{run}"))
    def delete_run(self, run):
        os.remove(self.root + "/" + run)
    def create_run(self, experiment, run_name, tags):
        run = f"{experiment}/{uuid.uuid4().hex}"
        with open(self.root + "/" + run, "x") as file:
            file.write(json.dumps({"name": run_name, "tags": tags}) + "\\n")
        return SimpleNamespace(info=SimpleNamespace(run_id=run))
    def log_batch(self, run, metrics):
        assert len(metrics) <= 1000
        with open(self.root + "/" + run, "a") as file:
            file.writelines(json.dumps(metric.point) + "\\n" for metric in metrics)
    def set_terminated(self, run, status):
        assert status in ("FINISHED", "KILLED")
""",
    "wandb.py": """
import json, os

class Run:
    def __init__(self, folder, name):
        os.makedirs(folder)
        self.file = open(folder + "/points", "a")
        self.file.write(json.dumps(name) + "\\n")
    def define_metric(self, name, step_metric):
        assert (name, step_metric) == ("*", "step")
    def log(self, values):
        step = values.pop("step")
        self.file.writelines(json.dumps([tag, step, value]) + "\\n" for tag, value in values.items())
        self.file.flush()
    def finish(self, exit_code):
        self.file.close()

def init(dir, project, name, id, reinit, config):
    assert os.environ["WANDB_MODE"] == "offline" and reinit == "create_new" and config["training"].startswith(id)
    return Run(f"{dir}/wandb/offline-run-{os.getpid()}-{id}", name)
""",
}


def points_of(lines):
    found = {}
    for tag, step, value in map(json.loads, lines):
        found.setdefault(tag, []).append((step, value))
    return found


def drawn(to, out):
    """run → tag → (step, value) in the order in which they were written."""
    def files(pattern):
        lines = {path: path.read_text().rpartition("\n")[0].splitlines() for path in out.glob(pattern)}
        return {path: those for path, those in lines.items() if those}
    if to == "mlflow":
        return {json.loads(lines[0])["name"]: points_of(lines[1:]) for lines in files("mlruns/*/*").values()}
    if to == "wandb":
        return {json.loads(lines[0]): points_of(lines[1:]) for lines in files("wandb/*/points").values()}
    if not TENSORBOARD:
        return {str(path.parent.relative_to(out)): points_of(lines) for path, lines in files("*/*/*/points").items()}
    if TENSORBOARD not in sys.path:
        sys.path.append(TENSORBOARD)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    found = {}
    for folder in {path.parent for path in out.glob("*/*/*/*tfevents*")}:
        read = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
        found[str(folder.relative_to(out))] = {tag: [(one.step, one.tensor_proto.float_val[0]) for one in read.Tensors(tag)]
                                               for tag in read.Tags()["tensors"]}
    return found


def rounded(points):
    """TensorBoard keeps 32 bits of a number."""
    return {run: {tag: [(step, struct.unpack("f", struct.pack("f", value))[0]) for step, value in one] for tag, one in tags.items()}
            for run, tags in points.items()}


class Curves(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)
        for name, text in STAND_INS.items():
            if TENSORBOARD and name.startswith("tensorboard"):
                continue
            (cls.folder / "clients" / name).parent.mkdir(parents=True, exist_ok=True)
            (cls.folder / "clients" / name).write_text(text)
        cls.environment = {**os.environ, "PYTHONPATH": f"{BUILD / 'python'}:{cls.folder / 'clients'}:{TENSORBOARD or ''}"}
        cls.calm = cls.folder / "calm"
        program("suite", "run", SUITE, "--store", cls.calm, "--slots", 2)
        plan = json.loads(program("suite", "plan", SUITE, "--store", cls.calm, "--json"))
        cls.trainings = [job["id"] for job in plan["jobs"] if job["kind"] == "training"]
        cls.names = [f"main/people/{row}.trial-{trial}" for row in ("baseline", "rain") for trial in (0, 1)]

    def log(self, store, training):
        return store / "jobs" / training[:2] / training / "attempt-001-metrics.jsonl"

    def logged(self, store):
        """What the store's logs say, by a reader of this test's own."""
        found = {}
        for name, training in zip(self.names, self.trainings):
            run = found[name] = {}
            for line in map(json.loads, self.log(store, training).read_text().splitlines()):
                values = {"loss": line["loss"], "learning_rate_factor": line["learning_rate_factor"]}
                for group in ("losses", "gradient_norms"):
                    values.update({f"{group}/{key}": value for key, value in line[group].items()})
                for tag, value in values.items():
                    run.setdefault(tag, []).append((line["step"], value))
        return found

    def command(self, store, to, out, *more):
        return [PYTHON, "-m", "resolute", "curves", SUITE, "--store", store, "--to", to, "--out", out, *more]

    def draw(self, store, to, out, *more):
        return subprocess.run(self.command(store, to, out, *more), env=self.environment, capture_output=True, text=True, check=False,
                              timeout=300)

    def follow(self, store, to, out):
        child = subprocess.Popen(self.command(store, to, out, "--follow"), env=self.environment)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def unfinished(self, name):
        """A copy of the calm store, without the result of the first training; and that training's folder."""
        store = self.folder / name
        shutil.copytree(self.calm, store)
        folder = self.log(store, self.trainings[0]).parent
        (folder / "result.json").rename(folder.parent / "kept")
        return store, folder

    def wait_for(self, to, out, step):
        for _ in range(3000):
            if any(points[-1][0] >= step for points in drawn(to, out).get(self.names[0], {}).values()):
                return
            time.sleep(0.1)
        self.fail(f"step {step} was not drawn in five minutes")

    def test_every_client_has_what_trainings_logged(self):
        for to in ("tensorboard", "mlflow", "wandb"):
            with self.subTest(to):
                out = self.folder / f"all {to}"
                answer = self.draw(self.calm, to, out)
                self.assertEqual((0, ""), (answer.returncode, answer.stderr))
                expected = self.logged(self.calm)
                self.assertEqual(rounded(expected), rounded(drawn(to, out)))
                self.assertTrue(all(len(points) == 30 for points in expected[self.names[0]].values()))
                before = sorted(path for path in out.rglob("*"))
                self.assertEqual(0, self.draw(self.calm, to, out).returncode)  # has nothing to do
                self.assertEqual(before, sorted(path for path in out.rglob("*")))

    def test_torn_resumed_and_killed_have_each_step_once(self):
        for to in ("tensorboard", "mlflow", "wandb"):
            with self.subTest(to):
                store, folder = self.unfinished(f"resumed {to}")
                out = self.folder / f"resumed curves {to}"
                first = folder / "attempt-001-metrics.jsonl"
                lines = first.read_text().splitlines(keepends=True)
                first.write_text("".join(lines[:20]) + lines[20][:30])
                killed = self.follow(store, to, out)
                self.wait_for(to, out, 20)
                killed.send_signal(signal.SIGKILL)
                killed.wait()
                again = self.follow(store, to, out)
                self.wait_for(to, out, 20)
                with open(folder / "attempt-002-metrics.jsonl", "w") as second:  # from its checkpoint on
                    second.write("".join(lines[15:25]) + lines[25][:9])
                    second.flush()
                    self.wait_for(to, out, 25)
                    second.write(lines[25][9:] + "".join(lines[26:]))
                (folder / "attempt-002-evaluations.jsonl").write_text('{"epoch":2.0,"metrics":{"mAP":0.5,"rank1":0.25},"step":30}\n')
                self.assertIsNone(again.poll())
                (folder.parent / "kept").rename(folder / "result.json")
                self.assertEqual(0, again.wait(timeout=300))
                expected = self.logged(self.calm)
                expected[self.names[0]] |= {"evaluation/mAP": [(30, 0.5)], "evaluation/rank1": [(30, 0.25)]}
                self.assertEqual(rounded(expected), rounded(drawn(to, out)))

    def test_a_line_that_is_none_costs_itself_alone(self):
        store, folder = self.unfinished("hostile")
        (folder / "attempt-001-metrics.jsonl").write_bytes(b"\n".join([
            b'{"step":1,"loss":1.5,"text":"x","list":[1],"yes":true,"none":null,"big":1' + b"0" * 400 + b',"deep":{"er":{"est":1}}}',
            b"no json", b"\xff\xfe", b"[1,2]", b'"step"', b"[" * 100000, b'{"loss":2.5}', b'{"step":true,"loss":2.5}',
            b'{"step":-3,"loss":2.5}', b'{"step":2.5,"loss":2.5}', b'{"step":1' + b"0" * 30 + b',"loss":2.5}',
            b'{"step":2,"loss":2,"../../out":1,"losses":{"a/../b":3,"/":4,"\xc3\xa9 *":5}}', b'{"step":2,"loss":9}', b"", b'{"step":3,"loss":4}']))
        for to in ("tensorboard", "mlflow", "wandb"):
            with self.subTest(to):
                out = self.folder / f"hostile curves {to}"
                self.assertEqual(0, self.draw(store, to, out).returncode)
                self.assertEqual({"loss": [(1, 1.5), (2, 2.0)], "_/_/out": [(2, 1.0)], "losses/a/_/b": [(2, 3.0)], "losses/_/_": [(2, 4.0)],
                                  "losses/_ _": [(2, 5.0)]}, drawn(to, out)[self.names[0]])

    def test_a_slow_client_or_a_busy_machine_stops_no_curve(self):
        from resolute.curves import _pause
        self.assertEqual([2, 2, 4, 30, 30], [_pause(seconds) for seconds in (0, 0.1, 0.2, 1.5, 3600)])

    def test_mistakes_are_one_line(self):
        for words, code, part in ((["--to", "excel"], 2, "invalid choice: 'excel'"), (["--profile", "none"], 2, "none"),
                                  (["--store", self.folder / "no"], 2, "there is no store"), (["--speed", "3"], 2, "--speed")):
            answer = self.draw(self.calm, "wandb", self.folder / "mistakes", *words)
            self.assertEqual(code, answer.returncode, answer.stderr)
            self.assertRegex(answer.stderr.splitlines()[-1], rf"^resolute: .*{part}")
        bare = subprocess.run(self.command(self.calm, "wandb", self.folder / "bare"), check=False, capture_output=True, text=True,
                              env={**self.environment, "PYTHONPATH": str(BUILD / "python")})
        self.assertEqual((2, "resolute: No module named 'wandb'; '/usr/bin/python3 -m pip install wandb' installs it\n"),
                         (bare.returncode, bare.stderr))
        self.assertFalse((self.folder / "bare").exists())

    def test_one_process_at_a_time_draws_in_a_folder(self):
        store, _ = self.unfinished("twice")
        out = self.folder / "twice curves"
        first = self.follow(store, "mlflow", out)
        self.wait_for("mlflow", out, 30)
        second = self.draw(store, "mlflow", out)
        self.assertEqual(1, second.returncode)
        self.assertIn("another process writes to", second.stderr)
        first.send_signal(signal.SIGINT)
        self.assertEqual(130, first.wait(timeout=30))
        self.assertEqual(self.logged(self.calm), drawn("mlflow", out))

    def run_suite(self, store, to, **more):
        began = time.monotonic()
        answer = subprocess.run([BUILD / "bin/resolute", "suite", "run", SUITE, "--store", store, "--slots", "2", "--log", to],
                                env={**self.environment, "RESOLUTE_PYTHON": PYTHON, **more}, capture_output=True, text=True, check=False)
        self.assertEqual(0, answer.returncode, answer.stderr)
        return answer.stderr, time.monotonic() - began

    def wait_for_all(self, to, out):
        for _ in range(3000):
            if len(list(out.glob(f".resolute-{to}/*-*"))) == len(self.names):
                return
            time.sleep(0.1)
        self.fail("not all trainings were drawn in five minutes")

    def test_a_run_is_drawn_beside_it(self):
        store = self.folder / "beside"
        self.run_suite(store, "mlflow")
        out = store / "suites/tiny/curves"
        self.wait_for_all("mlflow", out)
        self.assertEqual(self.logged(store), drawn("mlflow", out))

    def test_a_suite_in_python_is_drawn_beside_it(self):
        store = self.folder / "python"
        with unittest.mock.patch.dict(os.environ, self.environment):
            resolute.Suite(SUITE, store).run(slots=2, log="wandb")
        out = store / "suites/tiny/curves"
        self.wait_for_all("wandb", out)
        self.assertEqual(self.logged(store), drawn("wandb", out))

    def test_a_client_that_is_missing_or_hangs_costs_a_run_nothing(self):
        said, _ = self.run_suite(self.folder / "missing", "wandb", PYTHONPATH="")
        self.assertEqual(1, said.count("No module named 'wandb'"), said)
        said, _ = self.run_suite(self.folder / "no python", "wandb", RESOLUTE_PYTHON="/none")
        self.assertEqual(1, said.count("no curves for wandb"), said)
        if not TENSORBOARD:  # the stand-in can be slow
            _, seconds = self.run_suite(self.folder / "hangs", "tensorboard", SLOW_CLIENT="60")
            self.assertLess(seconds, 50)
        wrong = subprocess.run([BUILD / "bin/resolute", "suite", "run", SUITE, "--store", self.folder / "wrong", "--log", "excel"],
                               capture_output=True, text=True, check=False)
        self.assertEqual(2, wrong.returncode)
        self.assertIn("option --log has the value 'excel'", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
