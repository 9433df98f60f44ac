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
                              timeout=300).returncode == 0

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


class TorchPython(unittest.TestCase):
    def test_of_another_libtorch_or_with_other_packages_is_made_again(self):
        folder, environment = checkout(self, "common.sh", "torch_python.sh", "reader_wheels.txt")
        environment.pop("LIBTORCH_ROOT", None)

        def run(script, **more):
            before = f'. "{folder}/script/support/common.sh"; . "{folder}/script/support/torch_python.sh"; '
            return subprocess.run(["bash", "-c", before + script], env={**environment, **more}, check=False, timeout=300).returncode

        self.assertEqual(0, run('mkdir -p "$cache/torch-python"; torch_python_parts >"$cache/torch-python/complete"'))
        self.assertEqual(0, run("has_torch_python"))
        self.assertNotEqual(0, run("has_torch_python", LIBTORCH_ROOT="/elsewhere/torch"))
        self.assertNotEqual(0, run("torch_python_packages+=(one==1.0); has_torch_python"))
        self.assertEqual(0, run('mkdir -p "$cache/reader-python"; reader_python_parts >"$cache/reader-python/complete"'))
        self.assertEqual(0, run("has_reader_python"))
        self.assertNotEqual(0, run('echo more >>"$cache/torch-python/complete"; has_reader_python'))


if __name__ == "__main__":
    unittest.main()
