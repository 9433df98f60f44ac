"""What bench/gpu/run makes of a GPU's counts and traces."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/gpu"))
from counts import beside  # noqa: E402
from kernels import kind, summary  # noqa: E402
from suite import powers_of_two  # noqa: E402

HEADER = "| method | kernels | recordings | side launches | buckets | waits | bytes to the GPU | bytes back | allocations |"
RULER = "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"


class Counts(unittest.TestCase):
    def setUp(self):
        self.page = (ROOT / "docs/inside/gpu.md").read_text(encoding="utf-8")
        self.simulated = [line for line in self.page.split(HEADER)[1].split("\n\n")[0].splitlines()[2:]]

    def test_rows_of_the_pages_own_table_stand_above_a_gpus(self):
        lines, differences = beside(self.page, [HEADER, RULER, *self.simulated])
        self.assertEqual(2 + 2 * len(self.simulated), len(lines))
        self.assertEqual({HEADER.count("|") + 1}, {line.count("|") for line in lines})
        self.assertEqual([f"| simulated {row}" for row in self.simulated], lines[2::2])
        self.assertEqual([], differences)

    def test_more_kernels_are_none_and_another_recording_wait_or_byte_is_a_difference(self):
        cells = self.simulated[0].split(" | ")
        more = " | ".join([cells[0], "9999", "1", *cells[3:5], "2", "7", *cells[7:]])
        _, differences = beside(self.page, [HEADER, RULER, more])
        self.assertEqual(["baseline: 1 recordings, 2 on the simulated accelerator", "baseline: 2 waits, 1 on the simulated accelerator",
                          f"baseline: 7 bytes to the GPU, {cells[6]} on the simulated accelerator"], differences)


class Kernels(unittest.TestCase):
    def test_time_of_kernels_that_run_beside_one_another_counts_once(self):
        def event(category, name, begin, length):
            return {"ph": "X", "cat": category, "name": name, "ts": begin, "dur": length}

        trace = {"traceEvents": [
            event("kernel", "void at::native::vectorized_elementwise_kernel<4, at::Add<float> >(int, float)", 0, 1000),
            event("kernel", "sm90_xmma_fprop", 500, 1500), event("kernel", "sm90_xmma_fprop", 3000, 1000),
            event("cuda_runtime", "cudaLaunchKernel", 0, 5), event("cuda_runtime", "cudaGraphLaunch", 5, 5),
            event("cuda_runtime", "cudaEventSynchronize", 9, 900), {"ph": "M", "name": "process_name"}]}
        lines = summary(trace, 2)
        self.assertIn("busy for 1.50 ms of 2.00, with 2 kernels by 1 launches; the host waits 0.5 times", lines[0])
        self.assertEqual("| `sm90_xmma_fprop` | 1.0 | 1.25 | 71% |", lines[4])
        self.assertEqual("| `at::native::vectorized_elementwise_kernel` | 0.5 | 0.50 | 29% |", lines[5])

    def test_a_trace_without_a_gpu_says_so(self):
        self.assertEqual(["The trace has no kernel of a GPU."], summary({"traceEvents": []}, 3))

    def test_a_name_keeps_what_tells_it_apart(self):
        self.assertEqual("at::native::elementwise_kernel", kind(
            "void at::native::elementwise_kernel<128, 4, at::native::gpu_kernel_impl_nocast<at::native::(anonymous namespace)::Add<float> "
            ">(at::TensorIteratorBase&, at::native::(anonymous namespace)::Add<float> const&)::{lambda(int)#1}>(int, {lambda(int)#1})"))
        self.assertEqual("at::native::reduce_kernel", kind("void at::native::reduce_kernel<512, 1, R<float> >(R<float>)"))


class Ranks(unittest.TestCase):
    def test_are_powers_of_two_and_all(self):
        self.assertEqual([[1], [1, 2], [1, 2, 3], [1, 2, 4, 6], [1, 2, 4, 8]], [powers_of_two(n) for n in (1, 2, 3, 6, 8)])


if __name__ == "__main__":
    unittest.main()
