//! The CSV files of an evaluation, whose readers are strict: each is written as its page says, comes back bit for bit,
//! and what no writer of this program makes is refused with file and line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/file_system.h"
#include "methods/levels.h"
#include "results/branch_weights.h"
#include "results/mask_values.h"
#include "results/prefix_distances.h"
#include "results/query_scores.h"
#include "results/recovery.h"
#include "tests/support/folders.h"

namespace resolute::results::csv_formats_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

//! How one kind of file is written.
template <class Row>
struct Lines {
  std::vector<Row> (*parse)(std::string_view text, const std::string& where);
  std::string (*write)(const std::vector<Row>& rows);
  std::vector<Row> examples;
  std::string text;  //!< of the examples
  std::function<void(const std::vector<Row>& rows)> check_documented;
};

//! A kind of file, whatever its rows are.
struct CsvFormat {
  std::string name;   //!< of its page, and of the file: NAME.csv
  std::string first;  //!< the text up to the line that is changed
  std::string good;   //!< that line
  std::string header;
  std::function<void()> check_text, check_reading, check_page;
  std::function<void(const std::string& text)> read;
};

template <class Row>
CsvFormat csv_format(const std::string& name, const std::string& header, const std::string& first,
                     const std::string& good, const Lines<Row>& lines) {
  return {name,
          header + first,
          good,
          header,
          [=] {
            EXPECT_EQ(lines.write(lines.examples), header + lines.text);
            EXPECT_EQ(lines.write({}), header);
          },
          [=] {
            EXPECT_EQ(lines.parse(lines.write(lines.examples), "text"), lines.examples);
            EXPECT_TRUE(lines.parse(header, "text").empty());
          },
          [=] {
            const auto page = tests::source_folder() / "docs/formats" / (name + ".md");
            const std::string text = core::read_text(core::real_file_system(), page);
            const auto begin = text.find("```\n") + 4;
            lines.check_documented(lines.parse(text.substr(begin, text.find("```", begin) - begin), "example"));
          },
          [=](const std::string& text) { lines.parse(text, "'" + name + ".csv'"); }};
}

const Lines<BranchWeights> kWeights{parse_branch_weights,
                                    branch_weights_text,
                                    {{"query/0001_c2s1_01.jpg", 1, 2, false, 1, 0.1F, {}},
                                     {"query/0001_c2s1_01.jpg", 1, 2, true, 1, 1.0F / 3, 1e-3F},
                                     {"query/0001_c2s1_01.jpg", 1, 2, true, 8, 1.001F, 1e-45F},
                                     {"a, \"quoted\"\nname.jpg", -1, -1, true, 2, 1, 2}},
                                    "query/0001_c2s1_01.jpg,1,2,high,1,0.1,\n"
                                    "query/0001_c2s1_01.jpg,1,2,low,1,0.33333334,0.001\n"
                                    "query/0001_c2s1_01.jpg,1,2,low,8,1.001,1e-45\n"
                                    "\"a, \"\"quoted\"\"\nname.jpg\",-1,-1,low,2,1,2\n",
                                    [](const std::vector<BranchWeights>& rows) {
                                      ASSERT_EQ(rows.size(), 3U);
                                      EXPECT_FALSE(rows[0].low);
                                      EXPECT_EQ(rows[2].lr, 0.83F);
                                    }};

const Spread kChannels{{0, 0.1, 0.25, 1.0 / 3, 1}, 0.5};
const Lines<MaskSpread> kMasks{parse_mask_values,
                               mask_values_text,
                               {{"layer3.5", 1, 256, kChannels, 0.125},
                                {"layer3.5", 2, 256, kChannels, 0},
                                {"layer4_x", 1, 1, kChannels, 1},
                                {"layer4_x", 2, 1, kChannels, 0}},
                               "layer3.5,1,256,0,0.1,0.25,0.3333333333333333,1,0.5,0.125\n"
                               "layer3.5,2,256,0,0.1,0.25,0.3333333333333333,1,0.5,0\n"
                               "layer4_x,1,1,0,0.1,0.25,0.3333333333333333,1,0.5,1\n"
                               "layer4_x,2,1,0,0.1,0.25,0.3333333333333333,1,0.5,0\n",
                               [](const std::vector<MaskSpread>& rows) {
                                 ASSERT_EQ(rows.size(), 4U);
                                 EXPECT_EQ(rows[3].level, 2);
                               }};

const DistanceSpread kMatches{2, {{0.1, 0.25, 1.0 / 3, 1e300, 1e300}, 0.5}}, kOthers{40, {{1, 2, 3, 4, 5}, 3}};
const Lines<PrefixDistances> kPrefixes{
    parse_prefix_distances,
    prefix_distances_text,
    {{2, 1, 1, 512, 20, kMatches, kOthers, 0.5, 1.0 / 3},
     {2, 3, 1, 512, 4, kMatches, kOthers, 1, 1},
     {2, 3, 2, 1024, 4, kMatches, kOthers, 1, 1},
     {2, 3, 3, 2048, 4, kOthers, kMatches, 0, 0.25},
     {4, 1, 1, 512, 0, {}, kOthers, 0, 0}},
    "2,1,1,512,20,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,0.5,0.3333333333333333\n"
    "2,3,1,512,4,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,1,1\n"
    "2,3,2,1024,4,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,1,1\n"
    "2,3,3,2048,4,40,1,2,3,4,5,3,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,0,0.25\n"
    "4,1,1,512,0,0,0,0,0,0,0,0,40,1,2,3,4,5,3,0,0\n",
    [](const std::vector<PrefixDistances>& rows) {
      ASSERT_EQ(rows.size(), 3U);
      EXPECT_EQ(rows[1].dimensions, 1024);
      for (const auto& row : rows) EXPECT_EQ(row.level, methods::level_of_rate({3, 2, 1}, row.rate));
    }};

const Lines<QueryScore> kQueries{parse_query_scores,
                                 query_scores_text,
                                 {{"query/0001_c2s1_01.jpg", 1, 2, 3, true, {0.1, 0.5, 2.0 / 3, 1}, 1.0 / 3},
                                  {"a, \"quoted\"\nname.jpg", 17, 2, 8, true, {0, 0, 0, 0}, 5e-324},
                                  {"0002.jpg", -1, -1, 1, false, {0, 0, 0, 0}, 0},
                                  {"0002.jpg", -1, -1, 2, false, {0, 0, 0, 0}, 0}},
                                 "query/0001_c2s1_01.jpg,1,2,3,1,0.1,0.5,0.6666666666666666,1,0.3333333333333333\n"
                                 "\"a, \"\"quoted\"\"\nname.jpg\",17,2,8,1,0,0,0,0,5e-324\n"
                                 "0002.jpg,-1,-1,1,0,0,0,0,0,0\n"
                                 "0002.jpg,-1,-1,2,0,0,0,0,0,0\n",
                                 [](const std::vector<QueryScore>& rows) {
                                   ASSERT_EQ(rows.size(), 3U);
                                   EXPECT_EQ(rows[2].path, "c2/a, b.png");
                                 }};

const Lines<RecoveryQuality> kRecovery{parse_recovery,
                                       recovery_text,
                                       {{"query/0001_c2s1_01.jpg", 1, 2, 1, 3, {21.5F, 0.1F}, {1.0F / 3, -1}},
                                        {"query/0001_c2s1_01.jpg", 1, 2, 1, 1, {0, 1}, {98.05F, 0}},
                                        {"query/0001_c2s1_01.jpg", 1, 2, 4, 1, {25.25F, 0.75F}, {23, 0.5F}},
                                        {"a, \"quoted\"\nname.jpg", -1, -1, 4, 1, {26.25F, 0.25F}, {25, 0.75F}}},
                                       "query/0001_c2s1_01.jpg,1,2,1,3,21.5,0.1,0.33333334,-1\n"
                                       "query/0001_c2s1_01.jpg,1,2,1,1,0,1,98.05,0\n"
                                       "query/0001_c2s1_01.jpg,1,2,4,1,25.25,0.75,23,0.5\n"
                                       "\"a, \"\"quoted\"\"\nname.jpg\",-1,-1,4,1,26.25,0.25,25,0.75\n",
                                       [](const std::vector<RecoveryQuality>& rows) {
                                         ASSERT_EQ(rows.size(), 3U);
                                         EXPECT_EQ(rows[0].scale, 3);
                                         EXPECT_EQ(rows[2].scale, 1);
                                       }};

const std::vector<CsvFormat> kFormats{
    csv_format("weights", "path,identity,camera,side,rate,weight_hr,weight_lr\n", "a.jpg,1,2,high,1,0.5,\n",
               "a.jpg,1,2,low,3,0.5,0.25\n", kWeights),
    csv_format("masks", "block,level,channels,p5,p25,p50,p75,p95,mean,difference\n", "",
               "layer4.2,1,256,0.1,0.2,0.3,0.4,0.5,0.6,0\n", kMasks),
    csv_format("prefixes",
               "rate,level,prefix,dimensions,queries,match_pairs,match_p5,match_p25,match_p50,match_p75,match_p95,"
               "match_mean,other_pairs,other_p5,other_p25,other_p50,other_p75,other_p95,other_mean,rank1,map\n",
               "", "2,1,1,512,20,2,11,12,13,14,15,16,40,21,22,23,24,25,26,0.5,0.25\n", kPrefixes),
    csv_format("queries", "path,identity,camera,rate,has_match,rank1,rank5,rank10,rank20,average_precision\n",
               "0.jpg,1,2,3,1,0.5,0.5,1,1,0.25\n", "a.jpg,1,2,3,1,0.5,0.5,1,1,0.25\n", kQueries),
    csv_format("recovery",
               "path,identity,camera,rate,scale,recovered_psnr,recovered_ssim,enlarged_psnr,enlarged_ssim\n",
               "a.jpg,1,2,1,1,30,0.5,20,0.25\n", "a.jpg,1,2,4,3,31,0.625,21,0.375\n", kRecovery)};

const CsvFormat& format_of(const std::string& name) {
  return *std::find_if(kFormats.begin(), kFormats.end(), [&](const CsvFormat& one) { return one.name == name; });
}

std::string refusal_of(const CsvFormat& format, const std::string& text) {
  try {
    format.read(text);
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "nothing was thrown";
}

class CsvFormats : public ::testing::TestWithParam<const char*> {
 protected:
  const CsvFormat& format_ = format_of(GetParam());
};

TEST_P(CsvFormats, have_the_text_of_their_page) { format_.check_text(); }
TEST_P(CsvFormats, come_back_bit_for_bit) { format_.check_reading(); }
TEST_P(CsvFormats, are_read_from_the_documents_example) { format_.check_page(); }

TEST_P(CsvFormats, have_a_header_and_lines_of_as_many_fields_that_end) {
  const std::string where = "'" + format_.name + ".csv':";
  EXPECT_EQ(refusal_of(format_, format_.first + format_.good), "nothing was thrown");
  EXPECT_EQ(refusal_of(format_, format_.header + format_.good), "nothing was thrown");
  EXPECT_THAT(refusal_of(format_, ""), StartsWith(where + "1: the header is another"));
  EXPECT_THAT(refusal_of(format_, format_.good), StartsWith(where + "1: the header is another"));
  const std::string open = format_.first + format_.good.substr(0, format_.good.size() - 1);
  const auto fields = std::count(format_.header.begin(), format_.header.end(), ',') + 1;
  EXPECT_THAT(refusal_of(format_, open + ",1\n"), HasSubstr(fmt::format("field {} does not end in its place", fields)));
  EXPECT_THAT(refusal_of(format_, open), HasSubstr("does not end"));
}

INSTANTIATE_TEST_SUITE_P(Csv, CsvFormats, ::testing::Values("weights", "masks", "prefixes", "queries", "recovery"),
                         [](const auto& asked) { return std::string(asked.param); });

//! What becomes of a good line, and the words of its refusal. They are the message's first where they begin with the
//! file's name.
struct CsvLine {
  const char* format;
  std::string from;
  std::vector<std::string> to;
  std::string words;
};

const std::string kNotSo = "not written as this program writes it";
const std::vector<std::string> kNoFigure{"nan", "inf", "-0.5", "1e39", "", "0x1"},
    kNoWeight{"nan", "-0.5", "0", "0x1", "inf", "1e39"};
const std::vector<std::string> kNoDistance{"nan", "inf", "-1", "1e999", "", "0x1"},
    kNoFactor{"nan", "1.5", "-0.1", "", "inf"};
const std::vector<std::string> kNoSimilarity{"nan", "1.5", "-2", ""};

class CsvLines : public ::testing::TestWithParam<CsvLine> {};

TEST_P(CsvLines, that_are_not_written_so_are_refused) {
  const CsvFormat& format = format_of(GetParam().format);
  for (const std::string& to : GetParam().to) {
    std::string line = format.good;
    const auto at = line.find(GetParam().from);
    ASSERT_NE(at, std::string::npos) << GetParam().from;
    const std::string message = refusal_of(format, format.first + line.replace(at, GetParam().from.size(), to));
    if (GetParam().words.starts_with("'" + format.name + ".csv'"))
      EXPECT_THAT(message, StartsWith(GetParam().words)) << to;
    else
      EXPECT_THAT(message, HasSubstr(GetParam().words)) << to;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Weights, CsvLines,
    ::testing::ValuesIn(std::vector<CsvLine>{
        {"weights",
         "0.25\n",
         {"0.25\na.jpg,1,2,low,3,0.5,0.25\n"},
         "'weights.csv':4: the path stands twice on this side at this rate"},
        {"weights", "a.jpg,1,2,low,3,0.5,0.25\n", {"\"a\nb\",1,2,low,3,0.5,0.25\nb,1\n"}, "'weights.csv':5: "},
        {"weights", "low", {"left"}, "'weights.csv':3: side is 'left'"},
        {"weights", "low", {"left"}, "low or high"},
        {"weights", "low", {"high"}, "rate is '3'"},
        {"weights", "low,3", {"high,1"}, "weight_lr is '0.25' (the high side has none)"},
        {"weights", ",0.25", {","}, "weight_lr is ''"},
        {"weights", "0.25", kNoWeight, "weight_lr is '"},
        {"weights", "0.5", kNoWeight, "weight_hr is '"},
        {"weights", "0.25", {"0.250", "0.25000000001"}, kNotSo},
        {"weights", "a.jpg", {"\"a.jpg\""}, kNotSo},
    }));

INSTANTIATE_TEST_SUITE_P(
    Masks, CsvLines,
    ::testing::ValuesIn(std::vector<CsvLine>{
        {"masks",
         "layer4.2",
         {"", "a b", "\"layer4.2\"", "l\xc3\xa4yer", "a;b", "a/b"},
         "'masks.csv':2: the block is none"},
        {"masks", ",1,", {",0,"}, "level is '0'"},
        {"masks", "256", {"0"}, "channels is '0'"},
        {"masks", "0.1", kNoFactor, "p5 is '"},
        {"masks", "0.6", kNoFactor, "mean is '"},
        {"masks", "0.6,0", {"0.6,nan", "0.6,1.5", "0.6,-0.1", "0.6,", "0.6,inf"}, "difference is '"},
        {"masks", "0.4", {"0.2"}, "p75 is 0.2 (percentiles do not fall)"},
        {"masks", "0.1", {"0.10"}, kNotSo},
    }));

INSTANTIATE_TEST_SUITE_P(Prefixes, CsvLines,
                         ::testing::ValuesIn(std::vector<CsvLine>{
                             {"prefixes", "2,1,1", {"0,1,1"}, "'prefixes.csv':2: rate is '0'"},
                             {"prefixes", "2,1,1", {"2,0,1"}, "level is '0'"},
                             {"prefixes", "2,1,1", {"2,1,0"}, "prefix is '0'"},
                             {"prefixes", ",512,", {",0,"}, "dimensions is '0'"},
                             {"prefixes", ",20,", {",-1,"}, "queries is '-1'"},
                             {"prefixes", ",20,", {",0,"}, "queries is 0 (without one rank1 and map are 0)"},
                             {"prefixes", ",2,11", {",0,11"}, "match_pairs is 0 (without a pair every figure is 0)"},
                             {"prefixes", ",40,", {",0,"}, "other_pairs is 0"},
                             {"prefixes", ",12,", {",10,"}, "match_p25 is 10 (percentiles do not fall)"},
                             {"prefixes", "25", {"23.5"}, "other_p95 is 23.5 (percentiles do not fall)"},
                             {"prefixes", "11", kNoDistance, "match_p5 is '"},
                             {"prefixes", "16", kNoDistance, "match_mean is '"},
                             {"prefixes", "26", kNoDistance, "other_mean is '"},
                             {"prefixes", "0.5", kNoDistance, "rank1 is '"},
                             {"prefixes", "0.25", {"1.5"}, "map is '1.5'"},
                             {"prefixes", "0.25", {"0.250"}, kNotSo},
                         }));

INSTANTIATE_TEST_SUITE_P(Queries, CsvLines,
                         ::testing::ValuesIn(std::vector<CsvLine>{
                             {"queries", "a.jpg", {""}, "'queries.csv':3: the path is none"},
                             {"queries", "a.jpg", {std::string("a\0b", 3)}, "the path is none"},
                             {"queries", "a.jpg", {"\"a.jpg\""}, kNotSo},
                             {"queries", "a.jpg", {"\"a,jpg"}, "a quoted path does not end"},
                             {"queries", "a.jpg", {"\"a,jpg\"b"}, "field 1 does not end in its place"},
                             {"queries", "a.jpg", {"0.jpg"}, "'queries.csv':3: the path stands twice at this rate"},
                             {"queries", ",3,", {",0,"}, "rate is '0'"},
                             {"queries", ",3,", {",3.0,"}, "rate is '3.0'"},
                             {"queries", "1,2,3", {"-2,2,3"}, "identity is '-2'"},
                             {"queries", "1,2,3,1", {"1,2,3,2"}, "has_match is '2'"},
                             {"queries", "1,2,3,1", {"1,2,3,0"}, "a query without a match has a score"},
                             {"queries", "0.25", {"1.25"}, "average_precision is '1.25' (a number from 0 to 1"},
                             {"queries", "0.25", {"nan", "-0.5", "", " 0.25", "0x1", "inf"}, "average_precision"},
                             {"queries", "0.25", {"0.250", "-0"}, kNotSo},
                             {"queries", "0.5,0.5,1", {"0.5,0.25,1"}, "rank5 is below rank1"},
                             {"queries", ",0.25", {""}, "does not end in its place"},
                             {"queries", "0.25\n", {"0.25\r\n"}, "average_precision"},
                             {"queries", "0.25\n", {"0.25\n\n"}, "'queries.csv':4: "},
                         }));

INSTANTIATE_TEST_SUITE_P(Recovery, CsvLines,
                         ::testing::ValuesIn(std::vector<CsvLine>{
                             {"recovery",
                              "0.375\n",
                              {"0.375\na.jpg,1,2,4,3,31,0.625,21,0.375\n"},
                              "'recovery.csv':4: the path stands twice at this rate and scale"},
                             {"recovery", "4,3", {"1,3"}, "nothing was thrown"},
                             {"recovery", "4,3", {"1,1"}, "stands twice"},
                             {"recovery", "4,3", {"0,3"}, "'recovery.csv':3: rate is '0'"},
                             {"recovery", "4,3", {"4,0"}, "scale is '0'"},
                             {"recovery", "31", kNoFigure, "recovered_psnr is '"},
                             {"recovery", "21", kNoFigure, "enlarged_psnr is '"},
                             {"recovery", "0.625", kNoSimilarity, "recovered_ssim is '"},
                             {"recovery", "0.375", kNoSimilarity, "enlarged_ssim is '"},
                             {"recovery", "31", {"31.0"}, kNotSo},
                             {"recovery", "a.jpg", {"\"a.jpg\""}, kNotSo},
                         }));

//! Of a file whose rows are the examples but for a change.
template <class Row>
std::string refusal_after_change(const char* format, const Lines<Row>& lines,
                                 const std::function<void(std::vector<Row>&)>& change) {
  std::vector<Row> rows = lines.examples;
  change(rows);
  return refusal_of(format_of(format), lines.write(rows));
}

TEST(CsvMasks, every_block_has_all_levels_once) {
  const auto changed = [](const auto& change) { return refusal_after_change<MaskSpread>("masks", kMasks, change); };
  EXPECT_THAT(changed([](auto& lines) { lines[0].level = 2; }), StartsWith("'masks.csv':2: level is 2 (levels of a"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].level = 3; }), StartsWith("'masks.csv':3: level is 3"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].block = "layer3"; }), HasSubstr("level is 2"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].channels = 2; }), HasSubstr("channels is 2 (levels of a block"));
  EXPECT_THAT(changed([](auto& lines) { lines[2].block = lines[3].block = "layer3.5"; }),
              HasSubstr("the block stands twice"));
  EXPECT_THAT(changed([](auto& lines) { lines.pop_back(); }),
              HasSubstr("the last level of a block is 1 (that of the first one is 2)"));
  for (const std::size_t last : {3U, 1U})
    EXPECT_THAT(changed([=](auto& lines) { lines[last].difference = 0.5; }),
                HasSubstr("the difference of a block's last level is 0.5"));
}

TEST(CsvPrefixes, stand_in_order_and_none_is_missing) {
  const auto changed = [](const auto& change) {
    return refusal_after_change<PrefixDistances>("prefixes", kPrefixes, change);
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
}  // namespace resolute::results::csv_formats_test
