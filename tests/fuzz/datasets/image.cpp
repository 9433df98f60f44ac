// Encoded images as they stand, and PNG with the checksums of its chunks put right: refused, or as many pixels as the
// header says, the same every time; what a PNG's checksums guard reads as it was made.
#include "datasets/image/image.h"

#include <algorithm>

#include "core/files/file_system.h"
#include "datasets/image/odd_images.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"

namespace resolute::tests::image_fuzzer {
namespace {

using datasets::Image;

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";

std::uint32_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

// CRC-32 of PNG and zlib: polynomial 0x04c11db7, reflected.
std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
  }
  return ~crc;
}

core::Bytes with_right_checksums(core::Bytes bytes) {
  for (std::size_t at = kPng.size(); at + 12 <= bytes.size();) {
    const std::size_t length = big_endian(bytes, at);
    if (length > bytes.size() - at - 12) break;
    const std::uint32_t crc = crc32(std::span(bytes).subspan(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<std::byte>(crc >> 8 * (3 - i));
    at += length + 12;
  }
  return bytes;
}

// The pixels of every good PNG of the corpus.
const std::vector<Image>& good_images() {
  static const std::vector<Image> kImages = [] {
    std::vector<Image> images;
    const auto folder = tests::source_folder() / "tests/fuzz/corpus/image";
    auto& files = core::real_file_system();
    for (const std::string& name : files.list(folder))
      if (name.starts_with("good-") && name.ends_with(".png"))
        images.push_back(datasets::decode_image(files.read(folder / name), name));
    return images;
  }();
  return kImages;
}

// Of those BMP files whose size tells: uncompressed, of 24 or 32 bits.
void require_whole_bmp(const core::Bytes& bytes, const Image& image) {
  const auto number = [&](std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
    return value;
  };
  if (bytes.size() < 34 || number(14, 4) != 40 || number(30, 4) != 0) return;
  const std::uint64_t bits = number(28, 2);
  if (bits != 24 && bits != 32) return;
  const std::uint64_t stride = (static_cast<std::uint64_t>(image.width) * bits + 31) / 32 * 4;
  require(number(10, 4) + stride * static_cast<std::uint64_t>(image.height) <= bytes.size(),
          "a BMP file has fewer pixels than it shows");
}

bool read_all(const core::Bytes& bytes, bool guarded) {
  const int orientation = datasets::exif_orientation(bytes);
  require(orientation >= 1 && orientation <= 8, "an orientation is none");
  datasets::Image filled;
  bool cut = false;
  const bool is_filled = understood(
      [&] { cut = datasets::decode_image_into(bytes, "image", filled, datasets::TruncatedImages::kFilled); });
  return understood([&] {
    const Image image = datasets::decode_image(bytes, "image");
    const datasets::ImageSize size = datasets::image_size(bytes, "image");
    require(image.height == size.height && image.width == size.width, "an image has another size than its header says");
    require(image.height >= 1 && image.width >= 1 && image.height <= datasets::kMaxImageSide &&
                image.width <= datasets::kMaxImageSide &&
                image.pixels.size() ==
                    std::size_t{3} * static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width),
            "an image has other pixels than its size asks for");
    require(datasets::decode_image(bytes, "image") == image, "an image is decoded otherwise the second time");
    require(is_filled && !cut && filled == image, "a whole image is filled");
    const std::string_view text = core::as_text(bytes);
    if (text.starts_with("BM")) require_whole_bmp(bytes, image);
    if (kFewChanges && guarded && text.starts_with(kPng))
      require(std::find(good_images().begin(), good_images().end(), image) != good_images().end(),
              "a damaged PNG has other pixels");
  });
}

}  // namespace

RESOLUTE_FUZZER(image, .rounds = 40'000)(std::string_view input) {
  const core::Bytes bytes = bytes_of(input);
  if (input.starts_with(kPng)) read_all(with_right_checksums(bytes), false);
  return read_all(bytes, true);
}

}  // namespace resolute::tests::image_fuzzer
