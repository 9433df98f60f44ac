#include "core/files/ownership.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/files/file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core::ownership_test {
namespace {

constexpr uid_t kKim = 1000, kLee = 1001;

TEST(Ownership, only_the_user_and_root_are_believed) {
  EXPECT_EQ(std::nullopt, foreign_hand(kKim, S_IFREG | 0644, kKim));
  EXPECT_EQ(std::nullopt, foreign_hand(0, S_IFDIR | 0755, kKim));
  EXPECT_EQ("it belongs to lee", foreign_hand(kLee, S_IFREG | 0644, kKim, "lee"));
  EXPECT_EQ("it belongs to user 1001", foreign_hand(kLee, S_IFREG | 0600, 0));
}

TEST(Ownership, what_others_may_write_to_is_theirs_too) {
  EXPECT_EQ("its group may write to it", foreign_hand(kKim, S_IFREG | 0664, kKim));
  EXPECT_EQ("everybody may write to it", foreign_hand(kKim, S_IFDIR | 01777, kKim));
  EXPECT_EQ("everybody may write to it", foreign_hand(0, S_IFREG | 0666, kKim));
  EXPECT_EQ("it is a link", foreign_hand(kKim, S_IFLNK | 0777, kKim));
}

TEST(Ownership, a_file_is_looked_at_itself_and_not_through_a_link) {
  const tests::TemporaryFolder root;
  write_atomic(real_file_system(), root / "file", std::string_view("text"));
  require_own(root / "file", "refused");
  std::filesystem::create_symlink(root / "file", root / "link");
  EXPECT_EQ(fmt::format("it is not run: '{}' may hold another's commands (it is a link); read it; if all of it is "
                        "yours, `chown` it to yourself and `chmod go-w` it, else remove it",
                        (root / "link").string()),
            tests::refusal([&] { require_own(root / "link", "it is not run"); }));
}

TEST(Ownership, a_folder_that_is_closed_to_the_user_is_named_with_its_owner) {
  const tests::TemporaryFolder root;
  for (const auto& [name, mode] : {std::pair("closed", 0755), std::pair("shared", 0777), std::pair("read", 0766)}) {
    std::filesystem::create_directory(root / name);
    ASSERT_EQ(0, ::chmod((root / name).c_str(), static_cast<mode_t>(mode)));
  }
  ASSERT_EQ(0, ::chmod((root / "").c_str(), 0755));
  EXPECT_EQ(std::nullopt, why_not_writable(root / "closed")) << "its owner may";
  EXPECT_EQ(std::nullopt, why_not_writable(root / "missing"));
  if (::geteuid() != 0) return;
  write_atomic(real_file_system(), root / "file", std::string_view("text"));
  ASSERT_EQ(0, ::seteuid(65534));
  EXPECT_EQ(std::nullopt, why_not_writable(root / "file"));
  const auto closed = why_not_writable(root / "closed"), read = why_not_writable(root / "read");
  const auto shared = why_not_writable(root / "shared"), missing = why_not_writable(root / "missing");
  ASSERT_EQ(0, ::seteuid(0));
  EXPECT_EQ("it is root's (0755)", closed);
  EXPECT_EQ("it is root's (0766)", read) << "nobody may go through it";
  EXPECT_EQ(std::nullopt, shared);
  EXPECT_EQ(std::nullopt, missing);
}

TEST(Ownership, a_folder_of_ones_own_is_one_whatever_the_umask_is) {
  const tests::TemporaryFolder root;
  const mode_t before = ::umask(0);
  make_own_folder(root / "a" / "b");
  std::filesystem::create_directory(root / "open");
  make_own_folder(root / "open");
  ::umask(before);
  require_own(root / "a" / "b", "refused");
  require_own(root / "open", "refused");
  EXPECT_THROW(require_own(root / "a", "refused"), RuntimeError) << "that one is as the umask has it";
}

}  // namespace
}  // namespace resolute::core::ownership_test
