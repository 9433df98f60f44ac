#include <cstdint>
#include <cstring>
#include <memory>

#include "datasets/image/codecs.h"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 16384
#include <stb/stb_image.h>

namespace resolute::datasets::codecs {
namespace {

struct BmpHeader {
  std::uint64_t pixel_offset;
  std::uint64_t end;      // of all headers: palette or pixels follow
  std::uint64_t palette;  // colours that stb_image reads, up to 8 bits a pixel
  std::uint64_t height;
  std::uint64_t width;
  std::uint64_t bits_per_pixel;
};

// stb_image reads zeros after the end of a file, so a truncated BMP would decode: the announced size is checked here.
BmpHeader read_header(std::span<const std::byte> bytes, std::string_view name) {
  core::ByteReader reader(bytes, name);
  try {
    reader.take_bytes(10);
    BmpHeader header{};
    header.pixel_offset = reader.take<std::uint32_t>();
    auto info_size = reader.take<std::uint32_t>();
    if (info_size == 12) {  // the OS/2 header has 16-bit sizes
      header.width = reader.take<std::uint16_t>();
      header.height = reader.take<std::uint16_t>();
    } else {
      std::int64_t width = reader.take<std::int32_t>();
      std::int64_t height = reader.take<std::int32_t>();
      if (width < 0) throw undecodable(name, "its width is negative");
      header.width = static_cast<std::uint64_t>(width);
      header.height = static_cast<std::uint64_t>(height < 0 ? -height : height);  // negative: rows from the top
    }
    reader.take_bytes(2);
    header.bits_per_pixel = reader.take<std::uint16_t>();
    constexpr std::uint32_t kBitFields = 3;  // three masks follow a header that has no room for them
    const bool masks = (info_size == 40 || info_size == 56) && reader.take<std::uint32_t>() == kBitFields;
    header.end = 14 + std::uint64_t{info_size} + (masks ? 12 : 0);
    // It leaves out the last four of an OS/2 file.
    const std::uint64_t skipped = info_size == 12 ? 38 : header.end, colour = info_size == 12 ? 3 : 4;
    header.palette = header.pixel_offset < skipped ? 0 : (header.pixel_offset - skipped) / colour;
    return header;
  } catch (const core::RuntimeError& error) {
    if (error.kind() == core::ErrorKind::kInput) throw;
    throw undecodable(name, "the file ends in its header");
  }
}

// stb_image looks up colours that the palette lacks in memory that nobody wrote. \throws for a pixel of such a colour
void check_colours(std::span<const std::byte> bytes, const BmpHeader& header, std::uint64_t stride,
                   std::string_view name) {
  const std::uint64_t bits = header.bits_per_pixel;
  if (bits != 1 && bits != 4 && bits != 8) return;  // without a palette, or refused
  for (std::uint64_t y = 0; y < header.height; ++y)
    for (std::uint64_t x = 0; x < header.width; ++x) {
      const std::uint64_t bit = x * bits;
      const auto byte = std::to_integer<unsigned>(bytes[header.pixel_offset + y * stride + bit / 8]);
      if ((byte >> (8 - bits - bit % 8) & ((1U << bits) - 1)) >= header.palette)
        throw undecodable(name, fmt::format("a pixel has a colour beyond its palette of {}", header.palette));
    }
}

}  // namespace

Image decode_bmp(std::span<const std::byte> bytes, std::string_view name) {
  const BmpHeader header = read_header(bytes, name);
  Image image = allocate(header.height, header.width, name);
  const std::uint64_t stride = (header.width * header.bits_per_pixel + 31) / 32 * 4;
  if (header.pixel_offset < header.end) throw undecodable(name, "its pixels begin inside its header");
  if (header.pixel_offset > bytes.size() || stride * header.height > bytes.size() - header.pixel_offset)
    throw undecodable(name, fmt::format("the file ends too early: {} bytes, {} expected", bytes.size(),
                                        header.pixel_offset + stride * header.height));
  check_colours(bytes, header, stride, name);
  int width = 0;
  int height = 0;
  int channels = 0;
  std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width,
                            &height, &channels, 3),
      stbi_image_free);
  if (pixels == nullptr) {
    const char* why = stbi_failure_reason();
    throw undecodable(name, why == nullptr ? "damaged BMP" : why);
  }
  if (width != image.width || height != image.height) throw undecodable(name, "its header contradicts itself");
  std::memcpy(image.pixels.data(), pixels.get(), image.pixels.size());
  return image;
}

ImageSize bmp_size(std::span<const std::byte> bytes, std::string_view name) {
  const BmpHeader header = read_header(bytes, name);
  return checked_size(header.height, header.width, name);
}

std::string bmp_version() { return fmt::format("stb_image {} (BMP)", STBI_VERSION); }

}  // namespace resolute::datasets::codecs
