#include "results/query_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "core/sha256.h"
#include "tests/support/folders.h"

namespace resolute::results::query_scores_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHeader = "path,identity,camera,rate,has_match,rank1,rank5,rank10,rank20,average_precision\n";

std::vector<QueryScore> examples() {
  return {{"query/0001_c2s1_01.jpg", 1, 2, 3, true, {0.1, 0.5, 2.0 / 3, 1}, 1.0 / 3},
          {"a, \"quoted\"\nname.jpg", 17, 2, 8, true, {0, 0, 0, 0}, 5e-324},
          {"0002.jpg", -1, -1, 1, false, {0, 0, 0, 0}, 0},
          {"0002.jpg", -1, -1, 2, false, {0, 0, 0, 0}, 0}};
}

std::string refusal(const std::string& text) {
  try {
    parse_query_scores(text, "'queries.csv'");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "nothing was thrown";
}

TEST(QueryScores, the_text_is_that_of_the_format) {
  EXPECT_EQ(query_scores_text(examples()),
            kHeader +
                "query/0001_c2s1_01.jpg,1,2,3,1,0.1,0.5,0.6666666666666666,1,0.3333333333333333\n"
                "\"a, \"\"quoted\"\"\nname.jpg\",17,2,8,1,0,0,0,0,5e-324\n"
                "0002.jpg,-1,-1,1,0,0,0,0,0,0\n"
                "0002.jpg,-1,-1,2,0,0,0,0,0,0\n");
  EXPECT_EQ(query_scores_text({}), kHeader);
}

TEST(QueryScores, come_back_bit_for_bit) {
  EXPECT_EQ(parse_query_scores(query_scores_text(examples()), "text"), examples());
  EXPECT_TRUE(parse_query_scores(kHeader, "text").empty());
}

TEST(QueryScores, the_documents_example_is_read) {
  const auto page = tests::source_folder() / "docs/formats/queries.md";
  const std::string text = core::read_text(core::real_file_system(), page);
  const auto begin = text.find("```\n") + 4;
  const auto scores = parse_query_scores(text.substr(begin, text.find("```", begin) - begin), "example");
  ASSERT_EQ(scores.size(), 3U);
  EXPECT_EQ(scores[2].path, "c2/a, b.png");
}

TEST(QueryScores, what_is_not_written_so_is_refused_with_its_line) {
  const std::string good = "a.jpg,1,2,3,1,0.5,0.5,1,1,0.25\n";
  auto changed = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return refusal(kHeader + "0.jpg,1,2,3,1,0.5,0.5,1,1,0.25\n" + line);
  };
  EXPECT_EQ(refusal(kHeader + good), "nothing was thrown");
  EXPECT_THAT(refusal(""), StartsWith("'queries.csv':1: the header is another"));
  EXPECT_THAT(refusal(good), StartsWith("'queries.csv':1: the header is another"));
  EXPECT_THAT(changed("a.jpg", ""), StartsWith("'queries.csv':3: the path is none"));
  EXPECT_THAT(changed("a.jpg", std::string("a\0b", 3)), HasSubstr("the path is none"));
  EXPECT_THAT(changed("a.jpg", "\"a.jpg\""), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("a.jpg", "\"a,jpg"), HasSubstr("a quoted path does not end"));
  EXPECT_THAT(changed("a.jpg", "\"a,jpg\"b"), HasSubstr("field 1 does not end in its place"));
  EXPECT_THAT(changed("a.jpg", "0.jpg"), StartsWith("'queries.csv':3: the path stands twice at this rate"));
  EXPECT_THAT(changed(",3,", ",0,"), HasSubstr("rate is '0'"));
  EXPECT_THAT(changed(",3,", ",3.0,"), HasSubstr("rate is '3.0'"));
  EXPECT_THAT(changed("1,2,3", "-2,2,3"), HasSubstr("identity is '-2'"));
  EXPECT_THAT(changed("1,2,3,1", "1,2,3,2"), HasSubstr("has_match is '2'"));
  EXPECT_THAT(changed("1,2,3,1", "1,2,3,0"), HasSubstr("a query without a match has a score"));
  EXPECT_THAT(changed("0.25", "1.25"), AllOf(HasSubstr("average_precision is '1.25'"), HasSubstr("from 0 to 1")));
  for (const char* none : {"nan", "-0.5", "", " 0.25", "0x1", "inf"})
    EXPECT_THAT(changed("0.25", none), HasSubstr("average_precision"));
  EXPECT_THAT(changed("0.25", "0.250"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.25", "-0"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.5,0.5,1", "0.5,0.25,1"), HasSubstr("rank5 is below rank1"));
  EXPECT_THAT(changed(",0.25", ""), HasSubstr("does not end in its place"));
  EXPECT_THAT(changed("0.25", "0.25,1"), HasSubstr("field 10 does not end in its place"));
  EXPECT_THAT(changed("0.25\n", "0.25"), HasSubstr("does not end"));
  EXPECT_THAT(changed("0.25\n", "0.25\r\n"), HasSubstr("average_precision"));
  EXPECT_THAT(changed("0.25\n", "0.25\n\n"), HasSubstr("'queries.csv':4: "));
}

TEST(QueryScores, a_file_must_have_the_hash_that_its_record_names) {
  auto& files = core::real_file_system();
  const auto folder = std::filesystem::temp_directory_path() / ("resolute-queries-" + std::to_string(getpid()));
  const auto path = folder / kQueryScoresFile;
  const std::string text = query_scores_text(examples());
  auto kind = [&](const std::string& sha256) {
    try {
      read_query_scores(files, path, sha256);
    } catch (const core::RuntimeError& error) {
      EXPECT_THAT(error.what(), HasSubstr("queries.csv"));
      return error.kind();
    }
    return core::ErrorKind::kInterrupted;  // nothing was thrown
  };
  EXPECT_EQ(kind(core::sha256_hex(text)), core::ErrorKind::kCorrupt);  // missing
  core::write_atomic(files, path, std::string_view(text));
  EXPECT_EQ(read_query_scores(files, path, core::sha256_hex(text)), examples());
  EXPECT_EQ(kind(core::sha256_hex("another")), core::ErrorKind::kCorrupt);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace resolute::results::query_scores_test
