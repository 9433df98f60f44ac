"""What `cmake --install` puts into a folder works from there, as another place than the build and without a right to write."""
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import unittest

from installed import ROOT, SUITE, output_of, table_of_a_run

BUILD = pathlib.Path(sys.argv.pop())


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.prefix = pathlib.Path(cls.folder.name) / "else where"
        output_of("cmake", "--install", BUILD, "--prefix", cls.prefix)
        for path in [cls.prefix, *cls.prefix.rglob("*")]:
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        cls.program = cls.prefix / "bin/resolute"

    @classmethod
    def tearDownClass(cls):
        for path in [cls.prefix, *cls.prefix.rglob("*")]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        cls.folder.cleanup()

    def test_shipped_suites_are_there_and_plan_as_they_do_with_the_built_program(self):
        store = pathlib.Path(self.folder.name) / "empty"
        shipped = self.prefix / "share/resolute/suites"
        self.assertEqual(sorted(path.name for path in shipped.iterdir()),
                         sorted(path.name for path in (ROOT / "experiments/suites").iterdir()))
        words = ["suite", "plan", shipped / "quickstart.toml", "--store", store]
        self.assertEqual(output_of(self.program, *words), output_of(BUILD / "bin/resolute", *words))

    def test_a_suite_runs_to_its_table(self):
        store = pathlib.Path(self.folder.name) / "store"
        table = table_of_a_run(self.program, SUITE, store)
        self.assertRegex(table, r"Baseline \(HR\) *\|.*\d+\.\d")

    def test_headers_and_tests_stay_behind(self):
        left = [path.name for path in self.prefix.rglob("*") if path.suffix in {".h", ".a"} or
                "test" in path.name and "share/doc" not in str(path)]
        self.assertEqual(left, [])

    def test_programs_name_no_folder_of_the_machine_that_built_them(self):
        for name in ["bin/resolute", "lib/resolute/resolute-worker", "lib/resolute/resolute-torch",
                     "lib/resolute/libresolute_cuda.so"]:
            names = re.findall(r"R(?:UN)?PATH\) +Library r\w+: \[(.*)\]", output_of("readelf", "-d", self.prefix / name))
            self.assertIn(names, [[], ["$ORIGIN"]], name)

    def test_the_worker_runs_with_the_libtorch_beside_it(self):
        output_of(self.prefix / "bin/resolute-worker", "describe")
        traced = subprocess.run([self.prefix / "bin/resolute-worker", "describe"], capture_output=True, text=True,
                                check=True, env=os.environ | {"LD_DEBUG": "files"}).stderr
        loaded = set(re.findall(r"calling init: (.*/lib(?:torch|c10|gomp|cudart|cupti)[^/\s]*)\s*$", traced, re.M))
        self.assertEqual({str(pathlib.Path(path).parent) for path in loaded}, {str(self.prefix / "lib/resolute")})
        self.assertIn(str(self.prefix / "lib/resolute/libtorch_cpu.so"), loaded)

    def test_completions_are_those_of_the_program(self):
        for name, words in {"share/bash-completion/completions/resolute": ["completion", "bash"],
                            "share/zsh/site-functions/_resolute": ["completion", "zsh"]}.items():
            self.assertEqual((self.prefix / name).read_text(), output_of(self.program, *words), name)

    def test_the_manual_page_is_set_without_a_warning(self):
        page = self.prefix / "share/man/man1/resolute.1"
        self.assertIn("suite run", page.read_text())
        set_here = subprocess.run(["groff", "-Kutf8", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, check=True)
        self.assertEqual(set_here.stderr, b"")

    def test_licences_citation_and_pages_are_there(self):
        pages = self.prefix / "share/doc/resolute"
        for name in ["LICENSE", "CITATION.cff", "CHANGELOG.md", "README.md", "docs/suite.md"]:
            self.assertTrue((pages / name).is_file(), name)
        for name in ["torch", "nvidia_cuda_runtime", "nvidia_cuda_cupti", "plotly"]:
            self.assertTrue([path for path in pages.glob(f"third_party/{name}-*/**/*") if path.is_file()], name)


if __name__ == "__main__":
    unittest.main()
