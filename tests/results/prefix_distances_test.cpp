#include "results/prefix_distances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file_system.h"
#include "experiments/resolution_levels.h"
#include "tests/support/folders.h"

namespace resolute::results::prefix_distances_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kHeader =
    "rate,level,prefix,dimensions,queries,match_pairs,match_p5,match_p25,match_p50,match_p75,match_p95,match_mean,"
    "other_pairs,other_p5,other_p25,other_p50,other_p75,other_p95,other_mean,rank1,map\n";

std::vector<PrefixDistances> examples() {
  const DistanceSpread match{2, {{0.1, 0.25, 1.0 / 3, 1e300, 1e300}, 0.5}}, other{40, {{1, 2, 3, 4, 5}, 3}};
  return {{2, 1, 1, 512, 20, match, other, 0.5, 1.0 / 3},
          {2, 3, 1, 512, 4, match, other, 1, 1},
          {2, 3, 2, 1024, 4, match, other, 1, 1},
          {2, 3, 3, 2048, 4, other, match, 0, 0.25},
          {4, 1, 1, 512, 0, {}, other, 0, 0}};
}

std::string refusal(const std::string& text) {
  try {
    parse_prefix_distances(text, "'prefixes.csv'");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "nothing was thrown";
}

TEST(PrefixDistances, the_text_is_that_of_the_format) {
  EXPECT_EQ(prefix_distances_text({examples()[0]}),
            kHeader +
                "2,1,1,512,20,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,0.5,"
                "0.3333333333333333\n");
  EXPECT_EQ(prefix_distances_text({}), kHeader);
}

TEST(PrefixDistances, comes_back_bit_for_bit) {
  EXPECT_EQ(parse_prefix_distances(prefix_distances_text(examples()), "text"), examples());
  EXPECT_TRUE(parse_prefix_distances(kHeader, "text").empty());
}

TEST(PrefixDistances, the_documents_example_is_read) {
  const auto page = tests::source_folder() / "docs/formats/prefixes.md";
  const std::string text = core::read_text(core::real_file_system(), page);
  const auto begin = text.find("```\n") + 4;
  const auto lines = parse_prefix_distances(text.substr(begin, text.find("```", begin) - begin), "example");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1].dimensions, 1024);
  for (const auto& line : lines) EXPECT_EQ(line.level, experiments::level_of_rate({3, 2, 1}, line.rate));
}

TEST(PrefixDistances, a_line_that_is_not_written_so_is_refused) {
  const std::string good = "2,1,1,512,20,2,11,12,13,14,15,16,40,21,22,23,24,25,26,0.5,0.25\n";
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return refusal(kHeader + line);
  };
  EXPECT_EQ(refusal(kHeader + good), "nothing was thrown");
  EXPECT_THAT(refusal(good), StartsWith("'prefixes.csv':1: the header is another"));
  EXPECT_THAT(changed("2,1,1", "0,1,1"), StartsWith("'prefixes.csv':2: rate is '0'"));
  EXPECT_THAT(changed("2,1,1", "2,0,1"), HasSubstr("level is '0'"));
  EXPECT_THAT(changed("2,1,1", "2,1,0"), HasSubstr("prefix is '0'"));
  EXPECT_THAT(changed(",512,", ",0,"), HasSubstr("dimensions is '0'"));
  EXPECT_THAT(changed(",20,", ",-1,"), HasSubstr("queries is '-1'"));
  EXPECT_THAT(changed(",20,", ",0,"), HasSubstr("queries is 0 (without one rank1 and map are 0)"));
  EXPECT_THAT(changed(",2,11", ",0,11"), HasSubstr("match_pairs is 0 (without a pair every figure is 0)"));
  EXPECT_THAT(changed(",40,", ",0,"), HasSubstr("other_pairs is 0"));
  EXPECT_THAT(changed(",12,", ",10,"), HasSubstr("match_p25 is 10 (percentiles do not fall)"));
  EXPECT_THAT(changed("25", "23.5"), HasSubstr("other_p95 is 23.5 (percentiles do not fall)"));
  for (const char* none : {"nan", "inf", "-1", "1e999", "", "0x1"}) {
    EXPECT_THAT(changed("11", none), HasSubstr("match_p5 is '")) << none;
    EXPECT_THAT(changed("16", none), HasSubstr("match_mean is '")) << none;
    EXPECT_THAT(changed("26", none), HasSubstr("other_mean is '")) << none;
    EXPECT_THAT(changed("0.5", none), HasSubstr("rank1 is '")) << none;
  }
  EXPECT_THAT(changed("0.25", "1.5"), HasSubstr("map is '1.5'"));
  EXPECT_THAT(changed("0.25", "0.250"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.25", "0.25,1"), HasSubstr("field 21 does not end in its place"));
  EXPECT_THAT(changed("0.25\n", "0.25"), HasSubstr("does not end"));
}

TEST(PrefixDistances, lines_stand_in_order_and_none_is_missing) {
  const auto changed = [](const std::function<void(std::vector<PrefixDistances>&)>& change) {
    std::vector<PrefixDistances> lines = examples();
    change(lines);
    return refusal(prefix_distances_text(lines));
  };
  EXPECT_THAT(changed([](auto& lines) { std::swap(lines[2], lines[3]); }),
              StartsWith("'prefixes.csv':4: prefix 2 of rate 2 at level 3 does not follow"));
  EXPECT_THAT(changed([](auto& lines) { lines.erase(lines.begin() + 3); }),
              StartsWith("'prefixes.csv':5: prefix 3 of rate 2 at level 3 does not follow"));
  EXPECT_THAT(changed([](auto& lines) { lines.resize(3); }), HasSubstr("prefix 3 is missing"));
  EXPECT_THAT(changed([](auto& lines) { lines[0].prefix = lines[0].level = 2; }),
              HasSubstr("prefix is 2 (1 comes first)"));
  EXPECT_THAT(changed([](auto& lines) { std::swap(lines[0], lines[4]); }),
              StartsWith("'prefixes.csv':3: the line is out of order"));
  EXPECT_THAT(changed([](auto& lines) { lines.push_back(lines[4]); }), HasSubstr("out of order"));
  EXPECT_THAT(changed([](auto& lines) { lines[2].dimensions = 512; }),
              HasSubstr("dimensions is 512 (a longer prefix has more)"));
  EXPECT_THAT(changed([](auto& lines) { lines[4].dimensions = 511; }),
              HasSubstr("dimensions is 511 (prefix 1 has 512 above)"));
  EXPECT_THAT(changed([](auto& lines) { lines[2].queries = 5; }), HasSubstr("queries is 5 (prefixes of the same"));
}

}  // namespace
}  // namespace resolute::results::prefix_distances_test
