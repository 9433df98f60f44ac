"""How long building takes: the product from nothing, beside itself at an earlier revision, compiled without ccache in one run;
and from an edit of one file to the result of the tests that exercise it. All of it happens in copies of the checkout: its
own build folder and its files stay as they are.

Usage: build.py CHECKOUT LIBTORCH_ROOT [--folder DIR] [--before REVISION] [--only FIGURE[,FIGURE]] [--json]
Figures: build_vs_before, edit_rain, edit_decide
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from figures import figure, show  # noqa: E402

STEP = pathlib.Path(__file__).resolve().parents[2] / "script/support/common.sh"
BEFORE = "8a68701fc0dd7f3c836e0823bc520b68e4361349"
PRODUCT = ["resolute", "resolute-worker"]
# figure: the file, what builds its part's tests, the tests that exercise it, seconds at the most.
EDITS = {
    "edit_rain": ("methods/rain/networks/rain.cpp", "tests_methods",
                  "^methods/(finite_difference|golden_methods|labels|method|rain_networks)_test$", 60.0),
    "edit_decide": ("orchestrator/decisions/decide.cpp", "tests_orchestrator", "^decisions/decide_test$", 30.0),
}


def step(name, tree, *command, cached=False):
    """Seconds of a command in a tree, which shows its progress and, where it fails, the end of its log (step() of
    common.sh)."""
    environment = dict(os.environ) if cached else {**os.environ, "CCACHE_DISABLE": "1"}
    begun = time.monotonic()
    process = subprocess.Popen(["bash", "-c", '. "$0"; step "$@"', STEP, name, *command], cwd=tree, env=environment)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if code != 0:
        sys.exit(1)
    return time.monotonic() - begun


def git(checkout, *arguments):
    return subprocess.run(["git", "-C", checkout, *arguments], capture_output=True, check=False)


def copy_of(checkout, tree):
    """The checkout as it is, edits that are not committed included."""
    listed = git(checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode != 0:
        sys.exit(f"resolute: cannot tell which files belong to '{checkout}' ({listed.stderr.decode().strip()}); run this in a "
                 "git clone")
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if os.path.lexists(checkout / name):  # a deleted file is still in git's index
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, tree / name, follow_symlinks=False)


def revision_of(checkout, revision, tree):
    """The checkout as it was; nothing where its history does not reach that far."""
    archive = git(checkout, "archive", revision)
    if archive.returncode != 0:
        return False
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
    return True


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.now = options, folder, folder / "now"
        copy_of(options.checkout, self.now)

    def configure(self, name, tree, preset):
        step(f"configure {name}", tree, "cmake", "--preset", preset, f"-DLIBTORCH_ROOT={self.options.libtorch_root}")

    def cold_build(self, name, tree):
        self.configure(name, tree, "release")
        return step(f"build {name}", tree, "ninja", "-C", "build/release", *PRODUCT)

    def build_vs_before(self):
        before = self.folder / "before"
        if not revision_of(self.options.checkout, self.options.before, before):
            print(f"resolute: build_vs_before is left out (the history of '{self.options.checkout}' lacks revision "
                  f"{self.options.before[:7]}); `git fetch --unshallow` brings it", file=sys.stderr)
            return []
        # Ours first: what the system then holds in memory of compiler and headers is to the peer's advantage.
        ours = self.cold_build("now", self.now)
        peer = self.cold_build("before", before)
        shutil.rmtree(before)
        return [figure("build_vs_before", ours, peer, "s", peer / ours, 2.0)]

    def edit(self, name):
        source, target, tests, limit = EDITS[name]
        build = ["ninja", "-C", "build/release", target]
        self.configure("tests", self.now, "ci")
        step(f"build {target}", self.now, *build, cached=True)
        time.sleep(0.1)  # Files that are made in one tick of the file system's clock are of one age.
        with open(self.now / source, "a", encoding="utf-8") as file:
            file.write("// an edit\n")
        seconds = step(f"{name}: build", self.now, *build)
        seconds += step(f"{name}: tests", self.now, "ctest", "--test-dir", "build/release", "--output-on-failure",
                        "--no-tests=error", "-j", str(len(os.sched_getaffinity(0))), "-R", tests)
        return [figure(name, seconds, limit, "s", limit / seconds, 1.0)]


def main():
    figures = ["build_vs_before", *EDITS]
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("libtorch_root")
    parser.add_argument("--folder", default=None, help="where to write; a folder of its own is made there")
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--only", default=",".join(figures))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := [name for name in wanted if name not in figures]:
        parser.error(f"--only '{unknown[0]}' is none of {', '.join(figures)}")
    # Ended by a signal, it ends what it started and removes its copies.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    with tempfile.TemporaryDirectory(prefix="resolute-bench-", dir=options.folder) as folder:
        bench = Bench(options, pathlib.Path(folder))
        measured = [item for name in wanted
                    for item in (bench.build_vs_before() if name == "build_vs_before" else bench.edit(name))]
    show(measured, options.json)


if __name__ == "__main__":
    main()
