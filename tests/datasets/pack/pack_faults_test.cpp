// Packing on a machine that refuses: each operation fails once, the disk is full. One line, nothing half written.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "datasets/pack/pack.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/faulty_file_system.h"

namespace resolute::datasets {
namespace {

using tests::expect_error;
using tests::FaultyFileSystem;
using tests::file_bytes;
using tests::make_pack;
using tests::RawImages;
using tests::small_options;

constexpr FaultyFileSystem::Operation kWriting[] = {FaultyFileSystem::kOpen,   FaultyFileSystem::kWrite,
                                                    FaultyFileSystem::kSync,   FaultyFileSystem::kClose,
                                                    FaultyFileSystem::kRename, FaultyFileSystem::kSyncPath,
                                                    FaultyFileSystem::kRead,   FaultyFileSystem::kCreateDirectories};

TEST(PackFaults, a_shard_is_whole_or_not_there) {
  RawImages raw(2, 1);
  make_pack(raw, small_options(), raw.pack("good"));
  const core::Bytes expected = file_bytes(raw.pack("good") / "shard-00000.h5");
  auto folder = raw.pack("tried");
  int faults = 0;
  for (auto operation : kWriting) {
    for (int nth = 0;; ++nth) {
      std::filesystem::remove_all(folder);
      FaultyFileSystem files;
      files.fail(operation, nth);
      auto write = [&] { write_shard(files, raw.root(), raw.samples(), small_options(), 0, folder); };
      if (!files.fired()) {
        try {
          write();
        } catch (const core::RuntimeError& error) {
          EXPECT_EQ(core::ErrorKind::kEnvironment, error.kind()) << error.what();
        }
      }
      if (!files.fired()) break;
      ++faults;
      for (const auto& name : core::real_file_system().list(folder)) {
        // Only the folder's fsync comes after the rename.
        EXPECT_EQ(FaultyFileSystem::kSyncPath, operation) << name;
        EXPECT_EQ("shard-00000.h5", name);
        EXPECT_EQ(expected, file_bytes(folder / name));
      }
      write();
      EXPECT_EQ(expected, file_bytes(folder / "shard-00000.h5"));
    }
  }
  EXPECT_GT(faults, 40);
}

TEST(PackFaults, sealing_writes_pack_json_last_and_whole) {
  RawImages raw(2, 1);
  make_pack(raw, small_options(), raw.pack());
  const core::Bytes expected = file_bytes(raw.pack() / "pack.json");
  for (auto operation : kWriting) {
    for (int nth = 0;; ++nth) {
      std::filesystem::remove(raw.pack() / "pack.json");
      std::filesystem::remove(raw.pack() / "manifest.json");
      FaultyFileSystem files;
      files.fail(operation, nth);
      try {
        seal_pack(files, raw.pack(), small_options());
      } catch (const core::RuntimeError& error) {
        EXPECT_EQ(core::ErrorKind::kEnvironment, error.kind()) << error.what();
      }
      if (!files.fired()) break;
      for (const auto& name : core::real_file_system().list(raw.pack())) {
        EXPECT_NE('.', name[0]) << name;
        if (name == "pack.json") {
          EXPECT_EQ(expected, file_bytes(raw.pack() / name));
        }
      }
    }
  }
}

// A limit on file sizes stands in for a full disk: the system call fails in mid-file.
TEST(PackFaults, a_full_disk_is_one_line_and_leaves_nothing) {
  RawImages raw(6, 4);
  const struct sigaction ignore = [] {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    return action;
  }();
  struct sigaction before {};
  sigaction(SIGXFSZ, &ignore, &before);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  for (rlim_t limit : {0UL, 100UL, 5000UL, 20000UL}) {
    small.rlim_cur = limit;
    setrlimit(RLIMIT_FSIZE, &small);
    expect_error(core::ErrorKind::kEnvironment, {"shard-00000.h5", "File too large"}, [&] {
      write_shard(core::real_file_system(), raw.root(), raw.samples(), small_options(), 0, raw.pack());
    });
    setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_TRUE(core::real_file_system().list(raw.pack()).empty());
  }
  sigaction(SIGXFSZ, &before, nullptr);
  make_pack(raw, small_options(), raw.pack());
}

TEST(PackFaults, a_disk_that_fills_in_a_later_shard_leaves_the_earlier_ones_whole) {
  RawImages raw(3, 1);
  const PackOptions options = small_options(3);
  make_pack(raw, options, raw.pack("good"));
  const auto folder = raw.pack("tried");
  FaultyFileSystem counting;
  write_shard(counting, raw.root(), raw.samples(), options, 0, raw.pack("counted"));
  const int first = counting.count(FaultyFileSystem::kWrite);
  auto expect_shards = [&](int shards) {
    std::vector<std::string> expected;
    for (int shard = 0; shard < shards; ++shard) expected.push_back(shard_file_name(shard));
    EXPECT_EQ(expected, core::real_file_system().list(folder));
    for (const auto& name : expected) EXPECT_EQ(file_bytes(raw.pack("good") / name), file_bytes(folder / name)) << name;
  };
  int failed = 0;
  for (int nth = first;; ++nth) {
    std::filesystem::remove_all(folder);
    FaultyFileSystem files;
    files.fail(FaultyFileSystem::kWrite, nth);
    int made = 0;
    try {
      for (; made < options.shards; ++made) write_shard(files, raw.root(), raw.samples(), options, made, folder);
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(core::ErrorKind::kEnvironment, error.kind()) << error.what();
    }
    expect_shards(made);
    if (!files.fired()) break;
    ++failed;
    EXPECT_GE(made, 1);
    expect_error(core::ErrorKind::kInput, {"cannot be sealed", shard_file_name(made)},
                 [&] { seal_pack(files, folder, options); });
    expect_shards(made);
    const auto time = std::filesystem::last_write_time(folder / shard_file_name(0));
    for (int shard = 0; shard < options.shards; ++shard)
      write_shard(files, raw.root(), raw.samples(), options, shard, folder);
    EXPECT_EQ(time, std::filesystem::last_write_time(folder / shard_file_name(0)));
    expect_shards(options.shards);
  }
  EXPECT_GE(failed, 2 * 6);
}

TEST(PackFaults, a_folder_that_may_not_be_written_is_the_users_matter) {
  RawImages raw(2, 1);
  FaultyFileSystem files;
  files.fail(FaultyFileSystem::kOpen, 0, EACCES);
  expect_error(core::ErrorKind::kInput, {"Permission denied"},
               [&] { write_shard(files, raw.root(), raw.samples(), small_options(), 0, raw.pack()); });
}

}  // namespace
}  // namespace resolute::datasets
