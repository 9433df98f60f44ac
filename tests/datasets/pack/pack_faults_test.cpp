// Packing on a machine that refuses: each operation fails once, the disk is full. One line, nothing half written.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "datasets/pack/pack.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/faulty_file_system.h"

namespace resolute::datasets::pack_faults_test {
namespace {

using namespace tests;

constexpr FaultyFileSystem::Call kWriting[] = {
    FaultyFileSystem::kOpen,   FaultyFileSystem::kWrite,    FaultyFileSystem::kSync, FaultyFileSystem::kClose,
    FaultyFileSystem::kRename, FaultyFileSystem::kSyncPath, FaultyFileSystem::kRead, FaultyFileSystem::kMkdir};

constexpr int kErrors[] = {ENOSPC, EIO};

// Runs `work` once for each operation that it does, letting that one fail, with each error; `check` then looks at what
// is left. \return how often something failed: every position of every kind, as a run without faults counts them
template <class Prepare, class Work, class Check>
int with_every_fault(Prepare prepare, Work work, Check check) {
  int faults = 0;
  for (const auto operation : kWriting) {
    prepare();
    FaultyFileSystem counting;
    work(counting);
    const int positions = counting.count(operation);
    for (int nth = 0; nth < positions; ++nth)
      for (const int error_number : kErrors) {
        prepare();
        FaultyFileSystem files;
        files.fail(operation, nth, error_number);
        EXPECT_THAT([&] { work(files); }, fails(core::system_error("", error_number).kind()))
            << "operation " << operation << " number " << nth;
        EXPECT_TRUE(files.fired()) << "operation " << operation << " number " << nth;
        check(operation);
        ++faults;
      }
  }
  return faults;
}

TEST(PackFaults, a_shard_is_whole_or_not_there) {
  RawImages raw(2, 1);
  make_pack(raw, small_options(), raw.pack("good"));
  const core::Bytes expected = file_bytes(raw.pack("good") / "shard-00000.h5");
  const auto folder = raw.pack("tried");
  const auto write = [&](core::FileSystem& files) {
    write_shard(files, raw.reader(), raw.samples(), small_options(), 0, folder);
  };
  const int faults = with_every_fault([&] { fs::remove_all(folder); }, write,
                                      [&](auto operation) {
                                        for (const auto& name : core::real_file_system().list(folder)) {
                                          // Only the folder's fsync comes after the rename.
                                          EXPECT_EQ(FaultyFileSystem::kSyncPath, operation) << name;
                                          EXPECT_EQ("shard-00000.h5", name);
                                          EXPECT_EQ(expected, file_bytes(folder / name));
                                        }
                                        write(core::real_file_system());
                                        EXPECT_EQ(expected, file_bytes(folder / "shard-00000.h5"));
                                      });
  EXPECT_GT(faults, 80);
}

// The whole way from raw images to the seal: what bears a final name is whole, a seal has all under it, nothing else is
// left, and going on gives the same bytes.
TEST(PackFaults, a_sealed_pack_never_lacks_a_byte_and_a_restart_completes_it) {
  RawImages raw(2, 1);
  const PackSettings options = small_options(2);
  make_pack(raw, options, raw.pack("good"));
  const auto good = contents(raw.pack("good"));
  const auto folder = raw.pack("tried");
  const auto make = [&](core::FileSystem& files) {
    for (int shard = 0; shard < options.shards; ++shard)
      write_shard(files, raw.reader(), raw.samples(), options, shard, folder);
    seal_pack(files, folder, options);
  };
  int sealed = 0;
  const int faults = with_every_fault([&] { fs::remove_all(folder); }, make,
                                      [&](auto) {
                                        const auto left = contents(folder);
                                        for (const auto& [name, bytes] : left) {
                                          ASSERT_TRUE(good.contains(name)) << name;
                                          EXPECT_EQ(good.at(name), bytes) << name;
                                        }
                                        if (left.contains("pack.json")) {
                                          EXPECT_EQ(good, left);
                                          ++sealed;
                                        }
                                        make(core::real_file_system());
                                        EXPECT_EQ(good, contents(folder));
                                      });
  EXPECT_GT(faults, 180);
  EXPECT_EQ(2, sealed);  // when the last fsync of the folder fails, with each error
}

// A lost or damaged shard under a seal: it is made again whole, or what was there stays.
TEST(PackFaults, making_a_shard_again_under_a_seal_harms_no_other_file) {
  RawImages raw(2, 1);
  const PackSettings options = small_options(2);
  const auto folder = raw.pack();
  make_pack(raw, options, folder);
  const auto good = contents(folder);
  auto damaged = good;
  damaged["shard-00001.h5"][4096] ^= std::byte{1};
  const auto write = [&](core::FileSystem& files) {
    write_shard(files, raw.reader(), raw.samples(), options, 1, folder);
  };
  const auto damage = [&] { tests::overwrite(folder / "shard-00001.h5", damaged["shard-00001.h5"]); };
  const int faults = with_every_fault(damage, write, [&](auto operation) {
    EXPECT_EQ(operation == FaultyFileSystem::kSyncPath ? good : damaged, contents(folder));
    write(core::real_file_system());
    EXPECT_EQ(good, contents(folder));
  });
  EXPECT_GT(faults, 80);
}

TEST(PackFaults, sealing_again_leaves_a_sealed_pack_as_it_is) {
  RawImages raw(2, 1);
  make_pack(raw, small_options(), raw.pack());
  const auto good = contents(raw.pack());
  const int faults =
      with_every_fault([] {}, [&](core::FileSystem& files) { seal_pack(files, raw.pack(), small_options()); },
                       [&](auto) { EXPECT_EQ(good, contents(raw.pack())); });
  EXPECT_GT(faults, 20);
}

// Reading a shard does not go through the interface; the kernel has a file that lets a read fail so. A shard is only
// made again for what is kInput or kCorrupt.
TEST(PackFaults, a_disk_that_cannot_be_read_is_no_damaged_pack) {
  const auto memory = core::real_file_system().open_for_read("/proc/self/mem");
  core::Bytes bytes(16);
  expect_error(core::ErrorKind::kTransient, {"/proc/self/mem", "Input/output error"},
               [&] { memory->read_at(0, bytes); });
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
      write_shard(core::real_file_system(), raw.reader(), raw.samples(), small_options(), 0, raw.pack());
    });
    setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_TRUE(core::real_file_system().list(raw.pack()).empty());
  }
  sigaction(SIGXFSZ, &before, nullptr);
  make_pack(raw, small_options(), raw.pack());
}

TEST(PackFaults, a_disk_that_fills_in_a_later_shard_leaves_the_earlier_ones_whole) {
  RawImages raw(3, 1);
  const PackSettings options = small_options(3);
  make_pack(raw, options, raw.pack("good"));
  const auto folder = raw.pack("tried");
  FaultyFileSystem counting;
  write_shard(counting, raw.reader(), raw.samples(), options, 0, raw.pack("counted"));
  const int first = counting.count(FaultyFileSystem::kWrite);
  auto expect_shards = [&](int shards) {
    std::vector<std::string> expected;
    for (int shard = 0; shard < shards; ++shard) expected.push_back(shard_file_name(shard));
    EXPECT_EQ(expected, core::real_file_system().list(folder));
    for (const auto& name : expected) EXPECT_EQ(file_bytes(raw.pack("good") / name), file_bytes(folder / name)) << name;
  };
  int failed = 0;
  for (int nth = first;; ++nth) {
    fs::remove_all(folder);
    FaultyFileSystem files;
    files.fail(FaultyFileSystem::kWrite, nth);
    int made = 0;
    try {
      for (; made < options.shards; ++made) write_shard(files, raw.reader(), raw.samples(), options, made, folder);
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
    const auto time = fs::last_write_time(folder / shard_file_name(0));
    for (int shard = 0; shard < options.shards; ++shard)
      write_shard(files, raw.reader(), raw.samples(), options, shard, folder);
    EXPECT_EQ(time, fs::last_write_time(folder / shard_file_name(0)));
    expect_shards(options.shards);
  }
  EXPECT_GE(failed, 2 * 6);
}

TEST(PackFaults, a_folder_that_may_not_be_written_is_the_users_matter) {
  RawImages raw(2, 1);
  FaultyFileSystem files;
  files.fail(FaultyFileSystem::kOpen, 0, EACCES);
  expect_error(core::ErrorKind::kInput, {"Permission denied"},
               [&] { write_shard(files, raw.reader(), raw.samples(), small_options(), 0, raw.pack()); });
}

}  // namespace
}  // namespace resolute::datasets::pack_faults_test
