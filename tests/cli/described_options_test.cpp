#include "cli/described_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "settings/split.h"
#include "tests/support/refusal.h"

namespace resolute::cli::described_options_test {
namespace {

using settings::SplitSettings;
using testing::StartsWith;

SplitSettings given(const Arguments& arguments) {
  boost::program_options::options_description visible;
  add_described(visible, SplitSettings(), {"query_rates"});
  const auto values = parse_options(arguments, {"", "", ""}, visible, {});
  SplitSettings split;
  read_described(*values, split);
  naming_options_of<SplitSettings>([&] { check(split); });
  return split;
}

std::string refusal(const Arguments& arguments) {
  return tests::refusal([&] { given(arguments); });
}

TEST(DescribedOptions, each_member_is_an_option_with_its_default_and_its_words) {
  EXPECT_EQ(SplitSettings(), given({}));
  const SplitSettings expected{.partition = settings::Partition::kPublished,
                               .seed = 18446744073709551615U,
                               .lr_camera = 2,
                               .train_pool = settings::TrainPool::kHrViewOnly,
                               .train_identities = 300,
                               .lr_side = settings::LrSide::kPair};
  EXPECT_EQ(expected, given({"--partition", "published", "--seed", "18446744073709551615", "--lr-camera=2",
                             "--train-pool", "hr-view-only", "--train-identities", "300", "--lr-side", "pair"}));
  boost::program_options::options_description visible;
  add_described(visible, SplitSettings(), {"query_rates"});
  std::size_t members = 0;
  SplitSettings::members([&](const auto&) { ++members; });
  EXPECT_EQ(members - 1, visible.options().size());
  EXPECT_THAT(visible.find("lr-side", false).description(),
              testing::HasSubstr("camera, drawn, pair, identity, query (default: camera)"));
}

TEST(DescribedOptions, a_refusal_names_the_option) {
  EXPECT_EQ(
      "option --lr-side has the value 'drwan' (it must be one of camera, drawn, pair, identity, query); did you mean "
      "'drawn'",
      refusal({"--lr-side", "drwan"}));
  EXPECT_EQ("option --lr-camera has the value 'two' (an integer is needed)", refusal({"--lr-camera", "two"}));
  EXPECT_THAT(refusal({"--seed", "-1"}), StartsWith("option --seed has the value '-1'"));
  EXPECT_THAT(refusal({"--train-identities", "1"}), StartsWith("option --train-identities has the value 1 ("));
  EXPECT_THAT(refusal({"--lr-side", "pair", "--lr-camera", "3"}), StartsWith("option --lr-camera has the value 3 ("));
  EXPECT_THAT(refusal({"--query-rates", "2"}), StartsWith("unknown option '--query-rates'"));
}

}  // namespace
}  // namespace resolute::cli::described_options_test
