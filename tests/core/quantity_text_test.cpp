#include "core/quantity_text.h"

#include <gtest/gtest.h>

namespace resolute::core::quantity_text_test {
namespace {

TEST(QuantityText, is_of_the_unit_that_fits) {
  EXPECT_EQ(byte_text(0), "0 B");
  EXPECT_EQ(byte_text(1'023), "1023 B");
  EXPECT_EQ(byte_text(1'024), "1.0 KiB");
  EXPECT_EQ(byte_text(9.97 * 1'024), "10 KiB");
  EXPECT_EQ(byte_text(1'023.7 * 1'024), "1.0 MiB");
  EXPECT_EQ(byte_text(505.0 * 1'024 * 1'024 * 1'024), "505 GiB");
  EXPECT_EQ(byte_text(3e20), "266454 PiB");
  EXPECT_EQ(duration_text(0), "0 ms");
  EXPECT_EQ(duration_text(999), "999 ms");
  EXPECT_EQ(duration_text(1'000), "1 s");
  EXPECT_EQ(duration_text(119'000), "119 s");
  EXPECT_EQ(duration_text(120'000), "2 min");
  EXPECT_EQ(duration_text(119 * 60'000), "119 min");
  EXPECT_EQ(duration_text(210 * 60'000), "3.5 h");
}

}  // namespace
}  // namespace resolute::core::quantity_text_test
