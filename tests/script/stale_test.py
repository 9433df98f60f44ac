"""is_stale() of script/support/common.sh: whether a build folder is of this checkout and of the libtorch that is wanted."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Stale(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        support = self.folder / "checkout/script/support"
        support.mkdir(parents=True)
        shutil.copy(ROOT / "script/support/common.sh", support)
        self.environment = {**os.environ, "RESOLUTE_CACHE": str(self.folder / "cache")}
        self.environment.pop("LIBTORCH_ROOT", None)

    def configured(self, home, libtorch):
        build = self.folder / "checkout/build/release"
        build.mkdir(parents=True, exist_ok=True)
        (build / "CMakeCache.txt").write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={home}\nLIBTORCH_ROOT:UNINITIALIZED={libtorch}\n")

    def is_stale(self, **more):
        script = self.folder / "checkout/script/support/common.sh"
        return subprocess.run(["bash", "-c", '. "$0"; is_stale ci', script], env={**self.environment, **more}, check=False,
                              timeout=60).returncode == 0

    def test_a_folder_of_this_checkout_and_libtorch_is_not_and_one_of_another_is(self):
        self.assertFalse(self.is_stale(), "nothing is configured yet")
        own, libtorch = self.folder / "checkout", self.folder / "cache/libtorch-2.11.0/torch"
        self.configured(own, libtorch)
        self.assertFalse(self.is_stale())
        self.assertTrue(self.is_stale(LIBTORCH_ROOT=str(self.folder / "mine")))
        self.configured(own, self.folder / "mine")
        self.assertTrue(self.is_stale())
        self.assertFalse(self.is_stale(LIBTORCH_ROOT=str(self.folder / "mine")))
        self.configured(self.folder / "copied from", libtorch)
        self.assertTrue(self.is_stale())

    def test_a_checkout_may_be_reached_by_another_path(self):
        (self.folder / "link").symlink_to("checkout")
        self.configured(self.folder / "link", self.folder / "cache/libtorch-2.11.0/torch")
        self.assertFalse(self.is_stale())


if __name__ == "__main__":
    unittest.main()
