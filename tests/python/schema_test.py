"""A method's options are read as running its file would give them, and the file is not run; anything else is one line with its place."""

import dataclasses
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import typing
import unittest
import unittest.mock
from pathlib import Path

from package import BUILD, SOURCE, resolute
from resolute.errors import failed_import
from resolute.schema import import_beside, schema_of

HEAD = "import nothing_that_is_installed\nimport resolute\n\n"
OPTIONS = """class Mine(resolute.Method):
    revision = 4

    @dataclasses.dataclass
    class Options:
        unit: typing.ClassVar[str] = "pixels"
        width: int
        depth: "int | None" = None
        rate: float = 1
        name: typing.Optional[str] = dataclasses.field(default="a b", metadata={"help": "of a file"})
        wide: bool = True
        near: float = -0.5
"""
SUITE = """suite = "mine"
title = "Mine"
[[method]]
id = "mine"
python = "mine.py"
[defaults]
method = "mine"
train = { steps = 20, identities = 4 }
[[dataset]]
id = "people"
source = "synthetic"
[[table]]
id = "main"
title = "Mine"
metrics = ["rank1"]
datasets = ["people"]
row = [{ id = "mine", label = "Mine" }]
"""


def described(text):
    return schema_of(text.encode(), "mine.py")


def options(body):
    """Of a class with these lines of Options."""
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"{HEAD}class Mine(resolute.Method):\n    @dataclass\n    class Options:\n{lines}"


class Schema(unittest.TestCase):
    def refused(self, text, words, line):
        with self.assertRaises(resolute.InputError, msg=text) as caught:
            described(text)
        self.assertRegex(str(caught.exception), rf"^mine\.py:{line}: ")
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_it_says_what_the_class_would(self):
        text = OPTIONS
        found = described(HEAD + text)
        space = {"resolute": resolute, "dataclasses": dataclasses, "typing": typing}
        exec(text, space)  # noqa: S102 the text stands in this file
        kind = space["Mine"]
        fields = dataclasses.fields(kind.Options)
        hints = typing.get_type_hints(kind.Options)
        self.assertEqual(("Mine", 4, 4, 1), (found["class"], found["line"], found["revision"], found["schema"]))
        self.assertEqual(hashlib.sha256((HEAD + text).encode()).hexdigest(), found["sha256"])
        self.assertEqual([field.name for field in fields], [option["name"] for option in found["options"]])
        for field, option in zip(fields, found["options"]):
            self.assertEqual("default" in option, field.default is not dataclasses.MISSING)
            self.assertEqual(field.default, option.get("default", dataclasses.MISSING))
            self.assertEqual(option["optional"], type(None) in typing.get_args(hints[field.name]))
            self.assertIn(option["name"] + ":", (HEAD + text).splitlines()[option["line"] - 1])

    def test_options_and_revision_of_base_classes_in_the_file_count(self):
        base = options("width: int = 8") + "class Other(Mine):\n    pass\n"
        found = described(base)
        self.assertEqual(("Other", ["width"]), (found["class"], [option["name"] for option in found["options"]]))
        found = described("from resolute import Method as M\nclass A(M):\n  revision: int = 2\nclass B(A):\n  pass\n")
        self.assertEqual((2, []), (found["revision"], found["options"]))

    def test_it_says_whether_the_class_recovers_images(self):
        base = HEAD + "class A(resolute.Method):\n  def recover(self, images, rates):\n    return {}\n"
        for text in (base, base + "class B(A):\n  pass\n", HEAD + "class A(resolute.Method):\n  recover = print\n"):
            self.assertIs(True, described(text)["recovers"])
        self.assertNotIn("recovers", described(HEAD + "def recover(): pass\nclass A(resolute.Method):\n  recovered = 1\n"))

    def test_what_it_cannot_know_is_refused_with_its_line(self):
        for body, words in (("width: list", "of type list"), ("width: int | str", "of type int | str"),
                            ("width: int = WIDTH", "is no literal"),
                            ("width: int = 1.0", "is 1.0 (it is of type int)"), ("wide: bool = 1", "it is of type bool"),
                            ("rate: float = 1e999", "it is of type float"), ("width: int = True", "it is of type int"),
                            ("width: int = None", "it is of type int"), ("width: int | None = 'a'", "it is of type int, or None"),
                            (f"width: int = {2**63}", "it is of type int"), ("name: str = '\\ud800'", "it is of type str"),
                            ("width: int = field(default_factory=int)", "more than `default`"), ("width: 'in t' = 1", "of type 'in t'"),
                            ("width: int = os.getpid()", "is no literal"), ("width: InitVar[int] = 1", "of type InitVar[int]")):
            self.refused(options(body), words, 7)
        self.refused(options("width: int\nwidth: int"), "stands twice", 8)
        self.refused(options("width: int").replace("@dataclass\n", "@other\n"), "is not a dataclass", 6)
        self.refused(HEAD + "class Mine(resolute.Method):\n  revision = '1'\n", "'revision' is not a whole number", 5)

    def test_a_file_has_one_method(self):
        self.refused("", "no class derives from resolute.Method", 1)
        self.refused("class Method: pass\nclass Mine(Method): pass\n", "no class derives", 1)
        self.refused("import resolute\nclass A(B, resolute.Method): pass\nclass B(A): pass\n", "no class derives", 1)
        self.refused(HEAD + "class A(resolute.Method): pass\nclass B(resolute.Method): pass\n", "'A' and 'B' derive", 5)
        self.refused("from other import Other\n" + HEAD + "class A(Other, resolute.Method): pass\n", "the options of 'Other'", 5)

    def test_what_is_no_python_is_told_with_its_line(self):
        self.refused("import resolute\nclass (:\n", "it is not Python", 2)
        self.refused("x = 1\n\0\n", "it is not Python", 1)
        self.refused("(" * 10_000, "it is not Python", 1)

    def test_the_command_runs_nothing_of_the_file_and_loads_no_library(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.py"
            file.write_text(options("width: int = 8") + f"open({folder + '/ran'!r}, 'w')\n")
            command = [sys.executable, "-X", "importtime", "-m", "resolute.schema", str(file)]
            environment = {**os.environ, "PYTHONPATH": str(BUILD / "python")}
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            self.assertEqual(schema_of(file.read_bytes(), str(file)), json.loads(ended.stdout))
            self.assertEqual([file], list(Path(folder).iterdir()))
            for library in ("torch", "numpy", "ctypes"):
                self.assertNotRegex(ended.stderr, rf"\| +{library}\n")
            for words in ([], [str(file), "more"], [folder + "/gone.py"]):
                ended = subprocess.run([sys.executable, "-m", "resolute.schema", *words], env=environment, capture_output=True, text=True,
                                       check=False)
                self.assertEqual((2, 1, ""), (ended.returncode, len(ended.stderr.splitlines()), ended.stdout))
                self.assertTrue(ended.stderr.startswith("resolute: "), ended.stderr)

    def test_packages_that_a_training_would_miss_are_told_by_who_plans_it(self):
        file = HEAD + "from . import near\nimport beside.more, json\ntry:\n  import perhaps\nexcept ImportError:\n  pass\n" + OPTIONS
        file += "\n    def network(self, facts):\n        from also_nowhere.parts import Head\n"
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "mine.py").write_text(file)
            (Path(folder) / "beside").mkdir()
            (Path(folder) / "mine.toml").write_text(SUITE.replace("[defaults]", "[defaults]\nmine.width = 8"))
            for verb, told in (("plan", True), ("status", False)):
                command = [BUILD / "bin/resolute", "suite", verb, "mine.toml", "--store", "store"]
                (Path(folder) / "store").mkdir(exist_ok=True)
                environment = {**os.environ, "PYTHONPATH": str(BUILD / "python"), "RESOLUTE_PYTHON": sys.executable}
                ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
                self.assertEqual(told, "'nothing_that_is_installed' of line 1" in ended.stderr, ended.stderr)
                self.assertEqual(told, "'also_nowhere' of line " in ended.stderr, ended.stderr)
                for other in ("'beside'", "'perhaps'", "'json'", "'near'", "'resolute'", "'dataclasses'"):
                    self.assertNotIn(other, ended.stderr)

    def test_an_import_that_fails_is_told_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.dict(sys.modules), \
                unittest.mock.patch.object(sys, "path", [*sys.path, folder]):
            (Path(folder) / "near.py").write_text("import math\nimport nothing_that_is_installed\n")
            (Path(folder) / "odd.py").write_text("there = 1\n")
            missing = f"a Python package is missing in {sys.executable} (No module named 'nothing_that_is_installed'); install it"
            for text, told in (("\nimport nothing_that_is_installed", f"mine.py:2: {missing}"), ("import near", f"near.py:2: {missing}"),
                               ("import odd\nfrom odd import gone", "mine.py:2: an import fails (cannot import name 'gone' from 'odd'"),
                               ("import odd.part", "mine.py:1: an import fails (No module named 'odd.part'; 'odd' is not a package)"),
                               ("from . import odd", "mine.py:1: an import fails (attempted relative import"),
                               ("raise ImportError('two\\nlines')", "mine.py:1: an import fails (two lines); mend")):
                try:
                    exec(compile(text, f"{folder}/mine.py", "exec"), {"__name__": "mine"})  # noqa: S102 the text stands above
                except ImportError as error:
                    self.assertTrue(failed_import(error).startswith(f"{folder}/{told}"), failed_import(error))
                else:
                    self.fail(text)

    def test_modules_beside_the_file_take_no_package_s_place(self):
        def beside(text, name="mine.py"):
            import_beside(text.encode(), f"{folder}/{name}")

        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.dict(sys.modules), \
                unittest.mock.patch.object(sys, "path", [*sys.path]):
            for name in ("near", "tabnanny", "colorsys", "sched"):
                (Path(folder) / f"{name}.py").write_text("of_the_method = True\n")
                sys.modules.pop(name, None)
            (Path(folder) / "pyclbr").mkdir()
            beside("import near, pyclbr\ntry:\n  import tabnanny\nexcept ImportError:\n  pass\n")
            beside("import colorsys", "colorsys.py")  # no file imports itself
            self.assertTrue(importlib.import_module("near").of_the_method)
            for name in ("tabnanny", "colorsys"):
                self.assertFalse(hasattr(importlib.import_module(name), "of_the_method"), name)
            for text, place in (("import near\nimport colorsys", "mine.py:2: 'colorsys'"), ("from sched import c", "mine.py:1: 'sched'"),
                                ("def f():\n  import near, tabnanny.more", "mine.py:2: 'tabnanny'")):
                with self.assertRaises(resolute.InputError) as caught:
                    beside(text)
                name = place.split("'")[1]
                self.assertTrue(str(caught.exception).startswith(f"{folder}/{place} stands for two modules ({folder}/{name}.py and "))

    def test_the_command_warns_of_a_name_that_stands_for_two_modules(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "mine.py").write_text("import colorsys, resolute\n" + OPTIONS)
            for name in ("colorsys", "numpy", "torch"):
                (Path(folder) / f"{name}.py").write_text("raise RuntimeError('of the folder')\n")
            ended = subprocess.run([sys.executable, "-m", "resolute.schema", "mine.py"], cwd=folder, capture_output=True, text=True,
                                   env={**os.environ, "PYTHONPATH": str(BUILD / "python")}, check=True)
            self.assertEqual("Mine", json.loads(ended.stdout)["class"])
            self.assertIn("mine.py:1: 'colorsys' stands for two modules (", ended.stderr)

    def test_the_package_s_program_reads_by_the_package_s_python(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "mine.py").write_text(options("width: int = 8"))
            (Path(folder) / "mine.toml").write_text(SUITE)
            environment = {**os.environ, "PYTHONPATH": str(BUILD / "python"), "PATH": "/nowhere"}
            environment.pop("RESOLUTE_PYTHON", None)
            command = ["suite", "plan", "mine.toml", "--store", "store", "--json"]
            ended = subprocess.run([sys.executable, "-m", "resolute", *command], cwd=folder, env=environment, stdout=subprocess.PIPE,
                                   text=True, check=True)
            self.assertEqual([sys.executable, "-m", "resolute", "work", f"{folder}/mine.py"], json.loads(ended.stdout)["worker"])
            ended = subprocess.run([BUILD / "bin/resolute", *command], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True,
                                   check=False)
            self.assertEqual((2, 1), (ended.returncode, len(ended.stderr.splitlines())))
            self.assertIn("'python3 -m resolute.schema' cannot be started", ended.stderr)

    def test_the_examples_are_methods(self):
        for name in ("external_worker", "osnet_worker"):
            self.assertTrue(described((SOURCE / f"experiments/examples/{name}.py").read_text())["options"], name)


if __name__ == "__main__":
    unittest.main()
