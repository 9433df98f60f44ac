// Checkpoints on file systems that fail: whatever fails, what stood there before stays usable.
#include <gtest/gtest.h>

#include "tests/support/faulty_file_system.h"
#include "tests/support/refusal.h"
#include "tests/workers/training/checkpoint_example.h"

namespace resolute::workers::checkpoint_fault_test {
namespace {

using tests::FaultyFileSystem;

class CheckpointFaults : public CheckpointFolderTest {
 protected:
  FaultyFileSystem files_;
  CheckpointFolder checkpoints_{files_, folder_, kOwner};
};

TEST_F(CheckpointFaults, any_operation_that_fails_is_reported_and_leaves_the_checkpoint_before) {
  struct Case {
    FaultyFileSystem::Call operation;
    int error_number;
    core::ErrorKind kind;
  };
  std::uint64_t step = 10;
  checkpoints_.save(example(step));
  checkpoints_.finish();
  for (const Case& fault : {Case{FaultyFileSystem::kOpen, ENOSPC, core::ErrorKind::kEnvironment},
                            Case{FaultyFileSystem::kWrite, ENOSPC, core::ErrorKind::kEnvironment},
                            Case{FaultyFileSystem::kWrite, EDQUOT, core::ErrorKind::kEnvironment},
                            Case{FaultyFileSystem::kSync, EIO, core::ErrorKind::kTransient},
                            Case{FaultyFileSystem::kSync, ENOSPC, core::ErrorKind::kEnvironment},
                            Case{FaultyFileSystem::kClose, ENOSPC, core::ErrorKind::kEnvironment},
                            Case{FaultyFileSystem::kRename, EIO, core::ErrorKind::kTransient},
                            Case{FaultyFileSystem::kMkdir, ENOSPC, core::ErrorKind::kEnvironment}}) {
    SCOPED_TRACE(fault.operation);
    const auto before = names();
    files_.fail(fault.operation, 0, fault.error_number);
    checkpoints_.save(example(step + 10));
    EXPECT_THAT([&] { checkpoints_.finish(); }, tests::fails(fault.kind));
    EXPECT_TRUE(files_.fired());
    EXPECT_EQ(step, checkpoints_.written_step());
    EXPECT_EQ(before, names());  // nothing half written
    EXPECT_EQ(step, latest());
    // The error is told once; the next checkpoint is written.
    step += 20;
    checkpoints_.save(example(step));
    EXPECT_NO_THROW(checkpoints_.finish());
    EXPECT_EQ(step, latest());
  }
}

TEST_F(CheckpointFaults, a_folder_whose_fsync_fails_has_one_of_the_two) {
  checkpoints_.save(example(10));
  checkpoints_.finish();
  files_.fail(FaultyFileSystem::kSyncPath, 0, EIO);
  checkpoints_.save(example(20));
  EXPECT_THROW(checkpoints_.finish(), core::RuntimeError);
  EXPECT_EQ(10U, checkpoints_.written_step());  // what may be lost in a power cut is not announced
  EXPECT_TRUE(std::filesystem::exists(file(10)));
  EXPECT_EQ(20U, latest());
}

TEST_F(CheckpointFaults, the_next_save_reports_what_the_one_before_failed_with) {
  files_.fail(FaultyFileSystem::kWrite, 0);
  checkpoints_.save(example(10));
  EXPECT_THROW(checkpoints_.save(example(20)), core::RuntimeError);
  checkpoints_.save(example(30));
  checkpoints_.finish();
  EXPECT_EQ(30U, latest());
}

TEST_F(CheckpointFaults, one_that_cannot_be_read_is_named_and_the_one_before_used) {
  for (std::uint64_t step : {10U, 20U}) checkpoints_.save(example(step));
  checkpoints_.finish();
  files_.fail(FaultyFileSystem::kRead, 0, EIO);
  testing::internal::CaptureStderr();
  const auto loaded = checkpoints_.load_latest();
  EXPECT_NE(std::string::npos, testing::internal::GetCapturedStderr().find("step-000000020.safetensors"));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(10U, loaded->checkpoint.step);
}

}  // namespace
}  // namespace resolute::workers::checkpoint_fault_test
