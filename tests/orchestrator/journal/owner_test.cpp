#include "orchestrator/journal/owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/support/equal.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::owner_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
using testing::HasSubstr;

core::FileSystem& files() { return core::real_file_system(); }

// How long require_no_owner() took to say that nobody has epoch 1.
std::chrono::nanoseconds time_until_free(const std::filesystem::path& folder, std::chrono::milliseconds watch) {
  const auto begin = std::chrono::steady_clock::now();
  require_no_owner(files(), folder, 1, watch);
  return std::chrono::steady_clock::now() - begin;
}

TEST(Owner, reads_back_as_it_was_written) {
  TemporaryFolder folder;
  EXPECT_EQ(read_owner(files(), folder.path(), 1), std::nullopt);
  Owner owner = this_owner();
  owner.counter = 7;
  write_owner(files(), folder.path(), 1, owner);
  EXPECT_EQ(read_owner(files(), folder.path(), 1), owner);
}

TEST(Owner, whose_process_is_gone_has_ended_only_if_its_number_means_the_same_here) {
  const pid_t process = ::fork();
  if (process == 0) ::_exit(0);
  ::waitpid(process, nullptr, 0);
  Owner owner = this_owner();
  owner.process = process;
  EXPECT_EQ(life_of(owner), OwnerLife::kEnded);
  EXPECT_TRUE(owner.pid_namespace.starts_with("pid:["));
  for (const char* other : {"pid:[1]", ""}) {
    owner.pid_namespace = other;
    EXPECT_EQ(life_of(owner), OwnerLife::kUnknown) << other;
  }
}

TEST(Owner, one_that_has_ended_or_whose_process_is_gone_frees_the_suite_at_once) {
  TemporaryFolder folder;
  Owner owner = this_owner();
  owner.start += 1;  // another process with the same number
  write_owner(files(), folder.path(), 1, owner);
  EXPECT_EQ(life_of(owner), OwnerLife::kEnded);
  EXPECT_LT(time_until_free(folder.path(), 1h), 1min);
  owner = this_owner();
  owner.ended = true;
  write_owner(files(), folder.path(), 1, owner);
  EXPECT_LT(time_until_free(folder.path(), 1h), 1min);
}

TEST(Owner, one_whose_counter_stands_still_for_the_lease_is_over_even_if_its_process_is_there) {
  TemporaryFolder folder;
  Owner owner = this_owner();
  EXPECT_EQ(life_of(owner), OwnerLife::kAlive);
  write_owner(files(), folder.path(), 1, owner);
  EXPECT_GE(time_until_free(folder.path(), 300ms), 300ms);
  owner.host = "elsewhere";
  EXPECT_EQ(life_of(owner), OwnerLife::kUnknown);
  write_owner(files(), folder.path(), 1, owner);
  EXPECT_GE(time_until_free(folder.path(), 300ms), 300ms);
}

TEST(Owner, what_is_no_owner_is_watched_like_one_elsewhere) {
  TemporaryFolder folder;
  const auto path = owner_file(folder.path(), 1);
  const auto expect_watched = [&] {
    EXPECT_EQ(read_owner(files(), folder.path(), 1), std::nullopt);
    EXPECT_GE(time_until_free(folder.path(), 100ms), 100ms);
  };
  for (const char* text : {"", "garbage", "{}", "{\"boot\":1}", "[]"}) {
    core::write_atomic(files(), path, text);
    expect_watched();
  }
  files().remove(path);
  std::filesystem::create_directory(path);
  expect_watched();
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  ::alarm(30);  // to open a pipe waits for its other end
  expect_watched();
  ::alarm(0);
  // A run that lives writes its file anew.
  std::jthread renewing([&] {
    std::this_thread::sleep_for(100ms);
    write_owner(files(), folder.path(), 1, this_owner());
  });
  EXPECT_THROW(require_no_owner(files(), folder.path(), 1, 1h), core::RuntimeError);
}

TEST(Owner, one_whose_counter_moves_is_named_as_soon_as_it_does) {
  for (const bool elsewhere : {false, true}) {
    for (const bool there : {true, false}) {  // or its first file comes only after the look
      TemporaryFolder folder;
      Owner owner = this_owner();
      if (elsewhere) owner.host = "elsewhere";
      if (there) write_owner(files(), folder.path(), 1, owner);
      std::jthread renewing([&] {
        std::this_thread::sleep_for(200ms);
        ++owner.counter;
        write_owner(files(), folder.path(), 1, owner);
      });
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_THAT([&] { require_no_owner(files(), folder.path(), 1, 1h); },
                  tests::fails(testing::AllOf(HasSubstr(owner.host), HasSubstr("is being run already"))))
          << "a live owner was passed over";
      EXPECT_LT(std::chrono::steady_clock::now() - begin, 1min);
    }
  }
}

}  // namespace
}  // namespace resolute::tests::owner_test
