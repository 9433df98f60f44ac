"""docs/guide.md, sections 1 to 6: whoever follows them gets what they show. The page's files are written, its commands run one after the
other in a folder of their own, and what they print is compared with the page. `…` stands for anything, numbers with a ±
for any such numbers, and columns of tables may be wider or narrower.

Usage: guide_test.py RESOLUTE here|cluster|method

here: all that one machine can do; of a commit's slice (tests/support/slice.h) trainings have fewer steps than the page's. cluster: on a SLURM cluster of the test's own (tests/support/slurm-box). method: the row
in C++, built in the copy of the sources that mutants use. The first section, script/quickstart, is run by .ci/run.
"""
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
NEW_METHOD = ROOT / "script/new_method"
SLURM_BOX = ROOT / "tests/support/slurm-box"
QUICKSTART, IMAGES, SUITE, RUN, CLUSTER, CPP = range(1, 7)
TASKS = range(7, 17)  # tasks_test.py
MOST_LINES = 380

SCORE = re.compile(r"\d+\.\d ± \d+\.\d")
# Of the trainings that the page runs.
SMOKE_STEPS = re.compile(r"\bsteps = 24,")
# What is drawn before the commands for the paper's weights: a file with the names and shapes of torchvision's.
RESNET_SUITE = """
suite = "resnet"
title = "A trunk to give away"
[defaults]
method = "baseline"
backbone = "resnet50"
height = 32
width = 16
train = { steps = 1, identities = 2, images = 2 }
[[dataset]]
id = "people"
source = "synthetic"
identities = 8
images_per_camera = 2
image_height = 32
image_width = 16
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["people"]
  [[table.row]]
  id = "r"
  label = "R"
"""


class Block:
    """A fenced block, the line before it (which says what file it is), and where the page shows it what it prints."""

    def __init__(self, before, kind, text):
        self.before, self.kind, self.text, self.shown = before, kind, text, ""

    def file(self):
        """(name, whether it is added to the file's end) or nothing."""
        named = re.fullmatch(r"(At the end of )?`([^`]+)`:", self.before)
        return (named[2], bool(named[1])) if named else None


def sections_of(page):
    """Number → the section's blocks, those with outputs behind the commands that print them."""
    found = {}
    for number, text in re.findall(r"^## (\d+)\. .+\n((?:(?!^## ).*\n?)*)", page, re.MULTILINE):
        blocks = []
        for before, kind, inside in re.findall(r"^([^\n]*)\n*^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            if kind == "text":
                blocks[-1].shown = inside
            else:
                blocks.append(Block(before, kind, inside))
        found[int(number)] = blocks
    return found


def line_pattern(line):
    line = re.sub(r" +", " ", re.sub(r"-{3,}", "---", line))
    parts = [SCORE.sub("0.0 ± 0.0", part) for part in line.split("…")]
    return re.compile(".*".join(map(re.escape, parts)))


def normal(line):
    return SCORE.sub("0.0 ± 0.0", re.sub(r" +", " ", re.sub(r"-{3,}", "---", line)))


def first_difference(shown, printed):
    """The first line that the page shows and that was not printed where it should be; nothing where all were. A line `…`
    stands for any lines, up to the next one that the page shows."""
    lines, at, skipping = [normal(line) for line in printed.splitlines()], 0, False
    for line in shown.splitlines():
        if line == "…":
            skipping = True
            continue
        pattern = line_pattern(line)
        while skipping and at < len(lines) and not pattern.fullmatch(lines[at]):
            at += 1
        if at == len(lines) or not pattern.fullmatch(lines[at]):
            return line
        at, skipping = at + 1, False
    return None if skipping or at == len(lines) else f"{lines[at]!r} was printed and is not shown"


class Comparison(unittest.TestCase):
    """What the others rely on."""

    def test_the_trainings_of_the_smoke_profile_are_shorter_in_a_slice(self):
        self.assertEqual(len(SMOKE_STEPS.findall(PAGE)), 1)

    def test_scores_and_widths_may_differ_and_nothing_else(self):
        shown = "| a  | 1.0 ± 2.0 (3.0) |\n…\nend…7\n"
        self.assertIsNone(first_difference(shown, "| a | 11.5 ± 0.0 (3.0) |\nany\nend of 7\n"))
        self.assertIsNone(first_difference(shown, "| a |   1.0 ± 2.0 (3.0) |\nend  7\n"))
        self.assertEqual(first_difference(shown, "| a | 1.0 ± 2.0 (3.1) |\nend  7\n"), "| a  | 1.0 ± 2.0 (3.0) |")
        self.assertEqual(first_difference(shown, "| a | 1.0 ± 2.0 (3.0) |\nend of 8\n"), "end…7")
        self.assertIn("'more' was printed", first_difference(shown, "| a | 1.0 ± 2.0 (3.0) |\nend  7\nmore\n"))

    def test_each_block_is_a_file_commands_or_code_that_a_test_looks_at(self):
        sections = sections_of(PAGE)
        self.assertEqual(sorted(sections), sorted([QUICKSTART, *Here.SECTIONS, CLUSTER, CPP, *TASKS]))
        blocks = [block for section in sections.values() for block in section]
        self.assertEqual(len(blocks) + sum(block.shown != "" for block in blocks), len(re.findall(r"^```\w+$", PAGE, re.MULTILINE)))
        for block in blocks:
            self.assertTrue(block.file() if block.kind in ("toml", "python") else block.kind in ("sh", "cpp"), block.text)

    def test_a_stranger_reads_it_in_one_go(self):
        self.assertLess(len(PAGE.splitlines()), MOST_LINES)

    def test_the_page_shows_the_code_of_the_worked_example(self):
        loader = importlib.machinery.SourceFileLoader("new_method", str(NEW_METHOD))
        script = importlib.util.module_from_spec(importlib.util.spec_from_loader("new_method", loader))
        loader.exec_module(script)
        added = script.named(script.NEW["methods/NAME/networks/NAME.cpp"], "plain")
        quoted, = [block.text for block in sections_of(PAGE)[CPP] if block.kind == "cpp"]
        self.assertIn(quoted, added)


class Follower(unittest.TestCase):
    """Follows the page in a folder of its own, with the programs of BINARIES."""
    BINARIES = pathlib.Path(".")

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name) / "tutorial"
        self.folder.mkdir()
        self.sections = sections_of(PAGE)
        self.exports = []  # of earlier blocks
        self.environment = self.surroundings()

    def surroundings(self):
        environment = {**os.environ, "SOURCES": str(ROOT), "PATH": f"{self.BINARIES}:{os.environ['PATH']}",
                       "PYTHONPATH": str(self.BINARIES.parent / "python")}
        environment.pop("VIPER", None)
        return environment

    def run_lines(self, lines, limit=900):
        # Of an allocation of 30 min srun has 7.5 for the begin of a run, which SLURM's PMIx may crash in; then mpirun is tried.
        script = "\n".join(["set -euo pipefail", *self.exports, *lines])
        try:
            answer = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, text=True, timeout=limit,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        except subprocess.TimeoutExpired as late:
            printed = (late.stdout or b"").decode("utf-8", errors="replace")
            self.fail(f"{lines} took over {limit} s and had printed:\n{printed}\n{self.scene()}")
        self.assertEqual(answer.returncode, 0, f"{lines}:\n{answer.stdout}")
        return answer.stdout

    def scene(self):
        """What else there is to say of commands that do not come to an end."""
        return ""

    def lines_of(self, block):
        return block.text.splitlines()

    def text_of(self, block):
        """No score is compared with the page's, so a commit need not train for one."""
        return SMOKE_STEPS.sub("steps = 4,", block.text) if os.environ.get("RESOLUTE_SLICE") else block.text

    def follow(self, *numbers):
        for number in numbers:
            for block in self.sections[number]:
                self.follow_block(block)

    def follow_block(self, block):
        if block.file():
            name, at_the_end = block.file()
            with open(self.folder / name, "a" if at_the_end else "w", encoding="utf-8") as file:
                file.write(self.text_of(block))
        elif block.kind == "sh":
            lines = self.lines_of(block)
            printed = self.run_lines(lines)
            self.exports += [line for line in lines if line.startswith("export ")]
            if block.shown:
                wrong = first_difference(block.shown, printed)
                self.assertIsNone(wrong, f"the page shows\n{block.shown}\nand this was printed:\n{printed}")


class TorchFollower(Follower):
    """Whose `python` and RESOLUTE_PYTHON have PyTorch, where script/test has made one."""

    def torch_python(self):
        """The folder of that interpreter."""
        cache = pathlib.Path(os.environ.get("RESOLUTE_CACHE") or
                             pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "resolute")
        return cache / "torch-python" if (cache / "torch-python/complete").exists() else None

    def surroundings(self):
        environment = super().surroundings()
        if self.torch_python():
            environment["PATH"] = f"{self.torch_python()}:{environment['PATH']}"
            environment["RESOLUTE_PYTHON"] = "python"
        return environment


class Here(Follower):
    SECTIONS = (IMAGES, SUITE, RUN)

    def test_one_machine_does_all_but_cluster_and_compiler(self):
        self.follow(*self.SECTIONS)
        self.assertTrue((self.folder / "sample.html").read_text().startswith("<!DOCTYPE html>"))

    def test_the_paper_s_numbers_in_the_table_are_those_of_the_reference_file(self):
        """The page shows them, and its output is compared: a number that is changed on both sides would be seen here."""
        table, = [block.shown for block in self.sections[RUN] if "Baseline (HR)" in block.shown]
        reference = (ROOT / "experiments/reference/papers.toml").read_text(encoding="utf-8")
        for label, method in (("Baseline (HR)", "rain-baseline-hr"), ("Baseline (HR & LR)", "rain-baseline-hr-lr"), ("RAIN", "rain")):
            entry = re.search(rf'table = "table1"\nmethod = "{method}"\ndataset = "mlr-viper"\nvariant = ""\n'
                              r"metrics = { rank1 = ([\d.]+), rank5 = ([\d.]+)", reference)
            row, = [line for line in table.splitlines() if line.startswith(f"| {label} ")]
            self.assertEqual(re.findall(r"\(([\d.]+)\)", row), [*entry.groups()] * 3, label)


class Cluster(Follower):
    def surroundings(self):
        """Of a user who is logged in on a submission node (tests/support/slurm_box.h)."""
        foreign = ("SLURM", "SBATCH_", "SQUEUE_", "SCANCEL_", "SACCT_", "SCONTROL_", "PMIX_", "OMPI_")
        environment = {name: value for name, value in super().surroundings().items() if not name.startswith(foreign)}
        environment.pop("RESOLUTE_SITE", None)
        return {**environment, "XDG_CONFIG_HOME": str(self.folder / "config"), "OMPI_ALLOW_RUN_AS_ROOT": "1",
                "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
                "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_oob_tcp_if_include": "lo"}

    def start_cluster(self):
        # Sockets lie in its folder: a short name.
        scratch = tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp")
        self.addCleanup(scratch.cleanup)
        box = f"{scratch.name}/box"
        self.addCleanup(subprocess.run, ["bash", SLURM_BOX, "stop", box], stdout=subprocess.DEVNULL, check=False)
        # No node of it is ever lost: a machine that is busy shall not make one look so, or a job fail to start.
        patient = ["SlurmdTimeout=300", "MessageTimeout=60", "BatchStartTimeout=120", f"AuthInfo=socket={box}/m.sock,cred_expire=120"]
        start = ["start", "--dir", box, "--nodes", "2", "--cpus-per-node", "1", "--owner", str(os.getpid()),
                 *[word for setting in patient for word in ("--set", setting)]]
        said = subprocess.run(["bash", SLURM_BOX, *start], env=self.environment, text=True, stdout=subprocess.PIPE, timeout=300,
                              check=True).stdout
        self.exports += said.splitlines()

    def scene(self):
        looks = ["squeue", "sinfo", "scontrol show job", "resolute suite status rain-on-viper.toml --store store --profile smoke",
                 'tail -n 40 "${SLURM_CONF%/*}"/log/*', 'tail -n 20 store/suites/*/submissions/*/batch-*/log/*']
        script = "\n".join([*self.exports, *[f"echo '$ {look}'; timeout 20 {look}" for look in looks]])
        return subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout

    def save_trunk(self):
        """What the page takes from torchvision; here the weights are drawn."""
        other = "--store other"
        (self.folder / "resnet.toml").write_text(RESNET_SUITE, encoding="utf-8")
        self.run_lines([f"resolute suite run resnet.toml {other} --only r"])
        planned = self.run_lines([f"resolute suite plan resnet.toml {other}"])
        training, = re.findall(r"^ *([0-9a-f]{12}) +training", planned, re.MULTILINE)
        self.run_lines([f"resolute weights export {training} {other} --out resnet50.pth"])

    def test_a_cluster_runs_the_suite(self):
        self.start_cluster()
        self.follow(IMAGES, SUITE)
        self.save_trunk()
        self.follow(CLUSTER)
        table, = [block for block in self.sections[RUN] if "suite table" in block.text]
        printed = self.run_lines(["resolute suite table rain-on-viper.toml --store store --profile smoke --with-references"])
        shown = table.shown[table.shown.index("| method"):]
        self.assertIsNone(first_difference("…\n" + shown, printed), printed)


class Method(Follower):
    """Label `long`: the programs are built anew, of the last commit."""
    BUILDING = ["$SOURCES/script/new_method plain", "$SOURCES/script/test -R '^plain/plain_test$'",
                "ninja -C $SOURCES/build/release resolute resolute-worker"]

    def lines_of(self, block):
        return [line for line in block.text.splitlines() if line not in self.BUILDING]

    def test_a_method_in_c_plus_plus_becomes_a_row(self):
        self.assertTrue(any(block.text.splitlines()[:3] == self.BUILDING for block in self.sections[CPP]), self.BUILDING)
        os.environ.pop("RESOLUTE_SLICE", None)
        loader = importlib.machinery.SourceFileLoader("mutants", str(ROOT / "tests/mutants/run"))
        mutants = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", loader))
        loader.exec_module(mutants)
        jobs = ["-j", os.cpu_count()]
        self.addCleanup(mutants.take_copy().close)
        mutants.prepare()
        self.follow(IMAGES, SUITE, RUN)  # by the programs without the method: what they did stands
        mutants.must("script/new_method", "plain")
        self.addCleanup(mutants.must, "git", "reset", "-q", "--hard")
        mutants.must("git", "add", "--all")  # what the reset takes away
        mutants.must("cmake", "-S", mutants.SOURCE, "-B", mutants.BUILD)
        needed = mutants.targets_of_tests()["plain/plain_test"]
        code, output = mutants.build({"resolute", "resolute-worker", *needed}, jobs)
        self.assertEqual(code, 0, mutants.tail(output))
        failed, output = mutants.run_tests(["plain/plain_test"], jobs)
        self.assertFalse(failed, mutants.tail(output))
        self.environment["PATH"] = f"{mutants.BUILD / 'bin'}:{self.environment['PATH']}"
        self.follow(CPP)


if __name__ == "__main__":
    kind = sys.argv.pop().capitalize()
    Follower.BINARIES = pathlib.Path(sys.argv.pop()).resolve().parent
    sys.argv += ["Comparison", kind] if kind == "Here" else [kind]
    unittest.main()
