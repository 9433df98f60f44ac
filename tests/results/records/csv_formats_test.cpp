//! The CSV files of an evaluation, whose readers are strict: each is written as its page says, comes back bit for bit,
//! and what no writer of this program makes is refused with file and line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/files/file_system.h"
#include "methods/levels.h"
#include "results/records/branch_weights.h"
#include "results/records/mask_values.h"
#include "results/records/prefix_distances.h"
#include "results/records/query_scores.h"
#include "results/records/recovery.h"
#include "tests/support/equal.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"

namespace resolute::results::csv_formats_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

//! A kind of file, whatever its rows are.
struct CsvFormat {
  std::string name;     //!< of its page, and of the file: NAME.csv
  std::string first;    //!< the text up to the line that is changed, behind the header
  std::string good;     //!< that line
  std::string text;     //!< of some rows, without the header
  std::string written;  //!< by this program, of those rows
  bool comes_back;      //!< as those rows
  std::function<void(const std::string& text)> read;

  std::string page_example() const {
    return tests::fenced_blocks(tests::page_text("inside/formats/" + name + ".md"), "")[0];
  }
  std::string header() const { return page_example().substr(0, page_example().find('\n') + 1); }
};

template <class Row>
CsvFormat csv_format(const std::string& name, const std::string& first, const std::string& good,
                     const std::vector<Row>& rows, const std::string& text) {
  return {name,
          first,
          good,
          text,
          csv_text(rows),
          parse_csv<Row>(csv_text(rows), "text") == rows,
          [=](const std::string& from) { parse_csv<Row>(from, "'" + name + ".csv'"); }};
}

const Spread kChannels{{0, 0.1, 0.25, 1.0 / 3, 1}, 0.5};
const std::vector<MaskSpread> kMasks{{"layer3.5", 1, 256, kChannels, 0.125},
                                     {"layer3.5", 2, 256, kChannels, 0},
                                     {"layer4_x", 1, 1, kChannels, 1},
                                     {"layer4_x", 2, 1, kChannels, 0}};
const DistanceSpread kMatches{2, {{0.1, 0.25, 1.0 / 3, 1e300, 1e300}, 0.5}}, kOthers{40, {{1, 2, 3, 4, 5}, 3}};
const std::vector<PrefixDistances> kPrefixes{{2, 1, 1, 512, 20, kMatches, kOthers, 0.5, 1.0 / 3},
                                             {2, 3, 1, 512, 4, kMatches, kOthers, 1, 1},
                                             {2, 3, 2, 1024, 4, kMatches, kOthers, 1, 1},
                                             {2, 3, 3, 2048, 4, kOthers, kMatches, 0, 0.25},
                                             {4, 1, 1, 512, 0, {}, kOthers, 0, 0}};

const std::vector<CsvFormat>& formats() {
  static const std::vector<CsvFormat> all{
      csv_format<BranchWeights>("weights", "a.jpg,1,2,high,1,0.5,\n", "a.jpg,1,2,low,3,0.5,0.25\n",
                                {{"query/0001_c2s1_01.jpg", 1, 2, false, 1, 0.1F, {}},
                                 {"query/0001_c2s1_01.jpg", 1, 2, true, 1, 1.0F / 3, 1e-3F},
                                 {"query/0001_c2s1_01.jpg", 1, 2, true, 8, 1.001F, 1e-45F},
                                 {"a, \"quoted\"\nname.jpg", -1, -1, true, 2, 1, 2}},
                                "query/0001_c2s1_01.jpg,1,2,high,1,0.1,\n"
                                "query/0001_c2s1_01.jpg,1,2,low,1,0.33333334,0.001\n"
                                "query/0001_c2s1_01.jpg,1,2,low,8,1.001,1e-45\n"
                                "\"a, \"\"quoted\"\"\nname.jpg\",-1,-1,low,2,1,2\n"),
      csv_format<MaskSpread>("masks", "", "layer4.2,1,256,0.1,0.2,0.3,0.4,0.5,0.6,0\n", kMasks,
                             "layer3.5,1,256,0,0.1,0.25,0.3333333333333333,1,0.5,0.125\n"
                             "layer3.5,2,256,0,0.1,0.25,0.3333333333333333,1,0.5,0\n"
                             "layer4_x,1,1,0,0.1,0.25,0.3333333333333333,1,0.5,1\n"
                             "layer4_x,2,1,0,0.1,0.25,0.3333333333333333,1,0.5,0\n"),
      csv_format<PrefixDistances>(
          "prefixes", "", "2,1,1,512,20,2,11,12,13,14,15,16,40,21,22,23,24,25,26,0.5,0.25\n", kPrefixes,
          "2,1,1,512,20,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,0.5,0.3333333333333333\n"
          "2,3,1,512,4,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,1,1\n"
          "2,3,2,1024,4,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,40,1,2,3,4,5,3,1,1\n"
          "2,3,3,2048,4,40,1,2,3,4,5,3,2,0.1,0.25,0.3333333333333333,1e+300,1e+300,0.5,0,0.25\n"
          "4,1,1,512,0,0,0,0,0,0,0,0,40,1,2,3,4,5,3,0,0\n"),
      csv_format<QueryScore>("queries", "0.jpg,1,2,3,1,0.5,0.5,1,1,0.25\n", "a.jpg,1,2,3,1,0.5,0.5,1,1,0.25\n",
                             {{"query/0001_c2s1_01.jpg", 1, 2, 3, true, {0.1, 0.5, 2.0 / 3, 1}, 1.0 / 3},
                              {"a, \"quoted\"\nname.jpg", 17, 2, 8, true, {-0.0, 0, 0, 0}, 5e-324},
                              {"0002.jpg", -1, -1, 1, false, {0, 0, 0, 0}, 0},
                              {"0002.jpg", -1, -1, 2, false, {0, 0, 0, 0}, 0}},
                             "query/0001_c2s1_01.jpg,1,2,3,1,0.1,0.5,0.6666666666666666,1,0.3333333333333333\n"
                             "\"a, \"\"quoted\"\"\nname.jpg\",17,2,8,1,0,0,0,0,5e-324\n"
                             "0002.jpg,-1,-1,1,0,0,0,0,0,0\n"
                             "0002.jpg,-1,-1,2,0,0,0,0,0,0\n"),
      csv_format<ImageRecoveryQuality>("recovery", "a.jpg,1,2,1,1,30,0.5,20,0.25\n",
                                       "a.jpg,1,2,4,3,31,0.625,21,0.375\n",
                                       {{"query/0001_c2s1_01.jpg", 1, 2, 1, 3, {21.5F, 0.1F}, {1.0F / 3, -1}},
                                        {"query/0001_c2s1_01.jpg", 1, 2, 1, 1, {0, 1}, {98.05F, 0}},
                                        {"query/0001_c2s1_01.jpg", 1, 2, 4, 1, {25.25F, 0.75F}, {23, 0.5F}},
                                        {"a, \"quoted\"\nname.jpg", -1, -1, 4, 1, {26.25F, 0.25F}, {25, 0.75F}}},
                                       "query/0001_c2s1_01.jpg,1,2,1,3,21.5,0.1,0.33333334,-1\n"
                                       "query/0001_c2s1_01.jpg,1,2,1,1,0,1,98.05,0\n"
                                       "query/0001_c2s1_01.jpg,1,2,4,1,25.25,0.75,23,0.5\n"
                                       "\"a, \"\"quoted\"\"\nname.jpg\",-1,-1,4,1,26.25,0.25,25,0.75\n")};
  return all;
}

const CsvFormat& format_of(const std::string& name) {
  return *std::find_if(formats().begin(), formats().end(), [&](const CsvFormat& one) { return one.name == name; });
}

std::string refusal_of(const CsvFormat& format, const std::string& text) {
  return tests::refusal([&] { format.read(text); });
}

class CsvFormats : public testing::TestWithParam<const char*> {
 protected:
  const CsvFormat& format_ = format_of(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Csv, CsvFormats, testing::Values("weights", "masks", "prefixes", "queries", "recovery"),
                         [](const auto& asked) { return std::string(asked.param); });

TEST_P(CsvFormats, have_the_header_of_their_page_and_come_back_bit_for_bit) {
  EXPECT_EQ(format_.written, format_.header() + format_.text);
  EXPECT_TRUE(format_.comes_back);
  for (const std::string& text : {format_.page_example(), format_.header()}) EXPECT_EQ(refusal_of(format_, text), "");
}

TEST_P(CsvFormats, have_a_header_and_lines_of_as_many_fields_that_end) {
  const std::string where = "'" + format_.name + ".csv':", header = format_.header();
  EXPECT_EQ(refusal_of(format_, header + format_.first + format_.good), "");
  EXPECT_EQ(refusal_of(format_, header + format_.good), "");
  EXPECT_THAT(refusal_of(format_, ""), StartsWith(where + "1: the header is another"));
  EXPECT_THAT(refusal_of(format_, format_.good), StartsWith(where + "1: the header is another"));
  const std::string open = header + format_.first + format_.good.substr(0, format_.good.size() - 1);
  const auto fields = std::count(header.begin(), header.end(), ',') + 1;
  EXPECT_THAT(refusal_of(format_, open + ",1\n"), HasSubstr(fmt::format("field {} does not end in its place", fields)));
  EXPECT_THAT(refusal_of(format_, open), HasSubstr("does not end"));
}

TEST(Csv, the_page_of_prefixes_takes_queries_for_the_level_of_their_rate) {
  for (const auto& row : parse_csv<PrefixDistances>(format_of("prefixes").page_example(), "example"))
    EXPECT_EQ(row.level, methods::level_of_rate({3, 2, 1}, row.rate));
}

//! What becomes of a part of the good line, and the words of its refusal. They are the message's first where they begin
//! with the file's name.
struct CsvLine {
  const char* format;
  std::string from;
  std::vector<std::string> to;
  std::string words;
};

const std::string kNotSo = "not written as this program writes it";
const std::vector<std::string> kNoPsnr{"nan", "inf", "-0.5", "1e39", "", "0x1"};
const std::vector<std::string> kNoWeight{"nan", "-0.5", "0", "0x1", "inf", "1e39"};
const std::vector<std::string> kNoDistance{"nan", "inf", "-1", "1e999", "", "0x1"};
const std::vector<std::string> kNoFactor{"nan", "1.5", "-0.1", "", "inf"};
const std::vector<std::string> kNoSsim{"nan", "1.5", "-2", ""};

const std::vector<CsvLine> kLines{
    {"weights",
     "0.25\n",
     {"0.25\na.jpg,1,2,low,3,0.5,0.25\n"},
     "'weights.csv':4: the path stands twice on this side at this rate"},
    {"weights", "a.jpg,1,2,low,3,0.5,0.25\n", {"\"a\nb\",1,2,low,3,0.5,0.25\nb,1\n"}, "'weights.csv':5: "},
    {"weights", "low", {"left"}, "'weights.csv':3: side is 'left' (low or high)"},
    {"weights", "low", {"high"}, "rate is '3'"},
    {"weights", "low,3", {"high,1"}, "weight_lr is '0.25' (the high side has none)"},
    {"weights", ",0.25", {","}, "weight_lr is ''"},
    {"weights", "0.25", kNoWeight, "weight_lr is '"},
    {"weights", "0.5", kNoWeight, "weight_hr is '"},
    {"weights", "0.25", {"0.250", "0.25000000001"}, kNotSo},
    {"weights", "a.jpg", {"\"a.jpg\""}, kNotSo},
    {"masks", "layer4.2", {""}, "'masks.csv':2: the block is empty or holds a NUL byte"},
    {"masks", "layer4.2", {"a b", "l\xc3\xa4yer", "a;b", "a/b"}, "'masks.csv':2: the name of the block is not valid"},
    {"masks", "layer4.2", {"\"layer4.2\""}, kNotSo},
    {"masks", ",1,", {",0,"}, "level is '0'"},
    {"masks", "256", {"0"}, "channels is '0'"},
    {"masks", "0.1", kNoFactor, "p5 is '"},
    {"masks", "0.6", kNoFactor, "mean is '"},
    {"masks", "0.6,0", {"0.6,nan", "0.6,1.5", "0.6,-0.1", "0.6,", "0.6,inf"}, "difference is '"},
    {"masks", "0.4", {"0.2"}, "p75 is 0.2 (percentiles do not fall)"},
    {"masks", "0.1", {"0.10"}, kNotSo},
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
    {"queries", "a.jpg", {""}, "'queries.csv':3: the path is empty or holds a NUL byte"},
    {"queries", "a.jpg", {std::string("a\0b", 3)}, "the path is empty or holds a NUL byte"},
    {"queries", "a.jpg", {"\"a.jpg\"", "a\"jpg"}, kNotSo},
    {"queries", "a.jpg", {"\"a,jpg"}, "a quoted field does not end"},
    {"queries", "a.jpg", {"\"a,jpg\"b"}, "field 1 does not end in its place"},
    {"queries", "a.jpg", {"0.jpg"}, "'queries.csv':3: the path stands twice at this rate"},
    {"queries", ",3,", {",0,"}, "rate is '0'"},
    {"queries", ",3,", {",3.0,"}, "rate is '3.0'"},
    {"queries", ",3,", {",\"3\","}, kNotSo},
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
    {"recovery",
     "0.375\n",
     {"0.375\na.jpg,1,2,4,3,31,0.625,21,0.375\n"},
     "'recovery.csv':4: the path stands twice at this rate and scale"},
    {"recovery", "4,3", {"1,3"}, ""},
    {"recovery", "4,3", {"1,1"}, "stands twice"},
    {"recovery", "4,3", {"0,3"}, "'recovery.csv':3: rate is '0'"},
    {"recovery", "4,3", {"4,0"}, "scale is '0'"},
    {"recovery", "31", kNoPsnr, "recovered_psnr is '"},
    {"recovery", "21", kNoPsnr, "enlarged_psnr is '"},
    {"recovery", "0.625", kNoSsim, "recovered_ssim is '"},
    {"recovery", "0.375", kNoSsim, "enlarged_ssim is '"},
    {"recovery", "31", {"31.0"}, kNotSo},
    {"recovery", "a.jpg", {"\"a.jpg\""}, kNotSo}};

TEST(Csv, lines_that_are_not_written_so_are_refused) {
  for (const CsvLine& one : kLines)
    for (const std::string& to : one.to) {
      const CsvFormat& format = format_of(one.format);
      std::string line = format.good;
      const auto at = line.find(one.from);
      ASSERT_NE(at, std::string::npos) << one.from;
      const std::string message =
          refusal_of(format, format.header() + format.first + line.replace(at, one.from.size(), to));
      const auto found = message.find(one.words);
      EXPECT_TRUE(one.words.empty()             ? message.empty()
                  : one.words.starts_with('\'') ? found == 0
                                                : found != message.npos)
          << one.format << ": '" << one.from << "' to '" << to << "': " << message << " instead of " << one.words;
    }
}

//! What becomes of rows that stand well together.
template <class Row>
struct CsvOrder {
  void (*change)(std::vector<Row>& rows);
  std::string words;
};

template <class Row>
void expect_refused(const std::string& format, const std::vector<Row>& good,
                    const std::vector<CsvOrder<Row>>& changes) {
  for (const CsvOrder<Row>& one : changes) {
    std::vector<Row> rows = good;
    one.change(rows);
    EXPECT_THAT(refusal_of(format_of(format), csv_text(rows)), HasSubstr(one.words));
  }
}

TEST(Csv, every_block_of_masks_has_all_levels_once) {
  expect_refused<MaskSpread>(
      "masks", kMasks,
      {{[](auto& rows) { rows[0].level = 2; }, "'masks.csv':2: level is 2 (levels of a"},
       {[](auto& rows) { rows[1].level = 3; }, "'masks.csv':3: level is 3"},
       {[](auto& rows) { rows[1].block = "layer3"; }, "level is 2"},
       {[](auto& rows) { rows[1].channels = 2; }, "channels is 2 (levels of a block"},
       {[](auto& rows) { rows[2].block = rows[3].block = "layer3.5"; }, "the block stands twice"},
       {[](auto& rows) { rows.pop_back(); }, "the last level of a block is 1 (that of the first one is 2)"},
       {[](auto& rows) { rows[3].difference = 0.5; }, "the difference of a block's last level is 0.5"},
       {[](auto& rows) { rows[1].difference = 0.5; }, "the difference of a block's last level is 0.5"}});
}

TEST(Csv, prefixes_stand_in_order_and_none_is_missing) {
  expect_refused<PrefixDistances>(
      "prefixes", kPrefixes,
      {{[](auto& rows) { std::swap(rows[2], rows[3]); },
        "'prefixes.csv':4: prefix 2 of rate 2 at level 3 does not follow"},
       {[](auto& rows) { rows.erase(rows.begin() + 3); },
        "'prefixes.csv':5: prefix 3 of rate 2 at level 3 does not follow"},
       {[](auto& rows) { rows.resize(3); }, "prefix 3 is missing"},
       {[](auto& rows) { rows[0].prefix = rows[0].level = 2; }, "prefix is 2 (1 comes first)"},
       {[](auto& rows) { std::swap(rows[0], rows[4]); }, "'prefixes.csv':3: the line is out of order"},
       {[](auto& rows) { rows.push_back(rows[4]); }, "out of order"},
       {[](auto& rows) { rows[2].dimensions = 512; }, "dimensions is 512 (a longer prefix has more)"},
       {[](auto& rows) { rows[4].dimensions = 511; }, "dimensions is 511 (prefix 1 has 512 above)"},
       {[](auto& rows) { rows[2].queries = 5; }, "queries is 5 (prefixes of the same"}});
}

}  // namespace
}  // namespace resolute::results::csv_formats_test
