#include "core/files/file_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash/sha256.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core::file_tree_test {
namespace {

using testing::HasSubstr;

class FileTree : public testing::Test {
 protected:
  void SetUp() override {
    write("own.py", "print(1)\n");
    write("net/layers.py", "class Layer: pass\n");
    write("net/deep/more.py", "");
  }
  void write(const std::string& name, std::string_view text) const {
    write_atomic(real_file_system(), folder_ / name, text);
  }
  std::string hash(const std::vector<std::string>& names) const {
    return sha256_of_files(real_file_system(), folder_.path(), names);
  }
  std::string refused(const std::vector<std::string>& names) const {
    return tests::refusal([&] { hash(names); });
  }
  tests::TemporaryFolder folder_;
};

TEST_F(FileTree, is_the_hash_of_names_and_bytes_whatever_the_order_and_the_place) {
  const std::string all = hash({"own.py", "net/"});
  EXPECT_EQ(all,
            sha256_hex("[\"net/deep/more.py\",\"" + sha256_hex("") + "\"]\n[\"net/layers.py\",\"" +
                       sha256_hex("class Layer: pass\n") + "\"]\n[\"own.py\",\"" + sha256_hex("print(1)\n") + "\"]\n"));
  EXPECT_EQ(all, hash({"net", "./own.py", "net/layers.py"}));
  const tests::TemporaryFolder other;
  fs::copy(folder_.path(), other / "copy", fs::copy_options::recursive);
  EXPECT_EQ(all, sha256_of_files(real_file_system(), other / "copy", {"own.py", "net/"}));
  EXPECT_EQ(all, hash({"."}));
}

TEST_F(FileTree, every_change_of_what_is_named_gives_another_and_nothing_else_does) {
  const std::string before = hash({"own.py", "net/"});
  write("beside.py", "x");
  write("net/.hidden", "x");
  write("net/__pycache__/layers.pyc", "x");
  EXPECT_EQ(before, hash({"own.py", "net/"}));
  write("net/new.py", "");
  const std::string added = hash({"own.py", "net/"});
  EXPECT_NE(before, added);
  fs::rename(folder_ / "net/new.py", folder_ / "net/renamed.py");
  EXPECT_NE(added, hash({"own.py", "net/"}));
  fs::remove(folder_ / "net/renamed.py");
  EXPECT_EQ(before, hash({"own.py", "net/"}));
  write("net/deep/more.py", "1");
  EXPECT_NE(before, hash({"own.py", "net/"}));
}

TEST_F(FileTree, links_stand_for_what_they_lead_to) {
  fs::create_symlink(folder_ / "own.py", folder_ / "link.py");
  fs::create_directory_symlink(folder_ / "net", folder_ / "linked");
  const std::string before = hash({"link.py", "linked"});
  write("net/layers.py", "changed");
  EXPECT_NE(before, hash({"link.py", "linked"}));
}

TEST_F(FileTree, what_names_no_file_is_refused) {
  EXPECT_THAT(refused({"gone.py"}), HasSubstr("gone.py' does not exist"));
  EXPECT_THAT(refused({"/etc/passwd"}), HasSubstr("'/etc/passwd' is no relative path"));
  EXPECT_THAT(refused({""}), HasSubstr("'' is no relative path"));
  fs::create_directory(folder_ / "empty");
  EXPECT_THAT(refused({"own.py", "empty"}), HasSubstr("empty' holds no file"));
  fs::create_directory_symlink(folder_ / "net", folder_ / "net/round");
  EXPECT_THROW(hash({"net"}), RuntimeError);  // a folder within itself has no end
}

}  // namespace
}  // namespace resolute::core::file_tree_test
