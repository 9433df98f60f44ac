"""is_stale() of script/support/common.sh: whether a build folder is of this checkout and of the libtorch that is wanted."""

import subprocess
import unittest

from checkout import checkout


class Stale(unittest.TestCase):
    def setUp(self):
        self.folder, self.environment = checkout(self, "common.sh")
        self.environment.pop("LIBTORCH_ROOT", None)

    def configured(self, home, libtorch):
        build = self.folder / "build/release"
        build.mkdir(parents=True, exist_ok=True)
        (build / "CMakeCache.txt").write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={home}\nLIBTORCH_ROOT:UNINITIALIZED={libtorch}\n")

    def is_stale(self, **more):
        script = self.folder / "script/support/common.sh"
        return subprocess.run(["bash", "-c", '. "$0"; is_stale ci', script], env={**self.environment, **more}, check=False,
                              timeout=60).returncode == 0

    def test_a_folder_of_this_checkout_and_libtorch_is_not_and_one_of_another_is(self):
        self.assertFalse(self.is_stale(), "nothing is configured yet")
        own, libtorch = self.folder, self.folder / "cache/libtorch-2.11.0/torch"
        self.configured(own, libtorch)
        self.assertFalse(self.is_stale())
        self.assertTrue(self.is_stale(LIBTORCH_ROOT=str(self.folder / "mine")))
        self.configured(own, self.folder / "mine")
        self.assertTrue(self.is_stale())
        self.assertFalse(self.is_stale(LIBTORCH_ROOT=str(self.folder / "mine")))
        self.configured(self.folder / "copied from", libtorch)
        self.assertTrue(self.is_stale())

    def test_a_checkout_may_be_reached_by_another_path(self):
        (self.folder / "link").symlink_to(self.folder)
        self.configured(self.folder / "link", self.folder / "cache/libtorch-2.11.0/torch")
        self.assertFalse(self.is_stale())


if __name__ == "__main__":
    unittest.main()
