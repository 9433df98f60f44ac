#include "core/duration_text.h"

#include <gtest/gtest.h>

namespace resolute::core::duration_text_test {
namespace {

TEST(DurationText, is_of_the_unit_that_fits) {
  EXPECT_EQ(duration_text(0), "0 ms");
  EXPECT_EQ(duration_text(999), "999 ms");
  EXPECT_EQ(duration_text(1'000), "1 s");
  EXPECT_EQ(duration_text(119'000), "119 s");
  EXPECT_EQ(duration_text(120'000), "2 min");
  EXPECT_EQ(duration_text(119 * 60'000), "119 min");
  EXPECT_EQ(duration_text(210 * 60'000), "3.5 h");
}

}  // namespace
}  // namespace resolute::core::duration_text_test
