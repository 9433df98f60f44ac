#include "results/records/query_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "experiments/specification/outputs.h"
#include "tests/support/equal.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::query_scores_test {
namespace {

using testing::HasSubstr;

TEST(QueryScores, a_file_must_have_the_hash_that_its_record_names) {
  auto& files = core::real_file_system();
  const tests::TemporaryFolder folder;
  const auto path = folder / experiments::kQueriesOutput.file;
  const std::vector<QueryScore> scores{{"query/0001_c2s1_01.jpg", 1, 2, 3, true, {0.1, 0.5, 2.0 / 3, 1}, 1.0 / 3},
                                       {"0002.jpg", -1, -1, 1, false, {0, 0, 0, 0}, 0}};
  const std::string text = csv_text(scores);
  const auto refusal = [&](const std::string& sha256) {
    return tests::refusal([&] { read_csv<QueryScore>(files, path, sha256); }, core::ErrorKind::kCorrupt);
  };
  EXPECT_THAT(refusal(core::sha256_hex(text)), HasSubstr("queries.csv"));  // missing
  core::write_atomic(files, path, std::string_view(text));
  EXPECT_EQ(read_csv<QueryScore>(files, path, core::sha256_hex(text)), scores);
  EXPECT_THAT(refusal(core::sha256_hex("another")), HasSubstr("queries.csv"));
}

}  // namespace
}  // namespace resolute::results::query_scores_test
