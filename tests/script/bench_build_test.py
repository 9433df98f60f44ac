"""bench/program/build.py on a small project in place of this one: what it measures, what it leaves as it is, what it does without
the earlier revision."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRESETS = {"version": 4, "configurePresets": [
    {"name": name, "generator": "Ninja", "binaryDir": "${sourceDir}/build/release", "cacheVariables": {"TESTS": tests}}
    for name, tests in (("release", "OFF"), ("ci", "ON"))]}
# Each compilation sleeps, the product's at the earlier revision for longest, and says in a file what was compiled with
# which CCACHE_DISABLE.
CMAKE = """cmake_minimum_required(VERSION 3.25)
project(small NONE)
if(NOT LIBTORCH_ROOT STREQUAL "/somewhere")
  message(FATAL_ERROR "LIBTORCH_ROOT is '${LIBTORCH_ROOT}'")
endif()
function(compiled name source seconds)
  add_custom_command(OUTPUT ${name}.out DEPENDS ${CMAKE_SOURCE_DIR}/${source} COMMAND sleep ${seconds}
    COMMAND sh -c "echo ${name} $CCACHE_DISABLE >>${SAID}; touch ${name}.out" VERBATIM)
  add_custom_target(${name} DEPENDS ${name}.out ${ARGN})
endfunction()
compiled(resolute orchestrator/decisions/decide.cpp SECONDS)
compiled(resolute-worker methods/rain/networks/rain.cpp 0)
add_custom_target(other ALL COMMAND false)
if(TESTS)
  enable_testing()
  compiled(tests_methods methods/rain/networks/rain.cpp 0)
  compiled(tests_orchestrator orchestrator/decisions/decide.cpp 0)
  foreach(name methods/method_test methods/other_test decisions/decide_test)
    add_test(NAME ${name} COMMAND sh -c "echo ${name} >>${SAID}; ! grep -q wrong ${CMAKE_SOURCE_DIR}/orchestrator/decisions/decide.cpp")
  endforeach()
endif()
"""


class BenchBuild(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.said, self.project, self.scratch = (self.folder / name for name in ("said", "project", "scratch"))
        self.scratch.mkdir()
        for source in ("methods/rain/networks/rain.cpp", "orchestrator/decisions/decide.cpp"):
            (self.project / source).parent.mkdir(parents=True)
            (self.project / source).write_text("int source;\n", encoding="utf-8")
        (self.project / "CMakePresets.json").write_text(json.dumps(PRESETS), encoding="utf-8")
        self.git("init", "-q")
        self.before = self.commit("1.5")
        self.commit("0.1")

    def git(self, *arguments):
        return subprocess.run(["git", "-C", self.project, "-c", "user.name=A", "-c", "user.email=a@b", *arguments], check=True,
                              capture_output=True, text=True).stdout.strip()

    def commit(self, seconds):
        text = CMAKE.replace("SECONDS", seconds).replace("${SAID}", str(self.said))
        (self.project / "CMakeLists.txt").write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "a revision")
        return self.git("rev-parse", "HEAD")

    def run_bench(self, *options):
        environment = {**os.environ, "RESOLUTE_CACHE": str(self.folder / "cache")}
        environment.pop("CCACHE_DISABLE", None)
        done = subprocess.run(["/usr/bin/python3", ROOT / "bench/program/build.py", self.project, "/somewhere", "--folder",
                               self.scratch, "--json", *options], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(list(self.scratch.iterdir()), [])
        return done

    def figures(self, *options):
        done = self.run_bench(*options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {item["name"]: item for item in json.loads(done.stdout)["figures"]}, done.stderr

    def lines(self):
        return self.said.read_text(encoding="utf-8").splitlines()

    def test_builds_the_product_of_both_and_an_edit_of_each(self):
        (self.project / "orchestrator/decisions/decide.cpp").write_text("int not_committed;\n", encoding="utf-8")
        figures, _ = self.figures("--before", self.before)
        self.assertEqual(list(figures), ["build_vs_before", "edit_rain", "edit_decide"])
        built = figures["build_vs_before"]
        self.assertLess(built["ours"], built["peer"])
        self.assertGreater(built["peer"], 1.5)
        self.assertEqual((built["ratio"], built["bar"], built["unit"]), (built["peer"] / built["ours"], 2.0, "s"))
        for name, limit in (("edit_rain", 60), ("edit_decide", 30)):
            edit = figures[name]
            self.assertEqual((edit["peer"], edit["bar"], edit["ratio"]), (limit, 1.0, limit / edit["ours"]))
        lines = self.lines()
        # Both products without ccache; then tests as ccache has them, and what the edit made old without it.
        self.assertEqual(sorted(lines[:4]), ["resolute 1", "resolute 1", "resolute-worker 1", "resolute-worker 1"])
        self.assertEqual(lines[4:], ["tests_methods", "tests_methods 1", "methods/method_test",
                                     "tests_orchestrator", "tests_orchestrator 1", "decisions/decide_test"])
        # The checkout is as it was.
        self.assertEqual(self.git("status", "--short"), "M orchestrator/decisions/decide.cpp")
        self.assertEqual((self.project / "orchestrator/decisions/decide.cpp").read_text(encoding="utf-8"), "int not_committed;\n")

    def test_measures_the_rest_where_history_does_not_reach_that_far(self):
        figures, said = self.figures("--only", "build_vs_before,edit_decide")
        self.assertEqual(list(figures), ["edit_decide"])
        self.assertIn("resolute: build_vs_before is left out (the history of", said)
        self.assertEqual(self.lines(), ["tests_orchestrator", "tests_orchestrator 1", "decisions/decide_test"])

    def test_a_test_that_fails_is_no_figure(self):
        (self.project / "orchestrator/decisions/decide.cpp").write_text("wrong\n", encoding="utf-8")
        done = self.run_bench("--only", "edit_decide")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn('step "edit_decide: tests" failed', done.stderr)

    def test_no_checkout_and_no_figure_are_refused(self):
        self.assertEqual(self.run_bench("--only", "nonsense").returncode, 2)
        shutil.rmtree(self.project / ".git")
        done = self.run_bench("--only", "edit_decide")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("cannot tell which files belong to", done.stderr)


if __name__ == "__main__":
    unittest.main()
