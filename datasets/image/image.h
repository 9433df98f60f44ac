#pragma once
//! \file
//! Decoded images and the codecs. Everything behind this header works on 8-bit RGB; where the bytes of a result matter
//! (packs), the decoder is part of the product: libjpeg-turbo with the ISLOW transform and fancy upsampling, libpng
//! with 16-bit samples cut to their high byte. EXIF orientation, gamma and colour profiles are ignored, as Pillow does.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "settings/pack.h"

namespace resolute::datasets {

using settings::TruncatedImages;

//! Limits of what is decoded: person crops are small, and a few hostile bytes can announce gigabytes.
inline constexpr int kMaxImageSide = 16384;
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 26;
inline constexpr std::uint64_t kMaxImageBytes = std::uint64_t{1} << 28;  //!< of an encoded file

//! 8-bit RGB, row-major H×W×3. A default-made image is empty; every other one has 1 to kMaxImageSide pixels per side.
struct Image {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;
  bool operator==(const Image&) const = default;
};

struct ImageSize {
  int height = 0;  //!< pixels
  int width = 0;
  bool operator==(const ImageSize&) const = default;
};

//! H·W·3.
constexpr std::size_t pixel_bytes(const ImageSize& size) {
  return static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) * 3;
}
//! Gives an image another size. Its pixels mean nothing until they are written.
void set_size(Image& image, const ImageSize& size);

//! A black image. \throws ContractError outside 1..kMaxImageSide per side
Image make_image(int height, int width);

//! JPEG, PNG, BMP or PPM (binary, 8 bits, no comments: what encode_ppm() makes), told apart by the first bytes, never
//! by the name. Grey becomes RGB, palettes are expanded, alpha is dropped, 16-bit samples keep their high byte. \param
//! name what messages call the file \throws RuntimeError (kInput) naming the file: another format, empty, truncated or
//! damaged (a decoder's warning about lost data counts), CMYK, a side outside 1..kMaxImageSide, over kMaxImagePixels
//! pixels, over kMaxImageBytes bytes
Image decode_image(std::span<const std::byte> bytes, std::string_view name);
//! The same into `to`, whose memory is used again; what it holds after an error is no image. \param truncated kFilled:
//! of a JPEG whose data end early behind its header, what is missing is grey, or coarse where scans are progressive;
//! the bytes are libjpeg-turbo's, as Pillow's with LOAD_TRUNCATED_IMAGES \return whether anything was filled \throws as
//! decode_image()
bool decode_image_into(std::span<const std::byte> bytes, std::string_view name, Image& to,
                       TruncatedImages truncated = TruncatedImages::kRefused);

//! The size that decode_image() would find, from the file's header alone: what comes after it may be damaged or
//! missing. \param bytes of the file, or of its beginning as far as the header goes \throws as decode_image(), of the
//! header
ImageSize image_size(std::span<const std::byte> bytes, std::string_view name);

//! The same image always gives the same bytes with the same libpng and zlib.
core::Bytes encode_png(const Image& image);
//! Binary PPM: "P6\nWIDTH HEIGHT\n255\n", then the pixels. The same image gives the same bytes everywhere.
core::Bytes encode_ppm(const Image& image);
enum class Chroma {
  kWhole,   //!< 4:4:4, no subsampling
  kHalved,  //!< 4:2:0, as Pillow writes where nothing else is asked for
};
//! Baseline, ISLOW. \param quality 1 to 100
core::Bytes encode_jpeg(const Image& image, int quality, Chroma chroma = Chroma::kWhole);

//! Names and versions of the decoders, for a pack's record, e.g. "libjpeg-turbo 2.1.5 islow, libpng 1.6.39, stb_image 1
//! (BMP)".
std::string decoder_versions();

}  // namespace resolute::datasets
