// Opening a device, what it says of itself, and exchanges in a group of one.

#include "tests/support/refusal.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"
#include "workers/ddp/lane_sum.h"

namespace resolute::workers::gpu_test::device_test {
namespace {

TEST(OpenDevice, an_unknown_name_is_refused) {
  EXPECT_THAT([&] { open_device("tpu", 0); },
              tests::fails(core::ErrorKind::kInput, testing::HasSubstr("device 'tpu' is unknown")));
}

TEST(OpenDevice, without_a_gpu_the_reason_is_said) {
  if (on_gpu()) GTEST_SKIP() << "there is a GPU";
  EXPECT_THAT([&] { open_device("cuda", 0); },
              tests::fails(core::ErrorKind::kEnvironment,
                           testing::AllOf(testing::StartsWith("device 'cuda' is not available ("),
                                          testing::HasSubstr("device = \"cpu\""))))
      << "this machine has a GPU: set RESOLUTE_TEST_DEVICE=cuda";
}

TEST(OpenDevice, every_process_rank_has_a_place) {
  EXPECT_EQ(on_gpu() ? at::kCUDA : on_simulated() ? at::kPrivateUse1 : at::kCPU, device().place().type());
  EXPECT_EQ(device().place(), open_tested_device(most_ranks())->place());  // one more than the last
}

TEST(NumericClass, names_the_device_and_what_its_bits_depend_on) {
  const std::string line = numeric_class(device());
  EXPECT_TRUE(line.starts_with("device=" + device_name() + " ")) << line;
  EXPECT_EQ(line, numeric_class(device()));
  std::vector<std::string> keys{"libtorch=", "deterministic=on", "threads=1"};
  if (on_gpu()) keys.insert(keys.end(), {"gpu=", "capability=", "cudnn=", "cublas=", "tf32=off", "benchmark=off"});
  for (const std::string& key : keys) EXPECT_NE(std::string::npos, line.find(key)) << line;
  for (const auto& [key, value] : device().numeric_parts()) {
    EXPECT_FALSE(value.empty()) << key;
    EXPECT_EQ(std::string::npos, value.find(' ')) << key << "=" << value;
  }
  if (!on_gpu() && !on_simulated()) {
    EXPECT_EQ(numeric_class(), line);
  }
}

// Numbers computed with it are of another class than others.
TEST(NumericClass, tells_tf32_apart) {
  if (!on_gpu() && !on_simulated()) GTEST_SKIP() << "a CPU has no TF32";
  for (const auto& [key, value] : device().numeric_parts())
    if (key == "capability" && std::stod(value) < 8) GTEST_SKIP() << "a GPU of capability " << value << " has none";
  const auto line = [](settings::Precision precision) { return numeric_class(*open_tested_device(0, precision)); };
  EXPECT_NE(std::string::npos, line(settings::Precision::kTf32).find("tf32=on"));
  EXPECT_NE(std::string::npos, line(settings::Precision::kF32).find("tf32=off"));
}

TEST(NumericClass, an_operation_without_a_deterministic_form_is_refused) {
  if (!on_gpu()) GTEST_SKIP() << "the CPU has none that libtorch knows of";
  at::Tensor image = at::ones({1, 1, 4, 4}, device().place()).requires_grad_();
  const at::Tensor larger = at::upsample_bilinear2d(image, {8, 8}, false);
  EXPECT_THROW(larger.sum().backward(), c10::Error);
}

// On a GPU through NCCL, in a group of one.
TEST(GroupOfOne, exchanges_give_back_what_they_were_given) {
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  EXPECT_EQ(1, alone->process_ranks());
  for (const at::Device place : {device().place(), at::Device(at::kCPU)}) {
    const at::Tensor values = at::arange(1000, at::TensorOptions(at::kFloat).device(place)).div_(7);
    at::Tensor received = at::zeros_like(values);
    alone->all_to_all(received, values, {1000}, {1000});
    EXPECT_TRUE(at::equal(values, received));
    received.zero_();
    alone->all_gather(received, values);
    EXPECT_TRUE(at::equal(values, received));
    alone->broadcast(received);
    EXPECT_TRUE(at::equal(values, received));
  }
  alone->barrier();
}

}  // namespace
}  // namespace resolute::workers::gpu_test::device_test
