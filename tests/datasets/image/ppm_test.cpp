// Binary PPM, read strictly: it is what an image inside of another file is packed as, and hashed as.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "datasets/image/image.h"
#include "tests/support/refusal.h"

namespace resolute::datasets::ppm_test {
namespace {

using testing::HasSubstr;

Image decode(const std::string& text) { return decode_image(core::as_byte_span(text), "some.ppm"); }

std::string refusal(const std::string& text) {
  const std::string message = tests::refusal([&] { decode(text); });
  EXPECT_NE(message, "") << "decoded: " << text.substr(0, 40);
  return message;
}

TEST(DecodePpm, gives_the_pixels_row_by_row) {
  const Image image = decode("P6\n2 3\n255\nabcdefghijklmnopqr");
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.height, 3);
  EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()), "abcdefghijklmnopqr");
}

TEST(DecodePpm, every_prefix_and_every_byte_more_is_refused) {
  const std::string whole = "P6\n2 1\n255\n\n\n\n\n\n\n";
  EXPECT_EQ(decode(whole).pixels, std::vector<std::uint8_t>(6, '\n'));
  for (std::size_t length = 0; length < whole.size(); ++length) refusal(whole.substr(0, length));
  EXPECT_THAT(refusal(whole + "\n"), HasSubstr("7 bytes of pixels, 6 expected"));
}

TEST(DecodePpm, other_headers_are_refused) {
  for (const char* header :
       {"P6 2 1\n255\n", "P6\n2 1\n254\n", "P6\n2 1\n65535\n", "P6\n# made by hand\n2 1\n255\n", "P6\n2\n1\n255\n",
        "P6\n02 1\n255\n", "P6\n2 01\n255\n", "P6\n2  1\n255\n", "P6\n-2 1\n255\n", "P6\n2 1\r\n255\n", "P6\n2 1 255\n",
        "P6\n2 1\n255 ", "P6\n0 1\n255\n", "P6\n2 0\n255\n", "P6\n2 1\n0255\n", "P6\n+2 1\n255\n"})
    EXPECT_EQ(
        refusal(std::string(header) + "abcdef"),
        "image 'some.ppm' cannot be decoded (its header is not \"P6\\nWIDTH HEIGHT\\n255\\n\"); fetch the file again")
        << header;
  for (const char* other : {"P5\n2 1\n255\nab", "P3\n2 1\n255\n1 2 3 4 5 6", "p6\n2 1\n255\nabcdef"})
    EXPECT_THAT(refusal(other), HasSubstr("is neither JPEG, PNG, BMP nor PPM"));
}

TEST(DecodePpm, sizes_beyond_the_limit_are_refused_before_memory_is_taken) {
  EXPECT_THAT(refusal("P6\n16385 1\n255\n"), HasSubstr("is 1 pixels high and 16385 wide"));
  EXPECT_THAT(refusal("P6\n16384 16384\n255\n"), HasSubstr("is 16384 pixels high and 16384 wide"));
  EXPECT_THAT(refusal("P6\n99999 99999\n255\n"), HasSubstr("is 99999 pixels high and 99999 wide"));
  EXPECT_THAT(refusal("P6\n100000 1\n255\n"), HasSubstr("its header is not"));
  EXPECT_THAT(refusal("P6\n18446744073709551617 1\n255\nabc"), HasSubstr("its header is not"));
  EXPECT_THAT(refusal("P6\n8192 8192\n255\n"), HasSubstr("0 bytes of pixels, 201326592 expected"));
}

TEST(DecodePpm, the_size_is_read_from_the_header_alone) {
  EXPECT_EQ(image_size(core::as_byte_span("P6\n128 64\n255\n"), "some.ppm"), (ImageSize{64, 128}));
}

// Packs record them; what decodes PPM is this program itself.
TEST(DecodePpm, is_not_among_the_decoders_that_a_pack_names) {
  EXPECT_EQ(decoder_versions().find("PPM"), std::string::npos);
}

}  // namespace
}  // namespace resolute::datasets::ppm_test
