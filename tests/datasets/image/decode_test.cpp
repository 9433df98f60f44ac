// Every kind of image file that is read, and every way in which one is broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "datasets/image/image.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"

namespace resolute::datasets::decode_test {
namespace {

using testing::HasSubstr;

const fs::path kGoldens = tests::source_folder() / "tests/golden/decode";

core::Bytes read_golden(const std::string& name) { return core::real_file_system().read(kGoldens / name); }

core::Json goldens() {
  return core::parse_json(core::read_text(core::real_file_system(), kGoldens / "goldens.json"), "goldens");
}

std::string hash_of(const Image& image) { return core::sha256_hex(std::as_bytes(std::span(image.pixels))); }

// The message of the kInput error that decoding ends in; anything else fails the test.
std::string refusal(std::span<const std::byte> bytes, std::string_view name = "some.file") {
  const std::string message = tests::refusal([&] { decode_image(bytes, name); });
  EXPECT_THAT(message, HasSubstr(name)) << "where it is empty, the image was decoded";
  return message;
}

core::Bytes replaced(core::Bytes bytes, std::size_t at, std::string_view with) {
  std::ranges::copy(core::as_byte_span(with), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

Image noise(int height, int width, unsigned seed) {
  Image image = make_image(height, width);
  for (auto& byte : image.pixels) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(seed >> 24);
  }
  return image;
}

TEST(DecodeImage, every_format_gives_the_pixels_that_pillow_gives) {
  const core::Json expected = goldens();
  ASSERT_EQ(expected.size(), 17u);
  for (const auto& [name, hash] : expected.items()) {
    const Image image = decode_image(read_golden(name), name);
    EXPECT_EQ(image.height, 23) << name;
    EXPECT_EQ(image.width, 19) << name;
    EXPECT_EQ(hash_of(image), hash.get<std::string>()) << name;
  }
}

TEST(DecodeImage, the_name_plays_no_part) {
  EXPECT_EQ(decode_image(read_golden("rgb.png"), "a.jpg"), decode_image(read_golden("rgb.png"), "a.png"));
}

// BMP stores rows in full; JPEG and PNG end in a marker. So every proper prefix is incomplete.
TEST(DecodeImage, every_prefix_of_every_file_is_refused_by_name) {
  const core::Json expected = goldens();
  for (const auto& [name, hash] : expected.items()) {
    const core::Bytes whole = read_golden(name);
    for (std::size_t length = 0; length < whole.size(); ++length)
      refusal(std::span(whole).first(length), name + " cut to " + std::to_string(length));
  }
}

TEST(DecodeImage, a_larger_file_cut_at_every_64th_byte_is_refused) {
  const Image image = noise(64, 48, 5);
  for (const core::Bytes& whole : {encode_jpeg(image, 90), encode_png(image)})
    for (std::size_t length = 0; length < whole.size(); length += 64) refusal(std::span(whole).first(length));
}

// The place where the data begin: behind the scan's header.
std::size_t data_of(const core::Bytes& jpeg) {
  const auto scan = core::as_text(jpeg).rfind("\xff\xda");
  return scan + 2 + static_cast<std::size_t>(jpeg[scan + 3]);
}

TEST(DecodeImage, a_jpeg_cut_in_its_data_is_filled_on_request_and_one_cut_in_its_header_never) {
  const Image whole = noise(64, 48, 5);
  const core::Bytes bytes = encode_jpeg(whole, 90);
  const Image decoded = decode_image(bytes, "whole");
  Image image;
  EXPECT_FALSE(decode_image_into(bytes, "whole", image, TruncatedImages::kFilled));
  EXPECT_EQ(image, decoded);
  const auto filled = [&](std::size_t size) {
    return decode_image_into(std::span(bytes).first(size), "cut", image, TruncatedImages::kFilled);
  };
  for (std::size_t size = 0; size < data_of(bytes); ++size)
    EXPECT_NE("", tests::refusal([&] { filled(size); })) << size;
  for (std::size_t size = data_of(bytes); size < bytes.size(); ++size) EXPECT_TRUE(filled(size)) << size;
  EXPECT_EQ(image, decoded);  // the end mark alone is missing
  EXPECT_TRUE(filled(bytes.size() / 2));
  const std::ptrdiff_t row = 48 * 3;
  EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.begin() + 8 * row, decoded.pixels.begin()));
  EXPECT_EQ(std::count(image.pixels.end() - 8 * row, image.pixels.end(), 128), 8 * row);
}

// Any end behind the first scan's header will do, but one among the tables of a later scan.
TEST(DecodeImage, a_progressive_jpeg_is_filled_from_the_scans_that_it_has) {
  const core::Bytes bytes = read_golden("progressive.jpg");
  const Image whole = decode_image(bytes, "whole");
  const std::size_t first_scan = core::as_text(bytes).find("\xff\xda");
  Image image;
  std::size_t filled = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string refused = tests::refusal(
        [&] { EXPECT_TRUE(decode_image_into(std::span(bytes).first(size), "cut", image, TruncatedImages::kFilled)); });
    EXPECT_TRUE(size > first_scan || !refused.empty()) << size;
    if (refused.empty()) ++filled;
  }
  EXPECT_GT(filled, (bytes.size() - first_scan) / 3);
  EXPECT_EQ(image, whole);  // the end mark alone is missing
}

TEST(DecodeImage, what_is_damaged_before_it_ends_or_is_no_jpeg_is_not_filled) {
  const core::Bytes whole = encode_jpeg(noise(64, 48, 5), 90);
  core::Bytes damaged(whole.begin(), whole.end() - 7);
  const std::size_t at = data_of(whole) + 40;
  damaged = replaced(std::move(damaged), at, "\xff\xd9");  // ends in the middle, by its own mark
  const core::Bytes png = encode_png(noise(64, 48, 5));
  for (const std::span<const std::byte> bytes :
       {std::span<const std::byte>(damaged), std::span(png).first(png.size() - 7), std::span<const std::byte>()}) {
    Image image;
    EXPECT_THAT(tests::refusal([&] { decode_image_into(bytes, "cut", image, TruncatedImages::kFilled); }),
                testing::EndsWith("fetch the file again"));
  }
}

TEST(DecodeImage, the_refusal_of_a_cut_jpeg_names_the_way_on_where_there_is_one) {
  const core::Bytes bytes = encode_jpeg(noise(64, 48, 5), 90);
  EXPECT_EQ(
      refusal(std::span(bytes).first(bytes.size() - 7)),
      "image 'some.file' cannot be decoded (premature end of JPEG file); fetch the file again; if the data set came "
      "so, truncated_images = \"filled\", in data ingest and embed --truncated-images filled");
  EXPECT_THAT(refusal(std::span(bytes).first(100)),
              testing::EndsWith("(premature end of JPEG file); fetch the file again"));
}

TEST(DecodeImage, a_wrong_magic_is_refused) {
  const core::Json expected = goldens();
  for (const auto& [name, hash] : expected.items()) {
    core::Bytes bytes = read_golden(name);
    bytes[0] ^= std::byte{0x10};
    EXPECT_THAT(refusal(bytes, name), HasSubstr("neither JPEG, PNG, BMP nor PPM"));
  }
}

TEST(DecodeImage, what_a_download_left_in_an_images_place_is_refused_for_what_it_is) {
  EXPECT_EQ(refusal({}, "query/0001.jpg"), "image 'query/0001.jpg' is empty; fetch the file again");
  EXPECT_THAT(refusal(core::as_byte_span("<html>not found</html>")), HasSubstr("is a web page"));
  EXPECT_THAT(refusal(core::as_byte_span("version https://git-lfs.github.com/spec/v1\noid")), HasSubstr("Git LFS"));
  EXPECT_THAT(refusal(core::as_byte_span("not found")), HasSubstr("it begins with the bytes 6e6f7420666f756e"));
}

TEST(DecodeImage, sizes_beyond_the_limit_are_refused_before_memory_is_taken) {
  // 60,000 x 60,000 in the headers of otherwise sound files.
  core::Bytes jpeg = encode_jpeg(noise(8, 8, 1), 90);
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i)
    if (jpeg[i] == std::byte{0xff} && jpeg[i + 1] == std::byte{0xc0}) {
      jpeg = replaced(std::move(jpeg), i + 5, "\xea\x60\xea\x60");
      break;
    }
  EXPECT_THAT(refusal(jpeg), HasSubstr("is 60000 pixels high and 60000 wide"));
  // Both sides within the limit, the product not.
  core::Bytes bmp = replaced(read_golden("rgb.bmp"), 18, std::string_view("\x00\x40\x00\x00\x00\x40\x00\x00", 8));
  EXPECT_THAT(refusal(bmp), HasSubstr("is 16384 pixels high and 16384 wide"));
  bmp = replaced(read_golden("rgb.bmp"), 18, std::string_view("\x00\x00\x00\x00", 4));
  EXPECT_THAT(refusal(bmp), HasSubstr("23 pixels high and 0 wide"));
  bmp = replaced(read_golden("rgb.bmp"), 18, "\xff\xff\xff\xff");
  EXPECT_THAT(refusal(bmp), HasSubstr("its width is negative"));
}

// stb_image would show what lay in memory, or black.
TEST(DecodeImage, bmp_pixels_of_no_colour_are_refused) {
  const core::Bytes bmp = read_golden("palette.bmp");
  EXPECT_THAT(refusal(replaced(bmp, 10, std::string_view("\x3e\x00", 2))),
              HasSubstr("a colour beyond its palette of 2"));
  EXPECT_THAT(refusal(replaced(bmp, 10, std::string_view("\x01\x00", 2))),
              HasSubstr("its pixels begin inside its header"));
  EXPECT_THAT(refusal(replaced(read_golden("rgb.bmp"), 10, "\x35")), HasSubstr("its pixels begin inside its header"));
}

TEST(DecodeImage, a_png_with_a_flipped_bit_in_its_pixels_is_refused) {
  core::Bytes bytes = read_golden("rgb.png");
  bytes[bytes.size() / 2] ^= std::byte{1};
  EXPECT_THAT(refusal(bytes), HasSubstr("cannot be decoded"));
}

// Whatever the damage: an image within the limits or one clear refusal, never a crash (the sanitizer builds look
// harder).
RC_GTEST_PROP(DecodeImage, damaged_files_are_decoded_or_refused, ()) {
  static const std::vector<core::Bytes> files = [] {
    std::vector<core::Bytes> all;
    const core::Json expected = goldens();
    for (const auto& [name, hash] : expected.items()) all.push_back(read_golden(name));
    return all;
  }();
  core::Bytes bytes = files[*rc::gen::inRange<std::size_t>(0, files.size())];
  const int flips = *rc::gen::inRange(1, 9);
  for (int i = 0; i < flips; ++i)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = std::byte{*rc::gen::arbitrary<std::uint8_t>()};
  try {
    const Image image = decode_image(bytes, "damaged");
    RC_ASSERT(image.height >= 1 && image.width >= 1);
    RC_ASSERT(image.pixels.size() == static_cast<std::size_t>(image.height * image.width * 3));
  } catch (const core::RuntimeError& error) {
    RC_ASSERT(error.kind() == core::ErrorKind::kInput);
  }
}

TEST(ImageSizeOf, is_that_of_the_decoded_image_and_needs_the_header_alone) {
  const core::Json expected = goldens();
  for (const auto& [name, hash] : expected.items()) {
    const core::Bytes whole = read_golden(name);
    EXPECT_EQ(image_size(whole, name), (ImageSize{23, 19})) << name;
    // From some length on every beginning is enough; before, there is no answer, and never a wrong one.
    std::size_t enough = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
      try {
        EXPECT_EQ(image_size(std::span(whole).first(length), name), (ImageSize{23, 19}))
            << name << " cut to " << length;
        if (enough == 0) enough = length;
      } catch (const core::RuntimeError& error) {
        EXPECT_EQ(error.kind(), core::ErrorKind::kInput) << error.what();
        EXPECT_THAT(error.what(), HasSubstr(name));
        EXPECT_EQ(enough, 0u) << name << " cut to " << length;
      }
    }
    EXPECT_GT(enough, 0u) << name;
  }
}

TEST(ImageSizeOf, what_decoding_refuses_by_its_header_is_refused_in_the_same_words) {
  core::Bytes zero = replaced(read_golden("rgb.bmp"), 18, std::string_view("\x00\x00\x00\x00", 4));
  core::Bytes large = replaced(read_golden("rgb.bmp"), 18, std::string_view("\x00\x40\x00\x00\x00\x40\x00\x00", 8));
  const core::Bytes empty;
  const core::Bytes text = core::Bytes(8, std::byte{'x'});
  for (const core::Bytes& bytes : {zero, large, empty, text})
    EXPECT_THAT([&] { image_size(bytes, "some.file"); }, tests::fails(refusal(bytes))) << refusal(bytes);
}

RC_GTEST_PROP(ImageSizeOf, agrees_with_every_image_that_is_decoded, ()) {
  const Image image = noise(*rc::gen::inRange(1, 40), *rc::gen::inRange(1, 40), *rc::gen::arbitrary<unsigned>());
  core::Bytes bytes = *rc::gen::arbitrary<bool>() ? encode_png(image) : encode_jpeg(image, 90);
  bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = std::byte{*rc::gen::arbitrary<std::uint8_t>()};
  try {
    const Image decoded = decode_image(bytes, "damaged");
    RC_ASSERT(image_size(bytes, "damaged") == (ImageSize{decoded.height, decoded.width}));
  } catch (const core::RuntimeError&) {
    try {
      const ImageSize size = image_size(bytes, "damaged");
      RC_ASSERT(size.height >= 1 && size.width >= 1 && size.height <= kMaxImageSide && size.width <= kMaxImageSide);
    } catch (const core::RuntimeError& error) {
      RC_ASSERT(error.kind() == core::ErrorKind::kInput);
    }
  }
}

RC_GTEST_PROP(EncodePng, round_trips_every_image, ()) {
  const Image image = noise(*rc::gen::inRange(1, 40), *rc::gen::inRange(1, 40), *rc::gen::arbitrary<unsigned>());
  RC_ASSERT(decode_image(encode_png(image), "round trip") == image);
}

TEST(EncodeJpeg, keeps_smooth_pictures_and_single_pixel_colour) {
  Image image = make_image(16, 16);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) image.pixels[i + (i / 3) % 3] = 200;
  const Image back = decode_image(encode_jpeg(image, 100), "round trip");
  int worst = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    worst = std::max(worst, std::abs(image.pixels[i] - back.pixels[i]));
  // Colour that changes from pixel to pixel: with subsampled chroma the error would be near 200.
  EXPECT_LE(worst, 6);
}

TEST(DecoderVersions, name_the_three_decoders) {
  EXPECT_THAT(decoder_versions(), testing::MatchesRegex("libjpeg-turbo [0-9.]+ islow, libpng [0-9.]+, stb_image .*"));
}

}  // namespace
}  // namespace resolute::datasets::decode_test
