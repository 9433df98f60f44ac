#include "results/branch_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/file_system.h"
#include "tests/support/folders.h"

namespace resolute::results::branch_weights_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHeader = "path,identity,camera,side,rate,weight_hr,weight_lr\n";

std::vector<BranchWeights> examples() {
  return {{"query/0001_c2s1_01.jpg", 1, 2, false, 1, 0.1F, {}},
          {"query/0001_c2s1_01.jpg", 1, 2, true, 1, 1.0F / 3, 1e-3F},
          {"query/0001_c2s1_01.jpg", 1, 2, true, 8, 1.001F, 1e-45F},
          {"a, \"quoted\"\nname.jpg", -1, -1, true, 2, 1, 2}};
}

std::string refusal(const std::string& text) {
  try {
    parse_branch_weights(text, "'weights.csv'");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "nothing was thrown";
}

TEST(BranchWeights, the_text_is_that_of_the_format) {
  EXPECT_EQ(branch_weights_text(examples()), kHeader +
                                                 "query/0001_c2s1_01.jpg,1,2,high,1,0.1,\n"
                                                 "query/0001_c2s1_01.jpg,1,2,low,1,0.33333334,0.001\n"
                                                 "query/0001_c2s1_01.jpg,1,2,low,8,1.001,1e-45\n"
                                                 "\"a, \"\"quoted\"\"\nname.jpg\",-1,-1,low,2,1,2\n");
  EXPECT_EQ(branch_weights_text({}), kHeader);
}

TEST(BranchWeights, come_back_bit_for_bit) {
  EXPECT_EQ(parse_branch_weights(branch_weights_text(examples()), "text"), examples());
  EXPECT_TRUE(parse_branch_weights(kHeader, "text").empty());
}

TEST(BranchWeights, the_documents_example_is_read) {
  const auto page = tests::source_folder() / "docs/formats/weights.md";
  const std::string text = core::read_text(core::real_file_system(), page);
  const auto begin = text.find("```\n") + 4;
  const auto weights = parse_branch_weights(text.substr(begin, text.find("```", begin) - begin), "example");
  ASSERT_EQ(weights.size(), 3U);
  EXPECT_FALSE(weights[0].low);
  EXPECT_EQ(weights[2].lr, 0.83F);
}

TEST(BranchWeights, what_is_not_written_so_is_refused_with_its_line) {
  const std::string first = "a.jpg,1,2,high,1,0.5,\n", good = "a.jpg,1,2,low,3,0.5,0.25\n";
  auto changed = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return refusal(kHeader + first + line);
  };
  EXPECT_EQ(refusal(kHeader + first + good), "nothing was thrown");
  EXPECT_THAT(refusal(good), StartsWith("'weights.csv':1: the header is another"));
  EXPECT_THAT(refusal(kHeader + first + good + good),
              StartsWith("'weights.csv':4: the path stands twice on this side at this rate"));
  EXPECT_THAT(refusal(kHeader + "\"a\nb\",1,2,low,3,0.5,0.25\n" + "b,1\n"), StartsWith("'weights.csv':4: "));
  EXPECT_THAT(changed("low", "left"), AllOf(StartsWith("'weights.csv':3: side is 'left'"), HasSubstr("low or high")));
  EXPECT_THAT(changed("low", "high"), HasSubstr("rate is '3'"));
  EXPECT_THAT(changed("low,3", "high,1"), HasSubstr("weight_lr is '0.25' (the high side has none)"));
  EXPECT_THAT(changed(",0.25", ","), HasSubstr("weight_lr is ''"));
  for (const char* none : {"nan", "-0.5", "0", "0x1", "inf", "1e39"}) {
    EXPECT_THAT(changed("0.25", none), HasSubstr("weight_lr is '"));
    EXPECT_THAT(changed("0.5", none), HasSubstr("weight_hr is '"));
  }
  EXPECT_THAT(changed("0.25", "0.250"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.25", "0.25000000001"), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("a.jpg", "\"a.jpg\""), HasSubstr("not written as this program writes it"));
  EXPECT_THAT(changed("0.25", "0.25,1"), HasSubstr("field 7 does not end in its place"));
  EXPECT_THAT(changed("0.25\n", "0.25"), HasSubstr("does not end"));
}

}  // namespace
}  // namespace resolute::results::branch_weights_test
