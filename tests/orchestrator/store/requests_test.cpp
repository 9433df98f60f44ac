#include "orchestrator/store/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tests/support/equal.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::requests_test {
namespace {

using namespace orchestrator;
using testing::HasSubstr;

class RequestsTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
};

TEST_F(RequestsTest, what_was_asked_for_is_read_in_order) {
  const std::vector<Request> asked{StopRun{}, CancelJob{{std::string(64, 'b')}}, DrainHost{"node 7", true},
                                   DrainHost{"node 7", false}};
  RequestBox box(files_, folder_.path(), 3);
  EXPECT_TRUE(box.read().empty());
  for (const Request& request : asked) {
    write_request(files_, folder_.path(), 3, request);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const auto pending = box.read();
  ASSERT_EQ(pending.size(), asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(pending[i].request, asked[i]);
    EXPECT_THAT(pending[i].by, HasSubstr("@"));
    box.discard(pending[i].name);
  }
  EXPECT_TRUE(box.read().empty());
  EXPECT_TRUE(files_.list(folder_.path() / "requests").empty());
}

TEST_F(RequestsTest, one_that_cannot_be_read_is_put_aside_and_the_others_are_taken) {
  const auto folder = folder_.path() / "requests";
  const std::string long_host = R"({"by":"me","epoch":1,"host":")" + std::string(256, 'x') + R"(","request":"drain"})";
  for (const std::string& text :
       {std::string(), std::string(R"({"by":"me","epoch":1,"request":"dance"})"),
        std::string(R"({"by":"me","epoch":1,"request":"cancel"})"), std::string(R"({"by":"me","request":"stop"})"),
        std::string(R"({"by":"me","epoch":1,"request":"stop","more":1})"), long_host, std::string(1 << 20, ' ')})
    core::write_atomic(files_, folder / fmt::format("0{}.json", std::hash<std::string>{}(text)), text);
  core::write_atomic(files_, folder / ".half.json", "{");
  write_request(files_, folder_.path(), 1, StopRun{});
  RequestBox box(files_, folder_.path(), 1);
  EXPECT_EQ(box.read().size(), 1U);
  int aside = 0;
  for (const std::string& name : files_.list(folder)) aside += name.ends_with(".bad") ? 1 : 0;
  EXPECT_EQ(aside, 7);
}

TEST_F(RequestsTest, what_is_no_file_is_put_aside_and_said_once) {
  const auto folder = folder_.path() / "requests";
  write_request(files_, folder_.path(), 1, StopRun{});
  ASSERT_EQ(::mkfifo((folder / "000000000000001-aa.json").c_str(), 0600), 0);
  std::filesystem::create_directory(folder / "000000000000002-bb.json");
  std::filesystem::create_symlink("/dev/zero", folder / "000000000000003-cc.json");
  RequestBox box(files_, folder_.path(), 1);
  ::alarm(30);  // to open a pipe waits for its other end
  testing::internal::CaptureStderr();
  EXPECT_EQ(box.read().size(), 1U);
  EXPECT_EQ(box.read().size(), 1U);
  const std::string log = testing::internal::GetCapturedStderr();
  ::alarm(0);
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 3) << log;
  EXPECT_THAT(log, HasSubstr("000000000000001-aa.json' is not a regular file"));
  for (const char* name : {"000000000000001-aa.json.bad", "000000000000002-bb.json.bad", "000000000000003-cc.json.bad"})
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(folder / name))) << name;
}

TEST_F(RequestsTest, one_to_another_run_is_removed) {
  write_request(files_, folder_.path(), 1, StopRun{});
  RequestBox box(files_, folder_.path(), 2);
  EXPECT_TRUE(box.read().empty());
  EXPECT_TRUE(files_.list(folder_.path() / "requests").empty());
}

// Files that stay where they are, as in a folder that somebody made read-only (which stops no test that is root).
class Immovable final : public ForwardingFileSystem {
 public:
  void rename(const std::filesystem::path& from, const std::filesystem::path&) override { refuse(from); }
  void remove(const std::filesystem::path& path) override { refuse(path); }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    if (no_list) refuse(folder);
    return core::real_file_system().list(folder);
  }
  bool no_list = false;

 private:
  [[noreturn]] static void refuse(const std::filesystem::path& path) {
    throw core::system_error(fmt::format("cannot change '{}'", path.string()), EACCES);
  }
};

TEST_F(RequestsTest, one_that_cannot_be_removed_is_given_out_once_and_ends_no_run) {
  write_request(files_, folder_.path(), 1, StopRun{});
  core::write_atomic(files_, folder_.path() / "requests/0.json", "no request");
  Immovable files;
  RequestBox box(files, folder_.path(), 1);
  const auto pending = box.read();
  ASSERT_EQ(pending.size(), 1U);
  box.discard(pending[0].name);
  EXPECT_TRUE(box.read().empty());
  files.no_list = true;
  EXPECT_TRUE(box.read().empty());
}

TEST_F(RequestsTest, one_that_cannot_be_read_while_a_ticket_has_run_out_is_given_out_later) {
  write_request(files_, folder_.path(), 1, StopRun{});
  SickFileSystem files;
  RequestBox box(files, folder_.path(), 1);
  for (const int error_number : {EACCES, EPERM, EKEYEXPIRED}) {
    files.sick = [&](SickFileSystem::Call call, const std::filesystem::path&) {
      return call == SickFileSystem::kRead ? error_number : 0;
    };
    EXPECT_TRUE(box.read().empty());
  }
  files.sick = [](auto, const auto&) { return 0; };
  EXPECT_EQ(box.read().size(), 1U);
}

}  // namespace
}  // namespace resolute::tests::requests_test
