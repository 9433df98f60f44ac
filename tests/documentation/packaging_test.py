"""packaging/: the image is of Debian 12, made of script/package's .deb, and names no package that the scripts' lists lack."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = (ROOT / "packaging/Dockerfile").read_text(encoding="utf-8")


class Packaging(unittest.TestCase):
    def test_every_package_stands_in_the_lists_of_the_scripts(self):
        listed = set()
        for path in (ROOT / "script/support").glob("packages*.txt"):
            listed |= {line for line in path.read_text().splitlines() if not line.startswith("#")}
        calls = re.findall(r"apt-get install ((?:[^\n&\\]|\\\n)*)", IMAGE)
        self.assertTrue(calls)
        named = [word for call in calls for word in call.split() if not word.startswith(("-", "/", "\\"))]
        self.assertLessEqual(set(named), listed)

    def test_base_is_debian_12_and_the_deb_is_installed(self):
        self.assertEqual(set(re.findall(r"^FROM (\S+)", IMAGE, re.M)), {"debian:bookworm-slim"})
        self.assertIn("script/package", IMAGE)
        self.assertRegex(IMAGE, r"apt-get install [^\n]*\.deb")
        self.assertTrue((ROOT / "script/package").stat().st_mode & 0o100)

    def test_the_image_without_docker_is_of_the_archive_and_of_the_same_system(self):
        text = (ROOT / "script/image").read_text(encoding="utf-8")
        self.assertRegex(text, r"debootstrap [^\n]*openmpi-bin[^\n]* bookworm ")
        self.assertIn("build/package/resolute-$version-x86_64.tar.gz", text)
        self.assertIn("default: build/package", (ROOT / "script/package").read_text())


if __name__ == "__main__":
    unittest.main()
