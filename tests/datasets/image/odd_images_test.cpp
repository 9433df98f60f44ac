#include "datasets/image/odd_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/bytes.h"
#include "datasets/image/image.h"

namespace resolute::datasets::odd_images_test {
namespace {

// A number of so many bytes in one of the two orders.
std::string number(unsigned value, int bytes, bool little_endian) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * (little_endian ? i : bytes - 1 - i) & 0xff);
  return text;
}

std::string segment(unsigned marker, const std::string& content) {
  return number(marker, 2, false) + number(static_cast<unsigned>(content.size()) + 2, 2, false) + content;
}

// The bytes behind "Exif": a directory of two entries, width and orientation.
std::string directory(unsigned orientation, bool little_endian, unsigned type = 3) {
  const auto n = [&](unsigned value, int bytes) { return number(value, bytes, little_endian); };
  const std::string entries =
      n(0x0100, 2) + n(4, 2) + n(1, 4) + n(99, 4) + n(0x0112, 2) + n(type, 2) + n(1, 4) + n(orientation, 2) + n(0, 2);
  return (little_endian ? "II" : "MM") + n(42, 2) + n(8, 4) + n(2, 2) + entries + n(0, 4);
}

std::string exif(unsigned orientation, bool little_endian, unsigned type = 3) {
  return segment(0xffe1, std::string("Exif\0\0", 6) + directory(orientation, little_endian, type));
}

core::Bytes jpeg_with(const std::string& segments) {
  core::Bytes bytes = encode_jpeg(make_image(4, 6), 90);
  const auto more = core::as_byte_span(segments);
  bytes.insert(bytes.begin() + 2, more.begin(), more.end());
  return bytes;
}

TEST(Exif, orientation_is_read_in_both_orders_of_bytes_and_behind_other_segments) {
  EXPECT_EQ(exif_orientation(jpeg_with("")), 1);
  for (unsigned orientation = 1; orientation <= 8; ++orientation)
    for (const bool little_endian : {false, true}) {
      const auto bytes = jpeg_with(exif(orientation, little_endian));
      EXPECT_EQ(exif_orientation(bytes), static_cast<int>(orientation));
      EXPECT_EQ(decode_image(bytes, "turned"), decode_image(jpeg_with(""), "upright"));
    }
  EXPECT_EQ(exif_orientation(jpeg_with(segment(0xffe1, "http://ns.adobe.com") + exif(6, true))), 6);
}

// Its checksum is not looked at: libpng refuses a wrong one.
core::Bytes png_with(const std::string& exif) {
  core::Bytes bytes = encode_png(make_image(4, 6));
  const std::string chunk = number(static_cast<unsigned>(exif.size()), 4, false) + "eXIf" + exif + number(0, 4, false);
  const auto more = core::as_byte_span(chunk);
  const std::size_t header = 8 + 12 + 13;  // signature and IHDR
  bytes.insert(bytes.begin() + header, more.begin(), more.end());
  return bytes;
}

TEST(Exif, orientation_of_a_png_is_read) {
  EXPECT_EQ(exif_orientation(png_with(directory(6, false))), 6);
  EXPECT_EQ(exif_orientation(png_with(directory(8, true))), 8);
  EXPECT_EQ(exif_orientation(png_with("")), 1);
  const auto whole = png_with(directory(6, false));
  for (std::size_t size = 0; size < 33 + 12 + directory(6, false).size(); ++size)
    EXPECT_EQ(exif_orientation(std::span(whole).first(size)), 1) << size;
}

TEST(Exif, what_is_none_is_upright) {
  EXPECT_EQ(exif_orientation({}), 1);
  EXPECT_EQ(exif_orientation(encode_png(make_image(4, 6))), 1);
  EXPECT_EQ(exif_orientation(jpeg_with(exif(0, true))), 1);
  EXPECT_EQ(exif_orientation(jpeg_with(exif(9, true))), 1);
  EXPECT_EQ(exif_orientation(jpeg_with(exif(6, true, 4))), 1);
  // Garbage: no byte order, no magic number, a directory behind the end.
  for (const std::string& garbage :
       {std::string(30, 'x'), "II+" + std::string(30, '\0'), "II*" + std::string(30, '\xff')})
    EXPECT_EQ(exif_orientation(jpeg_with(segment(0xffe1, std::string("Exif\0\0", 6) + garbage))), 1);
  const auto whole = jpeg_with(exif(6, false));
  const std::size_t end = 2 + exif(6, false).size();
  for (std::size_t size = 0; size < end; ++size) EXPECT_EQ(exif_orientation(std::span(whole).first(size)), 1) << size;
  EXPECT_EQ(exif_orientation(std::span(whole).first(end)), 6);
}

TEST(OddImages, are_counted_and_the_first_of_each_kind_named) {
  OddImages odd, others;
  odd.look_at(jpeg_with(exif(1, true)), "upright", false);
  EXPECT_THAT(odd.warnings(1), testing::IsEmpty());
  others.look_at(jpeg_with(exif(6, true)), "b", false);
  others.look_at(jpeg_with(exif(3, true)), "c", true);
  odd.add(others);
  EXPECT_THAT(
      odd.warnings(5),
      testing::ElementsAre(testing::StartsWith("2 of 5 images carry an EXIF orientation that is not applied, as 'b': "),
                           "1 of 5 images end early and are filled, as 'c'"));
}

TEST(OddImages, of_16_bits_are_pngs_whose_header_says_so) {
  const auto png_of = [](int bits) {
    core::Bytes bytes = encode_png(make_image(4, 6));
    bytes.at(24) = static_cast<std::byte>(bits);
    return bytes;
  };
  core::Bytes jpeg = encode_jpeg(make_image(4, 6), 90);
  jpeg.at(24) = std::byte{16};
  OddImages odd;
  for (const int bits : {1, 8}) odd.look_at(png_of(bits), "usual", false);
  odd.look_at(jpeg, "jpeg", false);
  const core::Bytes deep = png_of(16);
  for (std::size_t size = 0; size <= 24; ++size) odd.look_at(std::span(deep).first(size), "cut", false);
  EXPECT_THAT(odd.warnings(1), testing::IsEmpty());
  for (const char* name : {"a", "b", "c"}) odd.look_at(deep, name, false);
  EXPECT_THAT(odd.warnings(9),
              testing::ElementsAre(testing::StartsWith("3 of 9 images have 16 bits a value, of which the upper 8 are "
                                                       "taken, as 'a': ")));
}

}  // namespace
}  // namespace resolute::datasets::odd_images_test
