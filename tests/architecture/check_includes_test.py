"""The include check accepts this tree and refuses each kind of wrong arrow, naming file, line and rule."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECK = Path(__file__).with_name("check_includes.py")


def check(root):
    return subprocess.run([sys.executable, str(CHECK), str(root)], capture_output=True, text=True, check=False)


class CheckIncludes(unittest.TestCase):
    def refused(self, name, line, rule):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.parent.mkdir(parents=True)
            path.write_text("#pragma once\n" + line + "\n", encoding="utf-8")
            result = check(folder)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"{name}:2:", result.stdout)
            self.assertIn(rule, result.stdout)

    def test_this_tree_keeps_its_arrows(self):
        result = check(ROOT)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.returncode, 0)

    def test_upward_and_sideways_includes_are_refused(self):
        self.refused("core/a.h", '#include "datasets/split/split.h"', "core may include nothing only")
        self.refused("orchestrator/a.cpp", '#include "workers/jobs/job.h"', "orchestrator may include core, experiments, settings only")
        self.refused("cli/a.cpp", '#include "workers/jobs/job.h"', "cli may include")
        self.refused("experiments/a.cpp", '#include "methods/rain/networks/networks.h"', "experiments may include")
        self.refused("methods/rain/row.cpp", '#include "methods/rain/networks/rain.h"', "methods may include settings only")
        self.refused("methods/rain/options.h", '#include "networks/torch.h"', "methods may include settings only")
        self.refused("methods/rain/networks/a.h", '#include "workers/training/trainer.h"',
                     "methods/networks may include core, methods, networks, settings only")
        self.refused("networks/nn/a.h", '#include "methods/row.h"', "networks may include core, settings only")
        self.refused("datasets/a.cpp", '#include "experiments/specification/plan.h"', "datasets may include core, settings only")

    def test_includes_against_the_order_of_rooms_are_refused(self):
        self.refused("orchestrator/decisions/a.cpp", '#include "orchestrator/journal/journal.h"',
                     "orchestrator/decisions may include of its part orchestrator/messages only")
        self.refused("workers/evaluation/a.h", '#include "workers/training/trainer.h"', "workers/evaluation may include of its part")
        self.refused("results/scores/a.h", '#include "results/tables/tables.h"', "results/scores may include of its part")

    def test_what_decides_does_no_input_or_output(self):
        for header in ["<fstream>", "<thread>", '"core/clock.h"', '"core/files/file_system.h"', '"core/process/process.h"']:
            self.refused("orchestrator/decisions/a.cpp", f"#include {header}", "what decides does no I/O")

    def test_rooms_are_known_small_described_and_show_only_what_they_offer(self):
        with tempfile.TemporaryDirectory() as folder:
            def write(name, text):
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")

            write("results/kernel/README.md", "# results/kernel\n\nOffers: `a.h`.\n")
            write("results/kernel/a.h", "#pragma once\n")
            write("results/scores/README.md", "")
            write("results/scores/b.cpp", '#include "results/kernel/a.h"\n')
            self.assertEqual(check(folder).stdout, "")
            write("results/scores/b.cpp", '#include "results/kernel/hidden.h"\n')
            self.assertIn("results/kernel/README.md does not offer it", check(folder).stdout)
            write("results/attic/c.h", "")
            self.assertIn("results/attic:1: a room that check_includes.py does not know", check(folder).stdout)
            (Path(folder) / "results/scores/README.md").unlink()
            self.assertIn("results/scores:1: no README.md", check(folder).stdout)
            for number in range(22):
                write(f"results/kernel/file_{number}.h", "")
            self.assertIn("results/kernel:1: 23 files", check(folder).stdout)

    def test_rooms_of_benchmarks_and_system_tests_are_as_small(self):
        with tempfile.TemporaryDirectory() as folder:
            for room in ["bench/startup", "tests/system/rank"]:
                (Path(folder) / room).mkdir(parents=True)
                for number in range(22):
                    (Path(folder) / room / f"{number}.py").touch()
            self.assertEqual(check(folder).stdout, "bench/startup:1: no README.md, which says what the room is for\n")
            (Path(folder) / "bench/startup/README.md").touch()
            self.assertEqual(check(folder).stdout, "")
            for room in ["bench/startup", "tests/system/rank"]:
                (Path(folder) / room / "one_more.h").touch()
            self.assertEqual(check(folder).stdout, "bench/startup:1: 23 files; a room has at most 22\n"
                             "tests/system/rank:1: 23 files; a room has at most 22\n")

    def test_vendor_headers_outside_their_fence_are_refused(self):
        self.refused("orchestrator/a.cpp", "#include <mpi.h>", "only orchestrator/transport/mpi_library")
        self.refused("results/a.cpp", "#include <torch/torch.h>", "only networks/")
        self.refused("methods/rain/row.cpp", "#include <torch/torch.h>", "only networks/")
        self.refused("datasets/pack/a.cpp", "#include <hdf5.h>", "only datasets/hdf5/")
        self.refused("results/scores/ranking.cpp", "#include <cblas.h>", "only results/kernel/gemm_openblas")
        self.refused("datasets/a.cpp", "#include <jpeglib.h>", "only datasets/image/")
        self.refused("cli/a.cpp", "#include <toml++/toml.h>", "only experiments/")
        self.refused("workers/training/trainer.cpp", "#include <boost/program_options.hpp>", "only cli/")


if __name__ == "__main__":
    unittest.main()
