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

TEST(ListLines, are_the_same_from_every_editor) {
  const std::string mark = "\xef\xbb\xbf";
  for (const std::string& text :
       {std::string("a 1\n\n b"), std::string("a 1\n\n b\n"), mark + "a 1\n\n b", std::string("a 1\r\n\r\n b\r\n"),
        std::string("a 1\n\n b\n\n\r\n \t\n"), mark + "a 1\r\n\r\n b\r\n \r\n"})
    EXPECT_THAT(core::list_lines(text), ElementsAre("a 1", "", " b")) << text;
  EXPECT_THAT(core::list_lines("a \n b\t\n"), ElementsAre("a ", " b\t"));
  for (const std::string& blank : {std::string(), std::string("\n"), mark, std::string("\r\n \r\n")})
    EXPECT_THAT(core::list_lines(blank), testing::IsEmpty());
}

}  // namespace
}  // namespace resolute::tests::split_test
