#include "results/mask_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/file_system.h"
#include "tests/support/folders.h"

namespace resolute::results::mask_values_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kHeader = "block,level,channels,p5,p25,p50,p75,p95,mean,difference\n";

std::vector<MaskSpread> examples() {
  const Spread spread{{0, 0.1, 0.25, 1.0 / 3, 1}, 0.5};
  return {{"layer3.5", 1, 256, spread, 0.125},
          {"layer3.5", 2, 256, spread, 0},
          {"layer4_x", 1, 1, spread, 1},
          {"layer4_x", 2, 1, spread, 0}};
}

std::string refusal(const std::string& text) {
  try {
    parse_mask_values(text, "'masks.csv'");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "nothing was thrown";
}

TEST(MaskValues, the_text_is_that_of_the_format_and_comes_back_bit_for_bit) {
  EXPECT_EQ(mask_values_text({examples()[0]}), kHeader + "layer3.5,1,256,0,0.1,0.25,0.3333333333333333,1,0.5,0.125\n");
  EXPECT_EQ(parse_mask_values(mask_values_text(examples()), "text"), examples());
  EXPECT_TRUE(parse_mask_values(kHeader, "text").empty());
}

TEST(MaskValues, the_documents_example_is_read) {
  const auto page = tests::source_folder() / "docs/formats/masks.md";
  const std::string text = core::read_text(core::real_file_system(), page);
  const auto begin = text.find("```\n") + 4;
  const auto lines = parse_mask_values(text.substr(begin, text.find("```", begin) - begin), "example");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[3].level, 2);
}

TEST(MaskValues, a_line_that_is_not_written_so_is_refused) {
  const std::string good = "layer4.2,1,256,0.1,0.2,0.3,0.4,0.5,0.6,0\n";
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return refusal(kHeader + line);
  };
  EXPECT_EQ(refusal(kHeader + good), "nothing was thrown");
  EXPECT_THAT(refusal(good), StartsWith("'masks.csv':1: the header is another"));
  for (const char* none : {"", "a b", "\"layer4.2\"", "l\xc3\xa4yer", "a;b", "a/b"})
    EXPECT_THAT(changed("layer4.2", none), StartsWith("'masks.csv':2: the block is none")) << none;
  EXPECT_THAT(changed(",1,", ",0,"), HasSubstr("level is '0'"));
  EXPECT_THAT(changed("256", "0"), HasSubstr("channels is '0'"));
  for (const char* none : {"nan", "1.5", "-0.1", "", "inf"}) {
    EXPECT_THAT(changed("0.1", none), HasSubstr("p5 is '")) << none;
    EXPECT_THAT(changed("0.6", none), HasSubstr("mean is '")) << none;
    EXPECT_THAT(changed("0.6,0", std::string("0.6,") + none), HasSubstr("difference is '")) << none;
  }
  EXPECT_THAT(changed("0.4", "0.2"), HasSubstr("p75 is 0.2 (percentiles do not fall)"));
  EXPECT_THAT(changed("0.1", "0.10"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.6,0", "0.6,0,0"), HasSubstr("field 10 does not end in its place"));
  EXPECT_THAT(changed("\n", ""), HasSubstr("does not end"));
}

TEST(MaskValues, every_block_has_all_levels_once) {
  const auto changed = [](const std::function<void(std::vector<MaskSpread>&)>& change) {
    std::vector<MaskSpread> lines = examples();
    change(lines);
    return refusal(mask_values_text(lines));
  };
  EXPECT_THAT(changed([](auto& lines) { lines[0].level = 2; }), StartsWith("'masks.csv':2: level is 2 (levels of a"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].level = 3; }), StartsWith("'masks.csv':3: level is 3"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].block = "layer3"; }), HasSubstr("level is 2"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].channels = 2; }), HasSubstr("channels is 2 (levels of a block"));
  EXPECT_THAT(changed([](auto& lines) { lines[2].block = lines[3].block = "layer3.5"; }),
              HasSubstr("the block stands twice"));
  EXPECT_THAT(changed([](auto& lines) { lines.pop_back(); }),
              HasSubstr("the last level of a block is 1 (that of the first one is 2)"));
  EXPECT_THAT(changed([](auto& lines) { lines[3].difference = 0.5; }),
              HasSubstr("the difference of a block's last level is 0.5"));
  EXPECT_THAT(changed([](auto& lines) { lines[1].difference = 0.5; }),
              HasSubstr("the difference of a block's last level is 0.5"));
}

TEST(MaskValues, spreads_are_of_channels_and_the_metric_is_of_levels) {
  const std::vector<float> low{0.5F, 1, 0}, high{0.5F, 0, 1}, one{0.25F}, other{0.75F};
  const std::vector<BlockMask> masks{{"a", {low, high}}, {"b", {one, other}}};
  const std::vector<MaskSpread> lines = mask_spreads(masks);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], (MaskSpread{"a", 1, 3, {{0.05, 0.25, 0.5, 0.75, 0.95}, 0.5}, 2.0 / 3}));
  EXPECT_EQ(lines[1].difference, 0);
  EXPECT_EQ(lines[2], (MaskSpread{"b", 1, 1, {{0.25, 0.25, 0.25, 0.25, 0.25}, 0.25}, 0.5}));
  // Deviations 0, 0.5, 0.5 and 0.25.
  EXPECT_EQ(mask_metrics(masks), (std::map<std::string, double>{{"mask_spread", 1.25 / 4}}));
  EXPECT_TRUE(mask_metrics({}).empty());
  // Equal levels are no spread at all, however their sum rounds.
  const std::vector<float> third{1.0F / 3, 0.1F, 0.7F};
  const std::vector<BlockMask> equal{{"a", {third, third, third}}};
  EXPECT_EQ(mask_metrics(equal).at("mask_spread"), 0);
}

}  // namespace
}  // namespace resolute::results::mask_values_test
