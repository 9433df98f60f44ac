#include "cli/columns.h"

#include <gmock/gmock.h>

namespace resolute::cli {
namespace {

using testing::ElementsAre;

TEST(Columns, are_as_wide_as_their_widest_cell_in_characters) {
  EXPECT_THAT(columns({{"A", "N", "LAST"}, {"é–x", "12", "a last cell of any length"}, {"b", "3", ""}}, {1}),
              ElementsAre("A     N  LAST", "é–x  12  a last cell of any length", "b     3"));
  EXPECT_THAT(columns({{"abcdef", "abcdef"}}, {}, 4), ElementsAre("abc…  abcdef"));
}

TEST(Columns, controls_of_a_terminal_become_question_marks) {
  EXPECT_EQ(without_controls("a\x1b[1m\tb\x7f\xc2\x9b"
                             "1m\xc3\xa9"),
            "a?[1m?b??1m\xc3\xa9");
  EXPECT_EQ(without_controls("a\tb\n", "\t\n"), "a\tb\n");
}

}  // namespace
}  // namespace resolute::cli
