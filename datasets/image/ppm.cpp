#include <cstring>

#include "datasets/image/codecs.h"

namespace resolute::datasets::codecs {
namespace {

// Takes 1 to 5 digits without a leading zero and the byte after them. \return 0 where they are not there
std::uint64_t take_side(std::string_view& rest, char after) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  while (digits < rest.size() && digits < 6 && rest[digits] >= '0' && rest[digits] <= '9')
    value = value * 10 + static_cast<std::uint64_t>(rest[digits++] - '0');
  if (digits == 0 || digits > 5 || rest[0] == '0' || digits >= rest.size() || rest[digits] != after) return 0;
  rest.remove_prefix(digits + 1);
  return value;
}

struct PpmHeader {
  ImageSize size;
  std::string_view rest;
};

PpmHeader take_header(std::span<const std::byte> bytes, std::string_view name) {
  constexpr std::string_view kMagic = "P6\n";
  constexpr std::string_view kDepth = "255\n";
  std::string_view rest = core::as_text(bytes);
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  if (rest.starts_with(kMagic)) {
    rest.remove_prefix(kMagic.size());
    width = take_side(rest, ' ');
    if (width > 0) height = take_side(rest, '\n');
  }
  if (height == 0 || !rest.starts_with(kDepth))
    throw undecodable(name, R"(its header is not "P6\nWIDTH HEIGHT\n255\n")");
  rest.remove_prefix(kDepth.size());
  return {checked_size(height, width, name), rest};
}

}  // namespace

Image decode_ppm(std::span<const std::byte> bytes, std::string_view name) {
  const auto [size, rest] = take_header(bytes, name);
  const std::size_t expected = pixel_bytes(size);
  // Before memory is taken.
  if (rest.size() != expected)
    throw undecodable(name, fmt::format("{} bytes of pixels, {} expected", rest.size(), expected));
  Image image = make_image(size.height, size.width);
  std::memcpy(image.pixels.data(), rest.data(), expected);
  return image;
}

ImageSize ppm_size(std::span<const std::byte> bytes, std::string_view name) { return take_header(bytes, name).size; }

}  // namespace resolute::datasets::codecs

namespace resolute::datasets {

core::Bytes encode_ppm(const Image& image) {
  const std::string header = fmt::format("P6\n{} {}\n255\n", image.width, image.height);
  core::Bytes bytes(header.size() + image.pixels.size());
  std::memcpy(bytes.data(), header.data(), header.size());
  std::memcpy(bytes.data() + header.size(), image.pixels.data(), image.pixels.size());
  return bytes;
}

}  // namespace resolute::datasets
