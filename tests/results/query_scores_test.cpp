#include "results/query_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "core/sha256.h"
#include "experiments/outputs.h"

namespace resolute::results::query_scores_test {
namespace {

using testing::HasSubstr;

TEST(QueryScores, a_file_must_have_the_hash_that_its_record_names) {
  auto& files = core::real_file_system();
  const auto folder = std::filesystem::temp_directory_path() / ("resolute-queries-" + std::to_string(getpid()));
  const auto path = folder / experiments::kQueriesOutput.file;
  const std::vector<QueryScore> scores{{"query/0001_c2s1_01.jpg", 1, 2, 3, true, {0.1, 0.5, 2.0 / 3, 1}, 1.0 / 3},
                                       {"0002.jpg", -1, -1, 1, false, {0, 0, 0, 0}, 0}};
  const std::string text = csv_text(scores);
  auto kind = [&](const std::string& sha256) {
    try {
      read_csv<QueryScore>(files, path, sha256);
    } catch (const core::RuntimeError& error) {
      EXPECT_THAT(error.what(), HasSubstr("queries.csv"));
      return error.kind();
    }
    return core::ErrorKind::kInterrupted;  // nothing was thrown
  };
  EXPECT_EQ(kind(core::sha256_hex(text)), core::ErrorKind::kCorrupt);  // missing
  core::write_atomic(files, path, std::string_view(text));
  EXPECT_EQ(read_csv<QueryScore>(files, path, core::sha256_hex(text)), scores);
  EXPECT_EQ(kind(core::sha256_hex("another")), core::ErrorKind::kCorrupt);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace resolute::results::query_scores_test
