#include "core/split.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

namespace resolute::tests::split_test {
namespace {

using testing::ElementsAre;

TEST(Split, keeps_empty_parts_and_has_one_of_nothing) {
  EXPECT_THAT(core::split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(core::split("", ','), ElementsAre(""));
  EXPECT_THAT(core::split("a b", ','), ElementsAre("a b"));
}

RC_GTEST_PROP(Split, parts_put_together_are_the_text_and_none_has_a_separator, (const std::string& text)) {
  const auto parts = core::split(text, ',');
  RC_ASSERT(std::cmp_equal(parts.size(), std::count(text.begin(), text.end(), ',') + 1));
  std::string together(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) together += "," + std::string(parts[i]);
  RC_ASSERT(together == text);
  for (const std::string_view part : parts) RC_ASSERT(part.find(',') == std::string_view::npos);
}

}  // namespace
}  // namespace resolute::tests::split_test
