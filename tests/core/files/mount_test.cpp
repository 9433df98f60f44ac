#include "core/files/mount.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

#include "tests/support/forwarding_file_system.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core {
namespace {

namespace fs = std::filesystem;

// Folders on file systems of their own; every other path is on the first.
class Mounted : public tests::ForwardingFileSystem {
 public:
  std::optional<FileIdentity> identity(const fs::path& path) override {
    std::uint64_t device = 1;
    for (const auto& [point, mounted] : mounts)
      if (path.string().starts_with(point.string())) device = mounted;
    if (device == 0) return std::nullopt;
    return FileIdentity{device, 7};
  }
  std::map<fs::path, std::uint64_t> mounts;  // 0: nothing is there
};

TEST(Mount, is_gone_when_its_point_is_or_has_another_file_system) {
  Mounted files;
  files.mounts["/shared/nfs"] = 9;
  const Mount mount(files, "/shared/nfs/store/suites/toy");
  EXPECT_FALSE(mount.is_gone(files));
  files.mounts["/shared/nfs/store"] = 0;  // somebody has moved the store
  EXPECT_FALSE(mount.is_gone(files));
  files.mounts["/shared/nfs"] = 1;  // the empty folder under the mount
  EXPECT_TRUE(mount.is_gone(files));
  files.mounts["/shared/nfs"] = 0;  // an automounter's: not even that
  EXPECT_TRUE(mount.is_gone(files));
  files.mounts["/shared/nfs"] = 8;
  EXPECT_TRUE(mount.is_gone(files)) << "another one, in which nothing is";
  files.mounts.erase("/shared/nfs/store");
  EXPECT_FALSE(mount.is_gone(files)) << "it is back, with another number";
}

TEST(Mount, a_store_on_the_machines_own_disk_is_never_gone_and_one_that_was_not_there_neither) {
  Mounted files;
  const Mount mount(files, "/home/kim/store");
  files.mounts["/home"] = 0;
  EXPECT_FALSE(mount.is_gone(files));
  const Mount nowhere(files, "/home/kim/other");
  EXPECT_FALSE(nowhere.is_gone(files));
}

TEST(StorageFailsToo, asks_the_mount_for_what_is_missing_and_the_store_for_all_else) {
  const tests::TemporaryFolder folder;
  tests::SickFileSystem files;
  const Mount mount(files, folder.path());
  const auto asked = [&](int error_number) {
    return mount.storage_fails_too(files, system_error("a call failed", error_number));
  };
  for (const int number : {ENOENT, ENOTDIR, EACCES, EPERM, EINVAL, EXDEV}) EXPECT_FALSE(asked(number)) << number;
  EXPECT_TRUE(fs::is_empty(folder.path()));
  files.sick = [](auto, const fs::path&) { return EACCES; };
  for (const int number : {ENOENT, ENOTDIR, EACCES, EPERM, EINVAL, EXDEV}) EXPECT_TRUE(asked(number)) << number;
  files.sick = [](auto, const fs::path&) { return ENOENT; };
  for (const int number : {ENOENT, ENOTDIR, EACCES}) EXPECT_TRUE(asked(number)) << number;
  EXPECT_FALSE(asked(EIO)) << "it is the store's as it is";
}

}  // namespace
}  // namespace resolute::core
