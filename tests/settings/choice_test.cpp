#include "settings/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace resolute::settings::choice_test {
namespace {

enum class Mining { kRandom, kBatchHard };
constexpr auto words_of(Mining) { return words("random", "batch-hard"); }
using settings::operator<<;

static_assert(Choice<Mining> && !Choice<int> && !Choice<core::ErrorKind>);
static_assert(word(Mining::kBatchHard) == "batch-hard" && from_word<Mining>("random") == Mining::kRandom);
// The reason why a word too few or too many does not compile.
static_assert(choice_detail::is_enumerator<Mining::kBatchHard>() &&
              !choice_detail::is_enumerator<static_cast<Mining>(2)>());

TEST(Choice, every_word_is_that_of_one_value) {
  EXPECT_THAT(word_list<Mining>(), testing::ElementsAre("random", "batch-hard"));
  EXPECT_EQ(std::nullopt, from_word<Mining>("Random"));
  EXPECT_EQ("batch-hard", testing::PrintToString(Mining::kBatchHard));
}

TEST(Choice, another_word_is_refused_with_the_nearest) {
  const core::Json json = {{"mining", "batch-herd"}, {"number", 1}};
  core::ObjectReader object(json, "spec.json");
  EXPECT_EQ(
      "spec.json: key 'mining' has the value 'batch-herd' (it must be one of random, batch-hard); did you mean "
      "'batch-hard'",
      tests::refusal([&] { required<Mining>(object, "mining"); }));
  EXPECT_THROW(required<Mining>(object, "number"), core::RuntimeError);
  const auto refused = [](const char* text) {
    return tests::refusal([&] { refuse_word("it", text, {"veri-776", "vehicleid-800", "vehicleid-1600"}); });
  };
  EXPECT_THAT(refused("Vehicle"), testing::EndsWith("did you mean 'vehicleid-800' or 'vehicleid-1600'"));
  EXPECT_THAT(refused("ve"), testing::EndsWith(")")) << "too short to mean one";
}

}  // namespace
}  // namespace resolute::settings::choice_test
