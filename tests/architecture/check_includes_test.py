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
        self.refused("orchestrator/a.cpp", '#include "workers/jobs/job.h"', "orchestrator may include core, experiments, methods, settings only")
        self.refused("cli/a.cpp", '#include "workers/jobs/job.h"', "cli may include")
        self.refused("experiments/a.cpp", '#include "methods/rain/networks.h"', "experiments may include")
        self.refused("methods/rain/row.cpp", '#include "methods/rain/rain.h"', "methods may include core, settings only")
        self.refused("methods/rain/options.h", '#include "workers/torch.h"', "methods may include core, settings only")
        self.refused("datasets/a.cpp", '#include "experiments/specification/plan.h"', "datasets may include core, settings only")

    def test_vendor_headers_outside_their_fence_are_refused(self):
        self.refused("orchestrator/a.cpp", "#include <mpi.h>", "only orchestrator/transport/mpi")
        self.refused("results/a.cpp", "#include <torch/torch.h>", "only workers/")
        self.refused("methods/rain/row.cpp", "#include <torch/torch.h>", "only workers/")
        self.refused("datasets/pack/a.cpp", "#include <hdf5.h>", "only datasets/hdf5/")
        self.refused("results/scores/ranking.cpp", "#include <cblas.h>", "only results/gemm_openblas")
        self.refused("datasets/a.cpp", "#include <jpeglib.h>", "only datasets/image/")
        self.refused("cli/a.cpp", "#include <toml++/toml.h>", "only experiments/")
        self.refused("workers/training/trainer.cpp", "#include <boost/program_options.hpp>", "only cli/")


if __name__ == "__main__":
    unittest.main()
