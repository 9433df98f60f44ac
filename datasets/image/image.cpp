#include "datasets/image/image.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "datasets/image/codecs.h"

namespace resolute::datasets {
namespace {

struct Codec {
  std::string_view magic;  // what its files begin with
  ImageSize (*size)(std::span<const std::byte> bytes, std::string_view name);
  bool (*decode)(std::span<const std::byte> bytes, std::string_view name, Image& to, TruncatedImages truncated);
};

template <Image (*decode)(std::span<const std::byte>, std::string_view)>
bool decode_to(std::span<const std::byte> bytes, std::string_view name, Image& to, TruncatedImages) {
  to = decode(bytes, name);
  return false;
}

constexpr std::array<Codec, 4> kCodecs{{{"\xff\xd8\xff", codecs::jpeg_size, codecs::decode_jpeg},
                                        {"\x89PNG\r\n\x1a\n", codecs::png_size, decode_to<codecs::decode_png>},
                                        {"BM", codecs::bmp_size, decode_to<codecs::decode_bmp>},
                                        {"P6", codecs::ppm_size, decode_to<codecs::decode_ppm>}}};

// By the first bytes; throws for what is none of them.
const Codec& codec_of(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() > kMaxImageBytes)
    throw codecs::undecodable(name, fmt::format("the file has {} bytes, over {}", bytes.size(), kMaxImageBytes));
  for (const Codec& codec : kCodecs)
    if (core::as_text(bytes).starts_with(codec.magic)) return codec;
  core::refuse_undelivered(core::as_text(bytes), fmt::format("image '{}'", name));
  throw core::input_error(
      fmt::format("image '{}' is neither JPEG, PNG, BMP nor PPM", name),
      fmt::format("it begins with the bytes {}", core::to_hex(bytes.first(std::min<std::size_t>(bytes.size(), 8)))),
      "convert it");
}

}  // namespace

namespace codecs {

ImageSize checked_size(std::uint64_t height, std::uint64_t width, std::string_view name) {
  constexpr auto kSide = static_cast<std::uint64_t>(kMaxImageSide);
  if (height < 1 || width < 1 || height > kSide || width > kSide ||
      height * width > static_cast<std::uint64_t>(kMaxImagePixels))
    throw core::input_error(
        fmt::format("image '{}' is {} pixels high and {} wide", name, height, width),
        fmt::format("each side must be 1 to {}, and no image may have over {} pixels", kMaxImageSide, kMaxImagePixels),
        "replace the file");
  return {static_cast<int>(height), static_cast<int>(width)};
}

Image allocate(std::uint64_t height, std::uint64_t width, std::string_view name) {
  const ImageSize size = checked_size(height, width, name);
  return make_image(size.height, size.width);
}

core::RuntimeError undecodable(std::string_view name, std::string_view why, std::string_view suggestion) {
  std::string reason(why);
  // Decoders write sentences; our messages are lower case. A word in capitals ("JPEG", "IDAT") stays.
  if (reason.size() > 1 && std::islower(static_cast<unsigned char>(reason[1])) != 0)
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return core::input_error(fmt::format("image '{}' cannot be decoded", name), reason, std::string(suggestion));
}

}  // namespace codecs

void set_size(Image& image, const ImageSize& size) {
  image.height = size.height;
  image.width = size.width;
  image.pixels.resize(pixel_bytes(size));
}

Image make_image(int height, int width) {
  RESOLUTE_EXPECT(height >= 1 && width >= 1 && height <= kMaxImageSide && width <= kMaxImageSide,
                  fmt::format("an image of {} x {} pixels is outside the limits", height, width));
  Image image;
  set_size(image, {height, width});
  return image;
}

bool decode_image_into(std::span<const std::byte> bytes, std::string_view name, Image& to, TruncatedImages truncated) {
  return codec_of(bytes, name).decode(bytes, name, to, truncated);
}

Image decode_image(std::span<const std::byte> bytes, std::string_view name) {
  Image image;
  decode_image_into(bytes, name, image);
  return image;
}

ImageSize image_size(std::span<const std::byte> bytes, std::string_view name) {
  return codec_of(bytes, name).size(bytes, name);
}

std::string decoder_versions() {
  return fmt::format("{}, {}, {}", codecs::jpeg_version(), codecs::png_version(), codecs::bmp_version());
}

}  // namespace resolute::datasets
