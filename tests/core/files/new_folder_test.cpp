#include "core/files/new_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>

#include "core/error.h"
#include "core/files/drawing_folder.h"
#include "core/process/process.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core::new_folder_test {
namespace {

using testing::HasSubstr;
using tests::FaultyFileSystem;

class NewFolderTest : public testing::Test {
 protected:
  //! Expects that the call failed, as it was told to, and left nothing.
  void expect_nothing_after(FaultyFileSystem::Call call, int nth, const std::function<void()>& write) {
    files_.fail(call, nth);
    EXPECT_THROW(write(), RuntimeError) << call << " " << nth;
    EXPECT_TRUE(files_.fired());
    EXPECT_TRUE(fs::is_empty(folder_.path())) << call << " " << nth;
  }
  void write_file() {
    write_new_file(files_, out(), [&](const fs::path& path) { write_atomic(real_file_system(), path, "text"); });
  }
  void write_folder() {
    write_new_folder(files_, out(), [](NewFolder& folder) {
      folder.write("a/b", "text");
      auto file = folder.create("c");
      file->write(as_byte_span("pie"));
      file->write(as_byte_span("ce"));
      file->close();
    });
  }
  fs::path out() const { return folder_ / "out"; }

  FaultyFileSystem files_;
  tests::TemporaryFolder folder_;
};

TEST_F(NewFolderTest, a_file_is_there_whole_or_not_at_all) {
  expect_nothing_after(FaultyFileSystem::kRename, 0, [&] { write_file(); });
  for (const int nth : {0, 1}) expect_nothing_after(FaultyFileSystem::kSyncPath, nth, [&] { write_file(); });
  write_file();
  EXPECT_EQ(read_text(files_, out()), "text");
}

TEST_F(NewFolderTest, a_folder_is_there_whole_or_not_at_all) {
  for (const auto call : {FaultyFileSystem::kOpen, FaultyFileSystem::kWrite, FaultyFileSystem::kClose})
    for (const int nth : {0, 1}) expect_nothing_after(call, nth, [&] { write_folder(); });
  // Two files, two folders and, after the rename, the folder above.
  for (const int nth : {0, 3, 4}) expect_nothing_after(FaultyFileSystem::kSyncPath, nth, [&] { write_folder(); });
  write_folder();
  EXPECT_EQ(read_text(files_, out() / "a/b"), "text");
  EXPECT_EQ(read_text(files_, out() / "c"), "piece");
}

TEST_F(NewFolderTest, what_killed_processes_left_beside_it_goes) {
  // No process has so high a number.
  const auto leave = [&](const std::string& start, const std::string& process, std::chrono::minutes ago) {
    const fs::path path = folder_ / fmt::format("{}{}-0123456789abcdef-1.tmp", start, process);
    write_atomic(real_file_system(), path, "half");
    fs::last_write_time(path, fs::file_time_type::clock::now() - ago);
    return path;
  };
  const std::string here = "." + out().filename().string() + "." + host_name() + "-", dead = "2000000000";
  constexpr std::chrono::minutes kLong(90);
  for (const auto& write : std::initializer_list<std::function<void()>>{
           [&] { write_file(); }, [&] { write_folder(); },
           [&] {
             write_atomic(real_file_system(), out(), "text");
             replace_whole(files_, out(), [](const fs::path& made) { write_atomic(real_file_system(), made, "text"); });
           }}) {
    const std::vector<fs::path> gone{leave(here, dead, kLong), leave("." + here, dead, kLong)};
    const std::vector<fs::path> stay{leave(here, std::to_string(::getpid()), kLong), leave(here, dead + "1-2", kLong),
                                     leave(here + "2-", dead, kLong), leave(".other" + here, dead, kLong),
                                     leave(".." + here, dead, std::chrono::minutes(5))};
    write();
    for (const fs::path& path : gone) EXPECT_FALSE(fs::exists(path)) << path;
    for (const fs::path& path : stay) EXPECT_TRUE(fs::exists(path)) << path;
    fs::remove_all(out());
  }
}

TEST_F(NewFolderTest, what_is_there_is_not_written_over) {
  EXPECT_EQ(tests::refusal([&] { require_new_file(files_, out()); }), "");
  EXPECT_EQ(tests::refusal([&] { require_new_folder(files_, out() / ""); }), "");
  const auto refused = [&](const std::string& file, const std::string& folder) {
    EXPECT_THAT(tests::refusal([&] { require_new_file(files_, out()); }), HasSubstr(file));
    EXPECT_THAT(tests::refusal([&] { write_file(); }), HasSubstr(file));
    EXPECT_THAT(tests::refusal([&] { require_new_folder(files_, out()); }), HasSubstr(folder));
  };
  write_atomic(files_, out(), "mine");
  refused("is there already", "is no folder");
  fs::remove(out());
  fs::create_symlink("nowhere", out());
  refused("is there already", "is a symbolic link");
  fs::remove(out());
  fs::create_directories(out() / "something");
  refused("is there already", "holds something");
}

TEST_F(NewFolderTest, a_file_that_came_meanwhile_stays) {
  const auto meanwhile = [&] {
    write_new_file(files_, out(), [&](const fs::path& path) {
      write_atomic(files_, path, "ours");
      write_atomic(files_, out(), "theirs");
    });
  };
  EXPECT_THAT(tests::refusal(meanwhile), HasSubstr("is there already"));
  EXPECT_EQ(read_text(files_, out()), "theirs");
  EXPECT_THAT(files_.list(folder_.path()), testing::ElementsAre("out"));
}

TEST_F(NewFolderTest, an_earlier_one_is_replaced_whole_or_stays_as_it_was) {
  const auto file = [](const std::string& text) {
    return [text](const fs::path& made) { write_atomic(real_file_system(), made, text); };
  };
  const auto folder = [](std::vector<std::string> names) {
    return [names](const fs::path& made) {
      for (const auto& name : names) write_atomic(real_file_system(), made / name, "new");
    };
  };
  replace_whole(files_, out(), file("SQLi 1"));
  replace_whole(files_, out(), file("SQLi 2"));
  EXPECT_EQ(read_text(files_, out()), "SQLi 2");
  const auto refused = [&](const auto& make, const std::string& why) {
    EXPECT_THAT(tests::refusal([&] { replace_whole(files_, out(), make); }), HasSubstr(why));
    EXPECT_THAT(files_.list(folder_.path()), testing::ElementsAre("out"));
  };
  refused(file("PK"), "a file of another format");
  // Safetensors begin with their header's length.
  const auto tensors = [&](char length) { return file(std::string(1, length) + std::string(7, '\0') + "{\"a\":1}"); };
  refused(tensors('\7'), "a file of another format");
  fs::remove(out());
  replace_whole(files_, out(), tensors('\7'));
  replace_whole(files_, out(), tensors('\x2a'));
  refused(file("SQLi 3"), "a file of another format");
  fs::remove(out());
  replace_whole(files_, out(), file("SQLi 2"));
  refused(folder({"a"}), "one of the two is a folder");
  refused([](const fs::path&) { throw input_error("no results"); }, "no results");
  EXPECT_EQ(read_text(files_, out()), "SQLi 2");
  fs::remove(out());
  write_atomic(files_, out() / "a", "old");
  write_atomic(files_, out() / "mine", "mine");
  refused(folder({"a", "b"}), "holds 'mine'");
  EXPECT_EQ(read_text(files_, out() / "a"), "old");
  fs::remove(out() / "mine");
  replace_whole(files_, out() / "", folder({"a", "b"}));
  EXPECT_EQ(read_text(files_, out() / "a"), "new");
  EXPECT_THAT(files_.list(folder_.path()), testing::ElementsAre("out"));
  fs::remove_all(out());
  fs::create_symlink("nowhere", out());
  refused(file("x"), "a symbolic link");
}

// Else a shell that stands in it sees no file, and on a mounted one all work is for nothing.
TEST_F(NewFolderTest, the_working_folder_and_mounted_ones_keep_their_names) {
  const auto refused = [&](const fs::path& target, const std::string& why) {
    const auto make = [&](const fs::path&) { ADD_FAILURE() << "the work has begun for " << target; };
    for (const auto& message : {tests::refusal([&] { require_new_folder(files_, target); }),
                                tests::refusal([&] { replace_whole(files_, target, make); })})
      EXPECT_THAT(message, testing::AllOf(HasSubstr(" cannot be replaced (" + why), HasSubstr("; name a folder")))
          << target;
  };
  const fs::path before = fs::current_path();
  fs::create_directory(out());
  fs::current_path(out());
  for (const fs::path& target : {fs::path("."), fs::path("./"), out(), out() / "", fs::path("../out")})
    refused(target, "this was called in it");
  fs::current_path(before);
  EXPECT_EQ(tests::refusal([&] { require_new_folder(files_, out()); }), "");
  for (const char* target : {"/", "/proc", "/proc/"}) refused(target, "a file system is mounted there");
}

TEST_F(NewFolderTest, a_named_file_takes_the_place_of_its_like_alone) {
  const auto write = [&] { replace_named_file(files_, out(), "query,rank\n"); };
  const auto refused = [&](const std::string& why) {
    EXPECT_THAT(tests::refusal(write), HasSubstr(fmt::format("'{}' is not replaced ({})", out().string(), why)));
  };
  write();
  write_atomic(files_, out(), "query,rank\n1,2\n");
  write();
  EXPECT_EQ(read_text(files_, out()), "query,rank\n");
  write_atomic(files_, out(), "");  // mktemp's
  write();
  EXPECT_EQ(read_text(files_, out()), "query,rank\n");
  for (const char* other : {"\x89HDF", "PK\x03\x04", "suite = \"s\"\n", "path,identity,camera\n", "q"}) {
    write_atomic(files_, out(), other);
    refused("it is a file of another format");
    EXPECT_EQ(read_text(files_, out()), other);
  }
  fs::remove(out());
  ASSERT_EQ(::mkfifo(out().c_str(), 0600), 0);
  refused("it is a device, a pipe or a socket");
  EXPECT_TRUE(fs::is_fifo(out()));
  fs::remove(out());
  fs::create_symlink("elsewhere", out());
  refused("it is a symbolic link");
  fs::remove(out());
  fs::create_directory(out());
  refused("it is a folder");
}

TEST_F(NewFolderTest, a_file_needs_a_name_and_a_folder) {
  EXPECT_THAT(tests::refusal([&] { require_new_file(files_, folder_ / ""); }), HasSubstr("is not the name of a file"));
  EXPECT_THAT(tests::refusal([&] { require_new_file(files_, folder_ / "none/x"); }), HasSubstr("there is no folder"));
}

TEST(DrawingFolderTest, a_tmpdir_that_takes_no_folder_is_named) {
  const tests::TemporaryFolder folder;
  const char* set = std::getenv("TMPDIR");
  const std::optional<std::string> before = set == nullptr ? std::nullopt : std::optional<std::string>(set);
  for (const std::string& name : {(folder / "none").string(), std::string("/proc")}) {
    ::setenv("TMPDIR", name.c_str(), 1);
    EXPECT_THAT([] { DrawingFolder("x"); }, tests::fails(HasSubstr("; name a folder that takes files in TMPDIR")))
        << name;
  }
  before ? ::setenv("TMPDIR", before->c_str(), 1) : ::unsetenv("TMPDIR");
  EXPECT_TRUE(std::filesystem::is_directory(DrawingFolder("x").path()));
}

}  // namespace
}  // namespace resolute::core::new_folder_test
