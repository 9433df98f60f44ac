"""bench/gpu/run's items and page: what one item does to the others, what a run leaves when it is killed, what the next one adds. And what
nvidia-smi, torch and folders of a strange machine look like."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/gpu"))
import machine  # noqa: E402
from items import Items  # noqa: E402
from page import Answer, OtherDevice, Page  # noqa: E402

# A program that leaves another, in a session of its own, and does not end.
HANGS = "import subprocess, sys, time; subprocess.Popen(['sleep', sys.argv[1]], start_new_session=True); time.sleep(600)"


def sleepers(mark):
    return [process for process in Path("/proc").glob("[0-9]*") if mark.encode() in read(process / "cmdline")]


def read(file):
    try:
        return file.read_bytes()
    except OSError:
        return b""


def hang(mark):
    subprocess.run([sys.executable, "-c", HANGS, mark], check=False)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="resolute-gpu-items-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class OfItems(Folder):
    def items(self, *arguments, **options):
        return Items(*arguments, self.folder, **options)

    def test_one_that_hangs_is_killed_with_all_that_it_started_and_the_others_go_on(self):
        mark = f"700.{os.getpid()}1"
        items = self.items(60, 3, longest=2)
        begun = time.monotonic()
        found = {name: (value, trouble) for name, value, trouble in items.at_once({"hangs": lambda: hang(mark), "works": lambda: 7})}
        self.assertEqual({"hangs": (None, "it took more than 2 s"), "works": (7, None)}, found)
        self.assertLess(time.monotonic() - begun, 20)
        self.assertEqual([], sleepers(mark))
        self.assertEqual([("next", [1], None)], list(items.at_once({"next": lambda: [1]})))

    def test_one_that_ends_leaves_nothing_running_and_no_file(self):
        mark = f"700.{os.getpid()}2"

        def leave():
            subprocess.Popen(["sleep", mark], start_new_session=True)
            Path(tempfile.mkdtemp(), "file").write_text("left")
            return len(sleepers(mark))

        self.assertEqual([("leaves", 1, None)], list(self.items(60, 1).at_once({"leaves": leave})))
        self.assertEqual([], sleepers(mark))
        self.assertEqual([], list(self.folder.iterdir()))

    def test_whatever_goes_wrong_in_one_is_its_own_trouble(self):
        def crash():
            os.kill(os.getpid(), 11)

        found = {name: trouble for name, _, trouble in self.items(60, 1).at_once({
            "a key": lambda: {}["absent"], "a division": lambda: 1 / 0, "a player": lambda: sys.exit("bench: it\nended"), "a crash": crash,
            "a program": lambda: subprocess.run(["/nowhere/nothing"], check=False)})}
        self.assertEqual({"a key": "KeyError: 'absent'", "a division": "ZeroDivisionError: division by zero", "a player": "bench: it ended",
                          "a crash": "its process was killed",
                          "a program": "[Errno 2] No such file or directory: '/nowhere/nothing'"}, found)

    def test_a_trouble_ends_with_what_its_programs_said_last(self):
        def fail():
            subprocess.run(["sh", "-c", "printf '%400s' x; echo; echo CUDA error: all is lost >&2"], check=False, stdout=subprocess.DEVNULL)
            raise ValueError("a program ended with code 1")

        with tempfile.TemporaryFile("w+") as said, contextlib.redirect_stderr(said):
            self.assertEqual([("fails", None, "a program ended with code 1; CUDA error: all is lost")],
                             list(self.items(60, 1).at_once({"fails": fail})))
            said.seek(0)
            self.assertEqual("CUDA error: all is lost\n", said.read())

    def test_those_that_hang_leave_each_later_one_a_share(self):
        limits, items = [], self.items(540, 29)
        while items.turns:
            limits.append(items.next_limit())
            items.end -= limits[-1]  # as if it had hanged
            items.turns -= 1
        self.assertLessEqual(max(limits), 90)
        self.assertGreater(limits[0], 60)
        self.assertGreater(min(limits), 0)
        self.assertAlmostEqual(540, sum(limits), delta=1)
        lone = self.items(540, 1)
        self.assertEqual(90, lone.next_limit())

    def test_without_time_nothing_begins(self):
        items = self.items(0, 1)
        self.assertEqual([("late", None, "no time was left")], list(items.at_once({"late": lambda: 1})))

    def test_a_run_that_is_killed_leaves_no_process(self):
        mark = f"700.{os.getpid()}3"
        code = ("import pathlib, sys; sys.path[:0] = sys.argv[1:3]; from items import Items; from gpu_items_test import hang; "
                "list(Items(60, 1, pathlib.Path(sys.argv[3])).at_once({'hangs': lambda: hang(sys.argv[4])}))")
        for signal in (9, 15, 2):
            (scratch := self.folder / str(signal)).mkdir()
            run = subprocess.Popen([sys.executable, "-c", code, ROOT / "bench/gpu", Path(__file__).parent, scratch, mark])
            self.until(lambda: sleepers(f"sleep\0{mark}"))
            run.send_signal(signal)
            run.wait(timeout=30)
            self.until(lambda: not sleepers(mark))

    def until(self, holds):
        end = time.monotonic() + 30
        while not holds():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


class OfThePage(Folder):
    DEVICE = "1 × `A`; numeric class `a=1`."

    def page(self, device=DEVICE, adds=True):
        return Page(self.folder / "RESULTS.md", device, adds)

    def answer(self, *rows, lines=()):
        return Answer("How fast?", ["A text."], ["figure", "value"], [list(row) for row in rows], list(lines))

    def written(self, *answers, missing=(), **options):
        page = self.page(**options)
        for answer in answers:
            page.answer(answer)
        for item, troubles in missing:
            page.note(item, troubles)
        page.write()
        return (self.folder / "RESULTS.md").read_text(encoding="utf-8")

    def test_a_second_run_adds_rows_and_replaces_those_that_it_has_measured_again(self):
        self.written(self.answer(("a", 1), ("b", 2), lines=["- a: first", "- b: first"]), Answer("Where?", lines=["There."]))
        text = self.written(self.answer(("c", 3), ("a", 4), lines=["- a: second"]))
        rows = [line.split(" | ")[:2] for line in text.splitlines() if line.startswith("| ") and "---" not in line]
        self.assertEqual([["| figure", "value"], ["| a", "4"], ["| b", "2"], ["| c", "3"]], rows)
        self.assertIn("- a: second\n- b: first\n", text)
        self.assertIn("There.", text)
        self.assertEqual(1, text.count("A text."))
        self.assertEqual(text, self.written(), "nothing new changes nothing")

    def test_another_head_begins_its_table_anew(self):
        self.written(self.answer(("a", 1)))
        self.assertNotIn("| a |", self.written(Answer("How fast?", head=["figure", "least", "most"], rows=[["b", 1, 2]])))

    def test_troubles_stay_until_their_item_has_none(self):
        self.written(missing=[("x, y", ["was not measured: `q` ended"]), ("z", ["one", "two"])])
        text = self.written(missing=[("z", ["three"])])
        self.assertIn("- `x, y`: was not measured: `q` ended\n- `z`: three\n", text)
        self.assertNotIn("Failed", self.written(missing=[("z", []), ("x, y", []), ("new", [])]))

    def test_figures_of_another_device_are_not_joined(self):
        self.written(self.answer(("a", 1)))
        with self.assertRaises(OtherDevice):
            self.page("2 × `A`; numeric class `a=1`.")
        self.assertIn("| a |", (self.folder / "RESULTS.md").read_text(encoding="utf-8"))
        self.assertNotIn("| a |", self.written(device="1 × `B`; numeric class `b=1`.", adds=False))

    def test_the_rest_of_the_page_stays(self):
        before, after = "# Title\n\n| a |\n\n<!-- gpu: begin -->", "<!-- gpu: end -->\n\nmore `x`\n"
        (self.folder / "RESULTS.md").write_text(f"{before}\nDevice `old`.\n\n| figure |\n{after}", encoding="utf-8")
        text = self.written(self.answer(("a", 1)), adds=False)
        self.assertTrue(text.startswith(before) and text.endswith(after), text)
        self.assertNotIn("old", text)
        self.assertEqual(["RESULTS.md"], [file.name for file in self.folder.iterdir()])

    def test_the_page_of_a_page_without_a_gpu_part_keeps_its_text(self):
        (self.folder / "RESULTS.md").write_text("# Title\n\nText.\n", encoding="utf-8")
        self.assertTrue(self.written().startswith("# Title\n\nText.\n\n## GPU (`bench/gpu/run`)\n\n<!-- gpu: begin -->\n"))


class OfAStrangeMachine(Folder):
    def nvidia_smi(self, script):
        program = self.folder / "nvidia-smi"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{self.folder}:{path}"
        return machine.asked_of_nvidia_smi()

    def test_what_nvidia_smi_does_not_know_is_as_it_says(self):
        values = ["NVIDIA H200", "580.1", *["[N/A]"] * 8, "5", "16", "Default"]
        found = self.nvidia_smi(f"echo '{', '.join(values)}'; echo '{', '.join(values)}'")
        self.assertEqual(("[N/A]", "[N/A]"), found["power.draw"])
        self.assertEqual(("NVIDIA H200", "NVIDIA H200"), found["name"])
        self.assertEqual(len(machine.ASKED), len(found))

    def test_a_property_that_a_driver_does_not_know_leaves_the_others(self):
        found = self.nvidia_smi('case "$1" in *pcie*) echo "Field \\"pcie.link.gen.current\\" is not a valid field to query."; exit 2 ;; '
                                '*,*) exit 2 ;; *) echo 7 ;; esac')
        self.assertEqual(set(machine.ASKED) - {"pcie.link.gen.current", "pcie.link.width.current"}, set(found))

    def test_one_that_cannot_reach_the_driver_says_nothing(self):
        self.assertEqual({}, self.nvidia_smi('echo "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."; exit 9'))
        self.assertEqual({}, self.nvidia_smi('echo "Unable to determine the device handle for GPU0000:01:00.0: Unknown Error"'))

    def test_one_that_hangs_with_its_driver_is_asked_once(self):
        patience, machine.SMI_PATIENCE = machine.SMI_PATIENCE, 0.3
        self.addCleanup(setattr, machine, "SMI_PATIENCE", patience)
        begun = time.monotonic()
        self.assertEqual({}, self.nvidia_smi("exec sleep 60"))
        self.assertLess(time.monotonic() - begun, 3)

    def test_a_program_that_hangs_or_is_none_ends_in_time(self):
        self.assertEqual(124, machine.ask(["sleep", "60"], limit=0.2).returncode)
        self.assertEqual(126, machine.ask([self.folder / "absent"]).returncode)
        self.assertEqual("\N{REPLACEMENT CHARACTER}\n", machine.ask(["printf", "\\377\\n"]).stdout)

    def test_torch_of_another_version_or_half_of_one_is_named(self):
        self.assertIn("holds no lib/libtorch_cpu.so", machine.version_of(self.folder))
        (self.folder / "lib").mkdir()
        (self.folder / "lib/libtorch_cpu.so").touch()
        self.assertIn("version.py", machine.version_of(self.folder))
        for text, version in [("__version__ = '2.11.0+cu130'\n", "2.11.0"), ("debug = False\n__version__ = '2.9.1'\n", "2.9.1")]:
            (self.folder / "version.py").write_text(text)
            self.assertEqual(version, machine.version_of(self.folder))

    def run_of(self, *arguments, **environment):
        run = subprocess.run([sys.executable, ROOT / "bench/gpu/run", *arguments], capture_output=True, text=True, check=False,
                             env=os.environ | environment)
        return run.returncode, run.stderr.strip().splitlines()[-1:]

    def test_wrong_arguments_end_with_one_line(self):
        for arguments, said in [(["--only", "jobs,speed"], "there is no part 'speed'; give some of untimed, beside"),
                                (["--budget", "0"], "numbers of 1 or more"), (["--budget", "nan"], "numbers of 1 or more"),
                                (["--turns", "0"], "numbers of 1 or more"), (["--bundle", "/absent.tar.gz"], "cannot be unpacked"),
                                ([], "there are no programs here")]:
            with self.subTest(arguments):
                code, lines = self.run_of(*arguments)
                self.assertEqual(2, code)
                self.assertIn(said, lines[0])


if __name__ == "__main__":
    unittest.main()
