#include "core/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace resolute::core::error_test {
namespace {

TEST(RuntimeErrorTest, message_follows_problem_why_suggestion) {
  EXPECT_STREQ(input_error("pack 'a' has rates 2, 3", "job needs 4", "ingest it again").what(),
               "pack 'a' has rates 2, 3 (job needs 4); ingest it again");
  EXPECT_STREQ(input_error("no query", "", "add one").what(), "no query; add one");
  EXPECT_STREQ(input_error("no query").what(), "no query");
}

TEST(RuntimeErrorTest, stays_one_line_whatever_it_quotes) {
  EXPECT_STREQ(input_error("cannot open 'a\nb\x1b[0m'").what(), "cannot open 'a b [0m'");
}

TEST(RuntimeErrorTest, place_comes_first_and_kind_stays) {
  RuntimeError error = corrupt_error("row 3 differs").at("shard-00000.h5");
  EXPECT_STREQ(error.what(), "shard-00000.h5: row 3 differs");
  EXPECT_EQ(error.kind(), ErrorKind::kCorrupt);
}

TEST(RuntimeErrorTest, exit_codes_are_those_of_the_command_line) {
  EXPECT_EQ(exit_code(ErrorKind::kInput), 2);
  EXPECT_EQ(exit_code(ErrorKind::kCorrupt), 2);
  EXPECT_EQ(exit_code(ErrorKind::kTransient), 1);
  EXPECT_EQ(exit_code(ErrorKind::kEnvironment), 1);
  EXPECT_EQ(exit_code(ErrorKind::kInterrupted), 75);
}

TEST(RuntimeErrorTest, what_a_download_left_in_a_files_place_is_named) {
  const auto refused = [](std::string_view begin) -> std::string {
    try {
      refuse_undelivered(begin, "'a'");
    } catch (const RuntimeError& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused("/annex/objects/SHA256E-s7--00.jpg\n"),
            "'a' is a pointer of Git LFS or git-annex (its data lie elsewhere); fetch them, as by `git lfs pull` or "
            "`git annex get`");
  for (const char* page : {"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "\r\n  <!doctype html>", "<svg>"})
    EXPECT_EQ(refused(page),
              "'a' is a web page, or another text in tags (a server may send one in the place of data); fetch the "
              "file again");
  EXPECT_EQ(refused(""), "'a' is empty; fetch the file again");
  for (const char* data : {"version 7.3", "1,2\n", " ", "{}", "\xff\xd8\xff<"}) EXPECT_EQ(refused(data), "") << data;
}

TEST(RuntimeErrorTest, errno_decides_the_kind) {
  EXPECT_EQ(system_error("x", ENOSPC).kind(), ErrorKind::kEnvironment);
  EXPECT_EQ(system_error("x", EIO).kind(), ErrorKind::kTransient);
  EXPECT_EQ(system_error("x", ENOENT).kind(), ErrorKind::kInput);
  EXPECT_STREQ(system_error("x", EFBIG).what(), "x (File too large)") << "the file system's limit: there is no other";
  EXPECT_STREQ(system_error("cannot open 'x'", ENOENT).what(), "cannot open 'x' (No such file or directory)");
}

TEST(RuntimeErrorTest, errno_tells_the_storages_own_failures_from_those_of_a_file) {
  // BeeGFS says ECOMM while a server restarts, Kerberos EKEYEXPIRED; and what nobody has heard of.
  for (const int number : {EIO, ESTALE, EROFS, ENODEV, ESHUTDOWN, ENOSPC, EDQUOT, ETIMEDOUT, ECOMM, EKEYEXPIRED, EPROTO,
                           ENXIO, EBUSY, ECONNRESET, 4711}) {
    const RuntimeError error = system_error("x", number);
    EXPECT_TRUE(error.is_storage()) << number;
    EXPECT_EQ(error.error_number(), number);
    EXPECT_EQ(exit_code(error.kind()), 1) << number;
    EXPECT_TRUE(error.at("here").is_storage());
  }
  for (const int number : {ENOENT, EACCES, EPERM, ENOTDIR, EISDIR, EEXIST, EMFILE, EFBIG, EINTR, EXDEV, EAGAIN})
    EXPECT_FALSE(system_error("x", number).is_storage()) << number;
  for (const int number : {ENOENT, ENOTDIR}) EXPECT_TRUE(system_error("x", number).at("here").is_missing()) << number;
  for (const int number : {EACCES, EISDIR, EIO}) EXPECT_FALSE(system_error("x", number).is_missing()) << number;
  EXPECT_FALSE(input_error("No space left on device").is_storage());
  const RuntimeError asked = system_error("x", EACCES).of_storage();
  EXPECT_TRUE(asked.is_storage() && asked.at("here").is_storage());
  EXPECT_EQ(asked.kind(), ErrorKind::kTransient);
  EXPECT_STREQ(asked.what(), "x (Permission denied)");
  EXPECT_EQ(input_error("x").error_number(), 0);
}

}  // namespace
}  // namespace resolute::core::error_test
