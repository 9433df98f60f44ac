"""docs/datasets.md: its commands are ones that `resolute` takes, every source has its section, and each stand-in gives the
pack whose hash the page prints."""
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv.pop()


def run(words, folder):
    return subprocess.run([PROGRAM, *words], cwd=folder, capture_output=True, text=True, timeout=300)


def commands_of(block):
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("resolute ")]


class Section:
    """One `## ` of the page: commands for the downloaded set, commands for its stand-in, and the stand-in's pack."""

    def __init__(self, title, text):
        self.title = title
        blocks = [commands_of(block) for block in re.findall(r"```sh\n(.*?)```", text, re.S)]
        self.real = [command for block in blocks for command in block if not any(words[1] == "synth" for words in block)]
        self.stand_ins = [block for block in blocks if any(words[1] == "synth" for words in block)]
        self.hashes = re.findall(r"^Pack: `([0-9a-f]{64})`$", text, re.M)

    def sources(self):
        return {words[2] for block in self.stand_ins for words in block if words[1] == "ingest"}


def sections():
    page = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", page, flags=re.M)
    return page, [Section(title, text) for title, text in zip(parts[1::2], parts[2::2])]


class DatasetsPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page, cls.sections = sections()

    def test_every_source_has_a_section(self):
        with tempfile.TemporaryDirectory() as folder:
            answer = run(["data", "ingest", "no-such-source", "--root", ".", "--store", "store"], folder)
        self.assertIn("it must be one of", answer.stderr)
        known = set(re.search(r"it must be one of ([^)]*)", answer.stderr).group(1).split(", "))
        self.assertEqual(known, set().union(*(section.sources() for section in self.sections)))

    def test_commands_for_downloaded_sets_lack_the_images_alone(self):
        for section in self.sections:
            for words in section.real:
                with self.subTest(section=section.title, command=" ".join(words)), tempfile.TemporaryDirectory() as folder:
                    answer = run(words, folder)
                    self.assertEqual(answer.returncode, 2, answer.stderr)
                    self.assertRegex(answer.stderr, "does not exist|cannot open")

    def test_stand_ins_give_the_packs_of_the_page(self):
        tried = 0
        for section in self.sections:
            self.assertEqual(len(section.stand_ins), len(section.hashes), section.title)
            for block, wanted in zip(section.stand_ins, section.hashes):
                with self.subTest(section=section.title), tempfile.TemporaryDirectory() as folder:
                    for words in block:
                        answer = run(words, folder)
                        self.assertEqual(answer.returncode, 0, answer.stderr)
                    self.assertEqual(re.findall(r"pack ([0-9a-f]{64})", answer.stdout), [wanted])
                    for pack in pathlib.Path(folder).glob("store/packs/*"):
                        self.check_versions(pack)
                    tried += 1
        self.assertGreaterEqual(tried, 10)

    def check_versions(self, pack):
        """Other libraries, other bytes: the page says which ones gave its hashes."""
        seal = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
        self.assertIn(seal["decoder"], self.page)
        self.assertIn("HDF5 " + seal["hdf5"], self.page)


if __name__ == "__main__":
    unittest.main()
