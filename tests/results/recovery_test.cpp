#include "results/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file_system.h"
#include "tests/support/folders.h"

namespace resolute::results::recovery_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kHeader =
    "path,identity,camera,rate,scale,recovered_psnr,recovered_ssim,enlarged_psnr,enlarged_ssim\n";

std::vector<RecoveryQuality> examples() {
  return {{"query/0001_c2s1_01.jpg", 1, 2, 1, 3, {21.5F, 0.1F}, {1.0F / 3, -1}},
          {"query/0001_c2s1_01.jpg", 1, 2, 1, 1, {0, 1}, {98.05F, 0}},
          {"query/0001_c2s1_01.jpg", 1, 2, 4, 1, {25.25F, 0.75F}, {23, 0.5F}},
          {"a, \"quoted\"\nname.jpg", -1, -1, 4, 1, {26.25F, 0.25F}, {25, 0.75F}}};
}

std::string refusal(const std::string& text) {
  try {
    parse_recovery(text, "'recovery.csv'");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Recovery, the_text_is_that_of_the_format) {
  EXPECT_EQ(recovery_text(examples()), kHeader +
                                           "query/0001_c2s1_01.jpg,1,2,1,3,21.5,0.1,0.33333334,-1\n"
                                           "query/0001_c2s1_01.jpg,1,2,1,1,0,1,98.05,0\n"
                                           "query/0001_c2s1_01.jpg,1,2,4,1,25.25,0.75,23,0.5\n"
                                           "\"a, \"\"quoted\"\"\nname.jpg\",-1,-1,4,1,26.25,0.25,25,0.75\n");
  EXPECT_EQ(recovery_text({}), kHeader);
}

TEST(Recovery, comes_back_bit_for_bit) {
  EXPECT_EQ(parse_recovery(recovery_text(examples()), "text"), examples());
  EXPECT_TRUE(parse_recovery(kHeader, "text").empty());
}

TEST(Recovery, the_documents_example_is_read) {
  const auto page = tests::source_folder() / "docs/formats/recovery.md";
  const std::string text = core::read_text(core::real_file_system(), page);
  const auto begin = text.find("```\n") + 4;
  const auto lines = parse_recovery(text.substr(begin, text.find("```", begin) - begin), "example");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].scale, 3);
  EXPECT_EQ(lines[2].scale, 1);
}

TEST(Recovery, what_is_not_written_so_is_refused_with_its_line) {
  const std::string first = "a.jpg,1,2,1,1,30,0.5,20,0.25\n", good = "a.jpg,1,2,4,3,31,0.625,21,0.375\n";
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return refusal(kHeader + first + line);
  };
  EXPECT_EQ(refusal(kHeader + first + good), "nothing was thrown");
  EXPECT_THAT(refusal(good), StartsWith("'recovery.csv':1: the header is another"));
  EXPECT_THAT(refusal(kHeader + first + good + good),
              StartsWith("'recovery.csv':4: the path stands twice at this rate and scale"));
  EXPECT_EQ(changed("4,3", "1,3"), "nothing was thrown");
  EXPECT_THAT(changed("4,3", "1,1"), HasSubstr("stands twice"));
  EXPECT_THAT(changed("4,3", "0,3"), StartsWith("'recovery.csv':3: rate is '0'"));
  EXPECT_THAT(changed("4,3", "4,0"), HasSubstr("scale is '0'"));
  for (const char* none : {"nan", "inf", "-0.5", "1e39", "", "0x1"}) {
    EXPECT_THAT(changed("31", none), HasSubstr("recovered_psnr is '")) << none;
    EXPECT_THAT(changed("21", none), HasSubstr("enlarged_psnr is '")) << none;
  }
  for (const char* none : {"nan", "1.5", "-2", ""}) {
    EXPECT_THAT(changed("0.625", none), HasSubstr("recovered_ssim is '")) << none;
    EXPECT_THAT(changed("0.375", none), HasSubstr("enlarged_ssim is '")) << none;
  }
  EXPECT_THAT(changed("31", "31.0"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("a.jpg", "\"a.jpg\""), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.375", "0.375,1"), HasSubstr("field 9 does not end in its place"));
  EXPECT_THAT(changed("0.375\n", "0.375"), HasSubstr("does not end"));
}

TEST(Recovery, metrics_are_of_rates_above_1_at_scale_1) {
  const auto means = mean_recovery(examples());
  ASSERT_EQ(means.size(), 3U);
  EXPECT_EQ(means.at({4, 1}).images, 2U);
  EXPECT_EQ(means.at({1, 3}).recovered_psnr, 21.5);
  const std::map<std::string, double> expected{{"recovered_psnr_4", 25.75},
                                               {"enlarged_psnr_4", 24},
                                               {"psnr_gain_4", 1.75},
                                               {"recovered_ssim_4", 0.5},
                                               {"enlarged_ssim_4", 0.625}};
  EXPECT_EQ(recovery_metrics(examples()), expected);
  EXPECT_TRUE(recovery_metrics({}).empty());
}

}  // namespace
}  // namespace resolute::results::recovery_test
