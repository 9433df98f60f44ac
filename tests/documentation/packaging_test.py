"""packaging/: images are of Debian 12, made of script/package's .deb, and name no package that the scripts' lists lack."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = {name: (ROOT / "packaging" / name).read_text(encoding="utf-8") for name in ("Dockerfile", "resolute.def")}


class Packaging(unittest.TestCase):
    def test_every_package_stands_in_the_lists_of_the_scripts(self):
        listed = set()
        for path in (ROOT / "script/support").glob("packages*.txt"):
            listed |= {line for line in path.read_text().splitlines() if not line.startswith("#")}
        for name, text in IMAGES.items():
            calls = re.findall(r"apt-get install ((?:[^\n&\\]|\\\n)*)", text)
            self.assertTrue(calls, name)
            named = [word for call in calls for word in call.split() if not word.startswith(("-", "/", "\\"))]
            self.assertLessEqual(set(named), listed, name)

    def test_base_is_debian_12_and_the_deb_is_installed(self):
        for name, text in IMAGES.items():
            bases = re.findall(r"^(?:FROM|From:) (\S+)", text, re.M)
            self.assertEqual(set(bases), {"debian:bookworm-slim"}, name)
            self.assertIn("script/package", text, name)
            self.assertRegex(text, r"apt-get install [^\n]*\.deb", name)

    def test_copied_paths_are_there(self):
        self.assertTrue((ROOT / "script/package").stat().st_mode & 0o100)
        self.assertIn("default: build/package", (ROOT / "script/package").read_text())
        self.assertIn("build/package/*.deb", IMAGES["resolute.def"])


if __name__ == "__main__":
    unittest.main()
