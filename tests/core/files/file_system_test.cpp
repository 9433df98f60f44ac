#include "core/files/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <thread>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/process/page_memory.h"
#include "core/process/process.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core::file_system_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using tests::error_of;
using tests::fails;
using tests::refusal;

class FileSystemTest : public testing::Test {
 protected:
  FileSystem& files_ = real_file_system();
  tests::TemporaryFolder folder_;
};

TEST_F(FileSystemTest, atomic_write_replaces_and_leaves_no_temporary) {
  write_atomic(files_, folder_ / "deep/name", "one");
  write_atomic(files_, folder_ / "deep/name", "two");
  EXPECT_EQ(read_text(files_, folder_ / "deep/name"), "two");
  EXPECT_EQ(files_.list(folder_ / "deep"), std::vector<std::string>{"name"});
}

TEST_F(FileSystemTest, uncached_writes_are_the_bytes_at_every_length_and_alignment) {
  const PageMemory memory((std::size_t{17} << 20) + 1);
  std::uint32_t state = 1;
  for (std::byte& b : memory.bytes()) b = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24);
  for (std::size_t length : {0U, 1U, 4095U, 4096U, 4097U, 8U << 20, (8U << 20) + 4096U, (17U << 20) + 1U})
    for (std::size_t offset : {0U, 1U, 512U}) {
      const std::span<const std::byte> bytes = memory.bytes().subspan(offset, length);
      write_atomic_uncached(files_, folder_ / "large", bytes);
      const Bytes read = files_.read(folder_ / "large");
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), read.begin(), read.end())) << length << " from " << offset;
    }
  auto file = files_.open_for_write(folder_ / "parts", OpenMode::kCreateUncached);
  for (std::size_t part : {4096U, 100U, 8192U, 5U}) file->write(memory.bytes().first(part));
  file->close();
  EXPECT_EQ(std::size_t{4096 + 100 + 8192 + 5}, files_.read(folder_ / "parts").size());
  EXPECT_THROW(files_.open_for_write(folder_ / "parts", OpenMode::kCreateUncached), RuntimeError);
}

TEST_F(FileSystemTest, parts_of_a_file_are_read_into_the_callers_memory) {
  write_atomic(files_, folder_ / "file", "0123456789");
  tests::FaultyFileSystem other;  // has the default, by way of read()
  for (FileSystem* files : {&files_, static_cast<FileSystem*>(&other)}) {
    const auto file = files->open_for_read(folder_ / "file");
    EXPECT_EQ(10U, file->size());
    Bytes part(4);
    file->read_at(6, part);
    EXPECT_EQ("6789", as_text(part));
    EXPECT_THROW(file->read_at(7, part), RuntimeError);
    EXPECT_THROW(file->read_at(11, part), RuntimeError);
    EXPECT_THROW(files->open_for_read(folder_ / "absent"), RuntimeError);
    EXPECT_THROW(files->open_for_read(folder_.path()), RuntimeError);
  }
}

TEST_F(FileSystemTest, a_hash_by_pieces_is_the_hash_of_the_whole) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1, 2 * kPiece + 17}) {
    std::string text(size, 'a');
    for (std::size_t i = 0; i < size; i += 997) text[i] = static_cast<char>('b' + i % 23);
    write_atomic(files_, folder_ / "file", text);
    EXPECT_EQ(sha256_of(*files_.open_for_read(folder_ / "file")), sha256_hex(text)) << size;
  }
}

TEST(PageMemoryTest, is_zero_aligned_and_refuses_what_no_machine_has) {
  PageMemory memory(3 << 20);
  EXPECT_GE(memory.size(), std::size_t{3} << 20);
  EXPECT_EQ(0U, reinterpret_cast<std::uintptr_t>(memory.bytes().data()) % (2 << 20));
  memory.bytes()[5] = std::byte{1};
  memory.touch();
  EXPECT_EQ(1, std::count(memory.bytes().begin(), memory.bytes().end(), std::byte{1}));
  EXPECT_EQ(memory.size() - 1,
            static_cast<std::size_t>(std::count(memory.bytes().begin(), memory.bytes().end(), std::byte{0})));
  EXPECT_EQ(0U, PageMemory(0).size());
  for (std::size_t size : {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 2})
    EXPECT_THROW(PageMemory{size}, RuntimeError);
}

TEST_F(FileSystemTest, first_publisher_wins_among_threads) {
  std::vector<int> won(8);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      won[static_cast<std::size_t>(i)] = publish_exclusive(files_, folder_ / "result.json", std::to_string(i)) ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  int winner = -1;
  for (int i = 0; i < 8; ++i)
    if (won[static_cast<std::size_t>(i)] == 1) {
      EXPECT_EQ(winner, -1);
      winner = i;
    }
  EXPECT_EQ(read_text(files_, folder_ / "result.json"), std::to_string(winner));
  EXPECT_EQ(files_.list(folder_.path()).size(), 1U);
}

// A result, an intent, an epoch: what is published outlasts a loss of power, file and name.
TEST_F(FileSystemTest, what_is_published_or_replaced_is_synced_with_its_folder) {
  using tests::FaultyFileSystem;
  for (const auto call : {FaultyFileSystem::kSync, FaultyFileSystem::kSyncPath}) {
    FaultyFileSystem files;
    files.fail(call, 0);
    EXPECT_THROW(publish_exclusive(files, folder_ / "published.json", "text"), RuntimeError);
    EXPECT_TRUE(files.fired());
    files.fail(call, 0);
    EXPECT_THROW(write_atomic(files, folder_ / "written.json", "text"), RuntimeError);
    EXPECT_TRUE(files.fired());
  }
}

TEST_F(FileSystemTest, failures_name_the_file_and_the_reason) {
  EXPECT_THAT([&] { files_.read(folder_ / "absent"); }, fails(HasSubstr("absent' (No such file or directory)")));
  EXPECT_THROW(files_.read(folder_.path()), RuntimeError);
  write_atomic(files_, folder_ / "large", std::string(100, 'x'));
  EXPECT_THROW(files_.read(folder_ / "large", 99), RuntimeError);
  EXPECT_EQ(files_.read(folder_ / "large", 100).size(), 100U);
  // A sparse file of a tebibyte is refused before anything is allocated for it.
  std::filesystem::resize_file(folder_ / "large", std::uintmax_t{1} << 40);
  EXPECT_THROW(files_.read(folder_ / "large", 1 << 20), RuntimeError);
  EXPECT_THROW(write_atomic(files_, folder_ / "large/below-a-file", "x"), RuntimeError);
}

TEST_F(FileSystemTest, more_open_files_than_the_limit_is_an_environment_error_with_a_way_out) {
  write_atomic(files_, folder_ / "file", "x");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{3, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  const std::vector<std::optional<RuntimeError>> errors{
      error_of([&] { files_.read(folder_ / "file", 1); }), error_of([&] { files_.list(folder_.path()); }),
      error_of([&] { write_atomic(files_, folder_ / "other", "x"); })};
  ::setrlimit(RLIMIT_NOFILE, &before);
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kEnvironment);
    EXPECT_THAT(error->what(), HasSubstr("(Too many open files); raise the limit of open files, 3 (`ulimit -n`, "
                                         "RLIMIT_NOFILE)"));
  }
}

TEST_F(FileSystemTest, write_beyond_the_limit_of_a_file_is_an_environment_error) {
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{4096, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto error = error_of([&] { write_atomic(files_, folder_ / "file", std::string(4097, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kEnvironment);
  EXPECT_THAT(error->what(),
              HasSubstr("(File too large); raise the limit of a file's size, 4096 bytes (`ulimit -f`, RLIMIT_FSIZE)"));
  EXPECT_TRUE(files_.list(folder_.path()).empty());
}

TEST_F(FileSystemTest, a_pipe_that_the_user_names_is_read_once_and_says_the_same_again) {
  const std::filesystem::path pipe = folder_ / "named";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string text(200'000, 'x');
  {
    const std::jthread writer([&] { std::ofstream(pipe) << text; });
    EXPECT_EQ(read_named_text(real_file_system(), pipe), text);
  }
  EXPECT_EQ(read_named_text(real_file_system(), pipe), text) << "nobody writes to it any more";
  EXPECT_THROW(read_text(real_file_system(), pipe), RuntimeError) << "in a store it is none of ours";
  EXPECT_EQ(read_named_text(real_file_system(), "/dev/null"), "");
  EXPECT_THAT([] { read_named_text(real_file_system(), "/dev/zero", 1'000'000); },
              fails("'/dev/zero' is larger than 1000000 bytes (that is the limit here)"));
  for (const std::filesystem::path& path : {folder_.path(), folder_ / "missing"})
    EXPECT_THROW(read_named_text(real_file_system(), path), RuntimeError);
}

TEST_F(FileSystemTest, pipes_sockets_and_devices_are_refused_and_not_waited_for) {
  ::alarm(30);  // to open a pipe waits for its other end
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = folder_ / "socket";
  ASSERT_LT(name.copy(address.sun_path, sizeof address.sun_path - 1), sizeof address.sun_path - 1);
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  std::filesystem::create_symlink("/dev/zero", folder_ / "device");
  const auto expect_refused = [&](const char* kind) {
    const auto path = folder_ / kind;
    for (const std::string& text : {refusal([&] { files_.read(path); }), refusal([&] { files_.open_for_read(path); }),
                                    refusal([&] { files_.open_for_write(path, OpenMode::kAppend); }),
                                    refusal([&] { files_.open_for_write(path, OpenMode::kTruncate); }),
                                    refusal([&] { open_regular(path, O_RDWR); })})
      EXPECT_THAT(text, HasSubstr(kind + std::string("' is not a regular file (")));
  };
  for (const char* kind : {"pipe", "socket", "device"}) expect_refused(kind);
  // With somebody at the other end it could be read and written.
  const FileDescriptor other_end(::open((folder_ / "pipe").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(other_end.valid());
  expect_refused("pipe");
  ::alarm(0);
}

TEST_F(FileSystemTest, missing_folders_are_made_unless_they_have_to_be_there) {
  const auto path = folder_ / "store/file";
  const std::string text = "text";
  EXPECT_THROW(write_atomic(files_, path, text, Folders::kMustExist), RuntimeError);
  EXPECT_THROW(replace_unsynced(files_, path, text, Folders::kMustExist), RuntimeError);
  EXPECT_THROW(publish_exclusive(files_, path, text, Folders::kMustExist), RuntimeError);
  EXPECT_TRUE(files_.list(folder_.path()).empty());
  EXPECT_TRUE(publish_exclusive(files_, path, text));
  write_atomic(files_, path, text, Folders::kMustExist);
  EXPECT_EQ(files_.list(folder_ / "store"), std::vector<std::string>{"file"});
}

TEST_F(FileSystemTest, what_a_file_system_lacks_is_named) {
  // No file system links folders, and that of /proc syncs none: they answer as those without link() or fsync of
  // folders.
  EXPECT_THAT([&] { files_.link(folder_.path(), folder_ / "link"); },
              fails(HasSubstr("(Operation not permitted); a store needs a file system with hard links; `resolute "
                              "doctor")));
  EXPECT_THAT([&] { files_.sync_path("/proc"); },
              fails(HasSubstr("(Invalid argument); a store needs a file system with fsync of folders; `resolute "
                              "doctor")));
  EXPECT_THAT([&] { files_.link(folder_ / "absent", folder_ / "link"); }, fails(Not(HasSubstr("doctor"))));
}

TEST_F(FileSystemTest, missing_folder_lists_as_empty) {
  EXPECT_TRUE(files_.list(folder_ / "absent").empty());
  EXPECT_EQ(read_text_if_exists(files_, folder_ / "absent"), std::nullopt);
  write_atomic(files_, folder_ / "file", "");
  EXPECT_EQ(read_text_if_exists(files_, folder_ / "file/below"), std::nullopt);
}

TEST_F(FileSystemTest, a_folder_that_cannot_be_looked_at_is_not_taken_for_a_file) {
  const auto place = [&](const char* name) { return folder_ / name; };
  files_.create_directories(place("folder"));
  write_atomic(files_, place("file"), "text");
  for (const auto& [name, target] : {std::pair<const char*, std::string>("to-folder", "folder"),
                                     {"loop", "loop"},
                                     {"there", "back"},
                                     {"back", "there"},
                                     {"long", std::string(300, 'a')}})
    fs::create_symlink(target, place(name));
  EXPECT_TRUE(is_folder(place("folder")));
  EXPECT_TRUE(is_folder(place("to-folder")));
  EXPECT_FALSE(is_folder(place("file")));
  EXPECT_FALSE(is_folder(place("nothing")));
  EXPECT_FALSE(is_folder(place("file") / "below"));
  for (const char* name : {"loop", "there", "long"})
    EXPECT_NE(tests::refusal([&] { is_folder(place(name)); }).find(name), std::string::npos) << name;
}

TEST_F(FileSystemTest, whoever_makes_a_folder_is_told_so) {
  EXPECT_TRUE(files_.make_folder(folder_ / "a/b"));
  EXPECT_FALSE(files_.make_folder(folder_ / "a/b"));
  EXPECT_FALSE(files_.make_folder(folder_ / "a"));
  write_atomic(files_, folder_ / "file", "");
  EXPECT_THROW(files_.make_folder(folder_ / "file"), RuntimeError);
  EXPECT_FALSE(files_.remove_folder(folder_ / "a"));
  EXPECT_THROW(files_.remove(folder_ / "a/b"), RuntimeError);
  EXPECT_TRUE(files_.remove_folder(folder_ / "a/b"));
  EXPECT_TRUE(files_.remove_folder(folder_ / "a"));
  EXPECT_FALSE(files_.exists(folder_ / "a"));
}

TEST_F(FileSystemTest, a_file_is_the_same_by_all_of_its_names) {
  write_atomic(files_, folder_ / "one", "text");
  ASSERT_TRUE(files_.link(folder_ / "one", folder_ / "other"));
  const auto before = files_.identity(folder_ / "one");
  ASSERT_TRUE(before);
  EXPECT_EQ(files_.identity(folder_ / "other"), before);
  write_atomic(files_, folder_ / "one", "text");
  EXPECT_NE(files_.identity(folder_ / "one"), before);
  EXPECT_EQ(files_.identity(folder_ / "absent"), std::nullopt);
}

}  // namespace
}  // namespace resolute::core::file_system_test
