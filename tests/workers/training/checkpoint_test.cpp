#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/workers/training/checkpoint_example.h"

namespace resolute::workers::checkpoint_test {
namespace {

namespace fs = std::filesystem;

TEST(Checkpoint, returns_what_was_written) {
  const auto read = decode_checkpoint(encode_checkpoint(example(7), kOwner), kOwner, "file");
  EXPECT_EQ(7U, read.step);
  EXPECT_EQ(example(7).loss, read.loss);
  ASSERT_EQ(2U, read.tensors.size());
  EXPECT_TRUE(at::equal(example(7).tensors.at("model.w"), read.tensors.at("model.w")));
}

TEST(Checkpoint, every_changed_byte_is_detected) {
  const auto bytes = encode_checkpoint(example(7), kOwner);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (unsigned mask : {0x01U, 0x20U, 0x80U, 0xffU}) {
      auto changed = bytes;
      changed[at] ^= static_cast<std::byte>(mask);
      ASSERT_THAT([&] { decode_checkpoint(changed, kOwner, "file"); }, tests::fails(core::ErrorKind::kCorrupt))
          << "byte " << at << " mask " << mask;
    }
}

TEST(Checkpoint, every_truncation_is_detected) {
  const auto bytes = encode_checkpoint(example(7), kOwner);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(decode_checkpoint(std::span(bytes).first(size), kOwner, "file"), core::RuntimeError) << size;
}

TEST_F(CheckpointFolderTest, keeps_the_last_two) {
  for (int step : {10, 20, 30}) write(static_cast<std::uint64_t>(step));
  EXPECT_EQ((std::vector<std::string>{"step-000000020.safetensors", "step-000000030.safetensors"}), names());
  EXPECT_EQ(30U, latest());
}

TEST_F(CheckpointFolderTest, an_empty_or_missing_folder_has_none) { EXPECT_EQ(0U, latest()); }

TEST_F(CheckpointFolderTest, a_torn_one_is_named_and_the_one_before_used) {
  write(10);
  write(20);
  fs::resize_file(file(20), fs::file_size(file(20)) / 2);
  testing::internal::CaptureStderr();
  EXPECT_EQ(10U, latest());
  EXPECT_NE(std::string::npos, testing::internal::GetCapturedStderr().find("step-000000020.safetensors"));
}

TEST_F(CheckpointFolderTest, a_foreign_one_is_passed_over) {
  write(10);
  EXPECT_EQ(0U, latest({std::string(64, 'b'), kOwner.numeric_class}));
  EXPECT_EQ(0U, latest({kOwner.job, "device=cpu threads=2"}));
  EXPECT_EQ(10U, latest());
}

TEST_F(CheckpointFolderTest, one_under_another_steps_name_is_passed_over) {
  write(10);
  fs::rename(file(10), file(99));
  EXPECT_EQ(0U, latest());
}

TEST_F(CheckpointFolderTest, a_passed_over_newer_one_does_not_drive_out_ours) {
  write(300);
  fs::resize_file(file(300), 100);
  for (int step : {100, 200}) write(static_cast<std::uint64_t>(step));
  EXPECT_EQ(200U, latest());
  EXPECT_TRUE(fs::exists(file(100)));
}

TEST_F(CheckpointFolderTest, one_that_was_passed_over_does_not_count_among_the_last_two) {
  for (std::uint64_t step : {10U, 20U}) write(step);
  fs::resize_file(file(20), 100);
  CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
  EXPECT_EQ(10U, checkpoints.load_latest()->checkpoint.step);
  checkpoints.save(example(30));
  checkpoints.finish();
  EXPECT_EQ((std::vector<std::string>{"step-000000010.safetensors", "step-000000030.safetensors"}), names());
  checkpoints.save(example(40));
  checkpoints.finish();
  EXPECT_EQ((std::vector<std::string>{"step-000000030.safetensors", "step-000000040.safetensors"}), names());
}

TEST_F(CheckpointFolderTest, what_killed_writers_left_half_written_is_removed_in_time) {
  write(10);
  overwrite(folder_ / ".step-000000015.safetensors.host-1-1.tmp", {});
  overwrite(folder_ / ".step-000000099.safetensors.host-1-2.tmp", {});
  overwrite(folder_ / ".step-000000015.other", {});
  write(20);
  EXPECT_EQ(5U, names().size());
  write(30);
  EXPECT_EQ((std::vector<std::string>{".step-000000015.other", ".step-000000099.safetensors.host-1-2.tmp",
                                      "step-000000020.safetensors", "step-000000030.safetensors"}),
            names());
}

TEST_F(CheckpointFolderTest, tensors_may_change_as_soon_as_save_returns) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
  Checkpoint live = larger_example(0);
  live.tensors["model.large"] = at::zeros({4 << 20}, at::kFloat).requires_grad_();
  checkpoints.prepare(live);
  for (std::uint64_t step = 1; step <= 5; ++step) {
    const at::NoGradGuard no_grad;
    live.step = step;
    for (auto& [name, tensor] : live.tensors) tensor.fill_(step % 2);
    checkpoints.save(live);
    for (auto& [name, tensor] : live.tensors) tensor.fill_(7);
    checkpoints.finish();
    const auto stored = CheckpointFolder(core::real_file_system(), folder_, kOwner).load_latest();
    ASSERT_TRUE(stored);
    EXPECT_EQ(step, stored->checkpoint.step);
    for (const auto& [name, tensor] : stored->checkpoint.tensors)
      ASSERT_TRUE(at::equal(tensor, at::full_like(tensor, static_cast<std::int64_t>(step % 2)))) << name;
  }
}

TEST_F(CheckpointFolderTest, a_loaded_checkpoint_keeps_its_values_while_others_are_saved) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
  checkpoints.save(larger_example(10));
  const auto loaded = checkpoints.load_latest();  // waits for the write
  ASSERT_TRUE(loaded);
  Checkpoint other = larger_example(20);
  for (auto& [name, tensor] : other.tensors) tensor.zero_();
  checkpoints.save(other);
  checkpoints.finish();
  const Checkpoint expected = larger_example(10);
  ASSERT_EQ(expected.tensors.size(), loaded->checkpoint.tensors.size());
  for (const auto& [name, tensor] : expected.tensors)
    EXPECT_TRUE(at::equal(tensor, loaded->checkpoint.tensors.at(name))) << name;
}

TEST_F(CheckpointFolderTest, writes_the_bytes_of_encode_checkpoint) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
  // A longer one first: nothing of it may stay in the memory that is used again.
  checkpoints.save(larger_example(5));
  for (const Checkpoint& checkpoint : {larger_example(10), example(20)}) {
    checkpoints.save(checkpoint);
    checkpoints.finish();
    EXPECT_EQ(encode_checkpoint(checkpoint, kOwner),
              core::real_file_system().read(file(static_cast<int>(checkpoint.step))));
  }
}

TEST_F(CheckpointFolderTest, a_read_file_is_the_files_bytes_and_tensors_look_into_it) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
  checkpoints.save(larger_example(10));
  auto stored = checkpoints.load_latest();
  ASSERT_TRUE(stored);
  const std::span bytes(static_cast<const std::byte*>(stored->file.const_data_ptr()), stored->file.nbytes());
  EXPECT_EQ(core::real_file_system().read(file(10)), core::Bytes(bytes.begin(), bytes.end()));
  const auto* values =
      static_cast<const std::byte*>(stored->checkpoint.tensors.at("model.layer0.half").const_data_ptr());
  EXPECT_TRUE(values > bytes.data() && values < bytes.data() + bytes.size());
  // The tensors hold the memory.
  const at::Tensor half = stored->checkpoint.tensors.at("model.layer0.half");
  stored.reset();
  EXPECT_TRUE(at::equal(at::full({2 * 1024}, 5, at::kBFloat16), half));
}

TEST(Weights, have_the_same_bytes_and_come_back) {
  const Weights weights{"rain", 37, {{"w", at::ones({2})}}};
  EXPECT_EQ(encode_weights(weights), encode_weights(weights));
  const Weights read = decode_weights(encode_weights(weights), "file");
  EXPECT_EQ("rain", read.method);
  EXPECT_EQ(37, read.classes);
  EXPECT_THROW(decode_weights(encode_checkpoint(example(7), kOwner), "file"), core::RuntimeError);
}

}  // namespace
}  // namespace resolute::workers::checkpoint_test
