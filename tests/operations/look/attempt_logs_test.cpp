#include "operations/look/attempt_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace resolute::tests::attempt_logs_test {
namespace {

using namespace operations;
using testing::ElementsAre;

class AttemptLogs : public testing::Test {
 protected:
  void write(const std::filesystem::path& path, const std::string& text) {
    files_.create_directories(path.parent_path());
    core::write_atomic(files_, path, text);
  }
  std::filesystem::path stderr_of(int attempt, const std::string& rank = "") {
    return store_.attempt_file(job_, attempt, "stderr" + rank);
  }
  std::vector<std::string> last(const std::string& text, std::size_t most) {
    write(folder_ / "log", text);
    return last_lines(files_, folder_ / "log", most);
  }

  core::FileSystem& files_ = core::real_file_system();
  TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
  experiments::JobId job_{std::string(64, 'a')};
};

TEST_F(AttemptLogs, are_found_by_attempt_and_rank) {
  EXPECT_TRUE(latest_logs(files_, store_, job_).empty());
  write(stderr_of(2), "two\n");
  write(stderr_of(2, "-10"), "rank ten\n");
  write(stderr_of(2, "-3"), "rank three\n");
  write(stderr_of(2, "-x"), "nobody's\n");
  write(store_.attempt_file(job_, 2, "stdout"), "out\n");
  write(stderr_of(1), "one\n");
  write(store_.attempt_file(job_, 3, "metrics.jsonl"), "{}\n");
  write(store_.job_folder(job_) / "attempt-2147483647-stderr", "foreign\n");
  EXPECT_THAT(attempts_left(files_, store_, job_), ElementsAre(1, 2, 3));
  std::vector<int> ranks;
  for (const AttemptLog& log : attempt_logs(files_, store_, job_, 2)) ranks.push_back(log.process_rank);
  EXPECT_THAT(ranks, ElementsAre(0, 3, 10));
  EXPECT_EQ(attempt_logs(files_, store_, job_, 1).at(0).path, stderr_of(1));
  EXPECT_TRUE(attempt_logs(files_, store_, job_, 3).empty());
  EXPECT_EQ(latest_logs(files_, store_, job_).at(0).path, stderr_of(2));
}

TEST_F(AttemptLogs, last_lines_are_those_and_no_more) {
  EXPECT_THAT(last("", 3), ElementsAre());
  EXPECT_THAT(last("\n", 3), ElementsAre(""));
  EXPECT_THAT(last("one", 3), ElementsAre("one"));
  EXPECT_THAT(last("one\n\ntwo\n", 3), ElementsAre("one", "", "two"));
  EXPECT_THAT(last("one\ntwo\nthree", 2), ElementsAre("two", "three"));
  EXPECT_THAT(last(std::string(200'000, 'x') + "\nend\n", 1), ElementsAre("end"));
  EXPECT_EQ(last(std::string(200'000, 'x'), 5).at(0).size(), 65536U);
}

TEST_F(AttemptLogs, a_reader_hands_over_what_was_added_since_and_all_of_what_was_written_anew) {
  LogReader reader(files_);
  std::string seen;
  const auto read = [&] {
    seen.clear();
    reader.read_on(attempt_logs(files_, store_, job_, 1), [&](const AttemptLog& log, std::string_view bytes) {
      seen += fmt::format("{}:{}", log.process_rank, bytes);
    });
    return seen;
  };
  EXPECT_EQ(read(), "");
  write(stderr_of(1), "half a");
  EXPECT_EQ(read(), "0:half a");
  EXPECT_EQ(read(), "");
  write(stderr_of(1), "half a line\n");
  write(stderr_of(1, "-1"), "other\n");
  EXPECT_EQ(read(), "0: line\n1:other\n");
  write(stderr_of(1), "new\n");
  EXPECT_EQ(read(), "0:new\n");
}

}  // namespace
}  // namespace resolute::tests::attempt_logs_test
