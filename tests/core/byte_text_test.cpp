#include "core/byte_text.h"

#include <gtest/gtest.h>

namespace resolute::core::byte_text_test {
namespace {

TEST(ByteText, is_of_the_unit_that_fits) {
  EXPECT_EQ(byte_text(0), "0 B");
  EXPECT_EQ(byte_text(1'023), "1023 B");
  EXPECT_EQ(byte_text(1'024), "1.0 KiB");
  EXPECT_EQ(byte_text(9.97 * 1'024), "10 KiB");
  EXPECT_EQ(byte_text(1'023.7 * 1'024), "1.0 MiB");
  EXPECT_EQ(byte_text(505.0 * 1'024 * 1'024 * 1'024), "505 GiB");
  EXPECT_EQ(byte_text(3e20), "266454 PiB");
}

}  // namespace
}  // namespace resolute::core::byte_text_test
