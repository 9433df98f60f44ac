// The promise of the simulated accelerator: a host that forgets to wait, or reads what is not its own, does not get
// away with it.

#include "tests/support/accelerator/accelerator.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

#include "tests/workers/gpu/gpu_gang.h"

namespace resolute::workers::gpu_test::accelerator_test {
namespace {

using accelerator::Lagging;
using accelerator::Lateness;
using accelerator::streams;

constexpr Lateness kLatest{Lateness::Kind::kMost, 0};

at::Device place() { return device().place(); }
c10::impl::VirtualGuardImpl guard() { return c10::impl::VirtualGuardImpl(place().type()); }
at::TensorOptions pinned() {
  static_cast<void>(device());  // it has pinned memory
  return at::TensorOptions(at::kFloat).pinned_memory(true);
}

TEST(Accelerator, computes_what_the_cpu_computes) {
  const at::Tensor a = at::arange(12, at::kFloat).view({3, 4}), b = at::arange(8, at::kFloat).view({4, 2});
  EXPECT_TRUE(at::equal(a.mm(b).relu() + 1, (a.to(place()).mm(b.to(place())).relu() + 1).cpu()));
  EXPECT_EQ(a.sum().item<float>(), a.to(place()).sum().item<float>());
  EXPECT_TRUE(at::equal(a.nonzero(), a.to(place()).nonzero().cpu()));
}

TEST(Accelerator, differentiates_a_convolution_and_a_batch_norm_as_the_cpu_does) {
  const auto gradients = [](at::Device where) {
    const at::Tensor image = (at::arange(2 * 3 * 8 * 8, at::kFloat).view({2, 3, 8, 8}) * 0.37).sin();
    at::Tensor weight = ((at::arange(4 * 3 * 3 * 3, at::kFloat).view({4, 3, 3, 3}) * 0.71).cos()).to(where);
    weight.requires_grad_(true);
    const at::Tensor mean = at::zeros({4}).to(where), variance = at::ones({4}).to(where);
    const at::Tensor maps = at::conv2d(image.to(where), weight, {}, {1, 1}, {1, 1});
    at::batch_norm(maps, {}, {}, mean, variance, true, 0.1, 1e-5, true).pow(3).sum().backward();
    return std::pair(weight.grad().cpu(), mean.cpu());
  };
  EXPECT_TRUE(at::equal(gradients(at::kCPU).first, gradients(place()).first));
  EXPECT_TRUE(at::equal(gradients(at::kCPU).second, gradients(place()).second));
}

TEST(AcceleratorDeathTest, a_host_that_touches_device_memory_dies) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const at::Tensor on_device = at::ones({4}).to(place());
  EXPECT_DEATH(std::cout << *on_device.const_data_ptr<float>(), "the host touched a device's memory");
}

TEST(Accelerator, a_copy_to_the_host_that_nobody_waits_for_has_not_happened) {
  const at::Tensor on_device = at::ones({4}).to(place());
  at::Tensor here = at::zeros({4}, pinned());
  const Lagging lagging(kLatest);
  here.copy_(on_device, /*non_blocking=*/true);
  EXPECT_EQ(0.0F, here[0].item<float>());
  guard().synchronizeStream(guard().getStream(place()));
  EXPECT_EQ(1.0F, here[0].item<float>());
}

TEST(Accelerator, a_copy_from_pinned_memory_reads_what_is_there_when_it_runs) {
  const Lagging lagging(kLatest);
  at::Tensor here = at::ones({4}, pinned());
  const at::Tensor on_device = here.to(place(), at::kFloat, /*non_blocking=*/true);
  here.fill_(2);
  EXPECT_EQ(2.0F, on_device[0].item<float>());
}

TEST(Accelerator, pinned_memory_given_back_is_kept_until_its_copy_has_run_and_then_is_no_number) {
  const Lagging lagging(kLatest);
  const float* address = nullptr;
  at::Tensor on_device;
  {
    const at::Tensor here = at::ones({4}, pinned());
    address = here.const_data_ptr<float>();
    on_device = here.to(place(), at::kFloat, /*non_blocking=*/true);
  }
  EXPECT_EQ(1.0F, *address);
  EXPECT_EQ(1.0F, on_device[3].item<float>());
  static_cast<void>(at::empty({4}, pinned()));
  EXPECT_NE(*address, *address);
}

TEST(Accelerator, new_memory_holds_no_number) {
  EXPECT_TRUE(at::empty({4}, at::TensorOptions(at::kFloat).device(place())).isnan().all().item<bool>());
}

// A second stream reads what the first is about to write.
float read_beside(bool wait) {
  const Lagging lagging(kLatest);
  const at::Tensor written = at::zeros({4}).to(place());
  guard().synchronizeStream(guard().getStream(place()));
  written.fill_(3);
  c10::Event ready(at::kPrivateUse1);
  ready.record(guard().getStream(place()));
  const c10::Stream side = guard().getStreamFromGlobalPool(place());
  const c10::Stream before = guard().exchangeStream(side);
  if (wait) ready.block(side);
  const float read = written[0].item<float>();
  guard().exchangeStream(before);
  return read;
}

TEST(Accelerator, a_stream_that_does_not_wait_reads_what_was_there_before) {
  EXPECT_EQ(0.0F, read_beside(false));
  EXPECT_EQ(3.0F, read_beside(true));
}

// A tensor is dropped while another stream has yet to read it; its own stream takes the memory again.
float read_after_drop(bool recorded) {
  const Lagging lagging(kLatest);
  at::Tensor dropped = at::full({256}, 5.0F).to(place());
  guard().synchronizeStream(guard().getStream(place()));
  const c10::Stream side = guard().getStreamFromGlobalPool(place());
  c10::Stream before = guard().exchangeStream(side);
  const at::Tensor copy = dropped.clone();
  guard().exchangeStream(before);
  if (recorded) dropped.record_stream(side);
  dropped.reset();
  const at::Tensor taken = at::full({256}, 7.0F, at::TensorOptions(at::kFloat).device(place()));
  guard().synchronizeStream(guard().getStream(place()));
  before = guard().exchangeStream(side);
  const float read = copy[0].item<float>();
  guard().exchangeStream(before);
  return read;
}

TEST(Accelerator, memory_in_use_on_another_stream_is_taken_again_unless_that_is_recorded) {
  EXPECT_EQ(7.0F, read_after_drop(false));
  EXPECT_EQ(5.0F, read_after_drop(true));
}

TEST(Accelerator, tensors_of_the_host_and_of_another_device_are_no_arguments) {
  const at::Tensor on_device = at::ones({4}).to(place());
  EXPECT_THROW(on_device.add(at::ones({4})), c10::Error);
  EXPECT_THROW(on_device.add(at::ones({4}).to(at::Device(at::kPrivateUse1, 0))), c10::Error);
  EXPECT_EQ(3.0F, on_device.add(at::scalar_tensor(2))[0].item<float>());
}

TEST(Accelerator, counts_kernels_waits_bytes_and_allocations) {
  const Lagging lagging(kLatest);
  const at::Tensor here = at::ones({1000});
  streams().reset_counts();
  const at::Tensor sum = here.to(place()).sum();
  accelerator::Counts counts = streams().counts();
  EXPECT_EQ(4000, counts.bytes_to_device);
  EXPECT_EQ(1, accelerator::Counts::sum(counts.waits)) << "a copy from memory that is not pinned waits";
  EXPECT_EQ(2, counts.allocations);
  EXPECT_EQ(1, counts.kernels["aten::sum.IntList_out"]);
  static_cast<void>(sum.item<float>());
  counts = streams().counts();
  EXPECT_EQ(4, counts.bytes_to_host);
  EXPECT_EQ(2, accelerator::Counts::sum(counts.waits));
  EXPECT_EQ(0, accelerator::Counts::sum(counts.side_kernels));
}

}  // namespace
}  // namespace resolute::workers::gpu_test::accelerator_test
