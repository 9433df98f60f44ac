#include "workers/checkpoint.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace resolute::workers {
namespace {

namespace fs = std::filesystem;

const CheckpointOwner kOwner{std::string(64, 'a'), "device=cpu threads=1"};

Checkpoint example(std::uint64_t step) {
  return {step,
          0.1 + static_cast<double>(step),
          {{"model.w", at::arange(6, at::kFloat) + static_cast<double>(step)},
           {"optimiser.g.steps", at::full({1}, 3, at::kLong)}}};
}

class CheckpointFolderTest : public testing::Test {
 protected:
  CheckpointFolderTest() { fs::remove_all(folder_); }
  ~CheckpointFolderTest() override { fs::remove_all(folder_); }
  void write(std::uint64_t step) {
    CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
    checkpoints.save(example(step));
    checkpoints.finish();
  }
  std::uint64_t latest(const CheckpointOwner& owner = kOwner) {
    auto checkpoint = CheckpointFolder(core::real_file_system(), folder_, owner).load_latest();
    return checkpoint ? checkpoint->step : 0;
  }
  fs::path file(int step) { return folder_ / fmt::format("step-{:09}.safetensors", step); }
  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("checkpoint_test-{}", ::getpid());
};

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
      try {
        decode_checkpoint(changed, kOwner, "file");
        FAIL() << "byte " << at << " mask " << mask;
      } catch (const core::RuntimeError& error) {
        ASSERT_EQ(core::ErrorKind::kCorrupt, error.kind());
      }
    }
}

TEST(Checkpoint, every_truncation_is_detected) {
  const auto bytes = encode_checkpoint(example(7), kOwner);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(decode_checkpoint(std::span(bytes).first(size), kOwner, "file"), core::RuntimeError) << size;
}

TEST_F(CheckpointFolderTest, keeps_the_last_two) {
  for (int step : {10, 20, 30}) write(static_cast<std::uint64_t>(step));
  EXPECT_EQ((std::vector<std::string>{"step-000000020.safetensors", "step-000000030.safetensors"}),
            core::real_file_system().list(folder_));
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

// Refuses to write after some bytes, as a full disk does.
class FullDisk final : public core::FileSystem {
 public:
  std::unique_ptr<core::WritableFile> open_for_write(const fs::path& path, core::OpenMode mode) override {
    class File final : public core::WritableFile {
     public:
      explicit File(std::unique_ptr<core::WritableFile> inner) : inner_(std::move(inner)) {}
      void write(std::span<const std::byte>) override { throw core::system_error("cannot write 'x'", ENOSPC); }
      void sync() override { inner_->sync(); }
      void close() override { inner_->close(); }

     private:
      std::unique_ptr<core::WritableFile> inner_;
    };
    return std::make_unique<File>(real_.open_for_write(path, mode));
  }
  core::Bytes read(const fs::path& path, std::uint64_t limit) override { return real_.read(path, limit); }
  bool exists(const fs::path& path) override { return real_.exists(path); }
  std::vector<std::string> list(const fs::path& folder) override { return real_.list(folder); }
  void create_directories(const fs::path& folder) override { real_.create_directories(folder); }
  void rename(const fs::path& from, const fs::path& to) override { real_.rename(from, to); }
  bool link(const fs::path& from, const fs::path& to) override { return real_.link(from, to); }
  void remove(const fs::path& path) override { real_.remove(path); }
  void sync_path(const fs::path& path) override { real_.sync_path(path); }

 private:
  core::FileSystem& real_ = core::real_file_system();
};

TEST_F(CheckpointFolderTest, a_full_disk_is_reported_and_leaves_nothing) {
  write(10);
  FullDisk disk;
  CheckpointFolder checkpoints(disk, folder_, kOwner);
  checkpoints.save(example(20));
  try {
    checkpoints.finish();
    FAIL();
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(core::ErrorKind::kEnvironment, error.kind());
  }
  EXPECT_EQ(std::vector<std::string>{"step-000000010.safetensors"}, core::real_file_system().list(folder_));
  EXPECT_EQ(0U, checkpoints.written_step());
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
}  // namespace resolute::workers
