"""What `cpack` makes runs where it is unpacked: elsewhere, by another user, without a right to write there."""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from installed import SUITE, output_of, table_of_a_run

BUILD = pathlib.Path(sys.argv.pop())
OTHER_USER = "nobody" if os.geteuid() == 0 else None


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.folder.chmod(0o755)
        cls.pack("made")
        cls.archive = next((cls.folder / "made").glob("*.tar.gz"))
        cls.package = next((cls.folder / "made").glob("*.deb"))
        cls.suite = cls.folder / "tiny.toml"
        shutil.copy(SUITE, cls.suite)

    @classmethod
    def pack(cls, name):
        output_of("cpack", "-B", cls.folder / name, cwd=BUILD, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def runs_to_its_table(self, prefix):
        """By another user, who may not write below the prefix and cannot read the builder's home."""
        output_of("chmod", "-R", "a-w,a+rX", prefix)
        home = self.folder / f"home of {prefix.parent.name}"
        home.mkdir()
        if OTHER_USER:
            shutil.chown(home, OTHER_USER)
        store = home / "store"
        more = {"user": OTHER_USER, "cwd": home, "env": {"HOME": str(home), "PATH": "/usr/bin:/bin"}}
        table = table_of_a_run(prefix / "bin/resolute", self.suite, store, **more)
        self.assertRegex(table, r"Baseline \(HR\) *\|.*\d+\.\d")
        output_of("chmod", "-R", "u+w", prefix)

    def test_the_archive_runs_where_it_is_unpacked(self):
        elsewhere = self.folder / "an archive"
        elsewhere.mkdir()
        output_of("tar", "-C", elsewhere, "-xf", self.archive)
        self.runs_to_its_table(next(elsewhere.iterdir()))

    def test_the_archive_needs_the_c_library_alone(self):
        tree = self.folder / "carried"
        tree.mkdir()
        output_of("tar", "-C", tree, "--strip-components=1", "-xf", self.archive)
        for program in [tree / "bin/resolute", *(tree / "lib/resolute").glob("resolute-*"), tree / "lib/resolute/libresolute_python.so"]:
            for line in output_of("ldd", program).splitlines():
                name, _, path = (part.strip() for part in line.partition("=>"))
                self.assertTrue(str(tree) in path or re.match(r"/lib64/ld-linux|linux-vdso|lib(c|m|gcc_s|resolv|dl|pthread|rt|util|stdc\+\+)\.", name),
                                f"{program.name}: {line}")

    @unittest.skipUnless(os.geteuid() == 0, "a root of another system is made by root")
    def test_the_archive_runs_on_debian_11(self):
        root = self.folder / "bullseye"
        output_of("debootstrap", "--variant=minbase", "bullseye", root)
        (root / "opt/resolute").mkdir()
        output_of("tar", "-C", root / "opt/resolute", "--strip-components=1", "-xf", self.archive)
        shutil.copy(SUITE, root / "tmp/tiny.toml")
        for folder in ["proc", "dev"]:
            output_of("mount", "--bind", f"/{folder}", root / folder)
            self.addCleanup(output_of, "umount", root / folder)
        store = root / "tmp/store"
        table = table_of_a_run("/opt/resolute/bin/resolute", "/tmp/tiny.toml", "/tmp/store", env={"HOME": "/root", "PATH": "/usr/bin:/bin"},
                               preexec_fn=lambda: (os.chroot(root), os.chdir("/")))
        self.assertRegex(table, r"Baseline \(HR\) *\|.*\d+\.\d")
        table_of_a_run(BUILD / "bin/resolute", SUITE, self.folder / "here")
        for file in sorted((self.folder / "here/jobs").rglob("result.json")):
            there = store / file.relative_to(self.folder / "here")
            self.assertEqual(file.read_bytes(), there.read_bytes(), file)

    def test_the_package_runs_below_another_root(self):
        root = self.folder / "a root"
        output_of("dpkg-deb", "-x", self.package, root)
        self.runs_to_its_table(root / "usr")

    def test_the_package_names_what_its_programs_load(self):
        needed = output_of("dpkg-deb", "-f", self.package, "Depends")
        for library in ["libopenmpi3", "libhdf5-103", "libopenblas0", "libstdc++6", "libtomlplusplus3"]:
            self.assertIn(library, needed)
        self.assertEqual(output_of("dpkg-deb", "-f", self.package, "Version").strip(),
                         output_of(BUILD / "bin/resolute", "--version").split()[1])

    def test_two_packings_of_one_build_are_the_same_bytes(self):
        self.pack("again")
        for made in [self.archive, self.package]:
            # Not assertEqual: it would print a hundred megabytes.
            self.assertTrue(made.read_bytes() == (self.folder / "again" / made.name).read_bytes(), made.name)

    def test_the_package_is_small_enough_to_be_passed_on(self):
        self.assertLess(self.package.stat().st_size, 120_000_000)


if __name__ == "__main__":
    unittest.main()
