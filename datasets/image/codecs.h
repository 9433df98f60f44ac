#pragma once
//! \file
//! The four codecs behind image.h; nobody outside this folder includes this.

#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "datasets/image/image.h"

namespace resolute::datasets::codecs {

//! Does what decode_image_into() does.
bool decode_jpeg(std::span<const std::byte> bytes, std::string_view name, Image& to, TruncatedImages truncated);
Image decode_png(std::span<const std::byte> bytes, std::string_view name);
Image decode_bmp(std::span<const std::byte> bytes, std::string_view name);
//! Strictly "P6\nWIDTH HEIGHT\n255\n" and the pixels: no comment, no other white space, no byte more.
Image decode_ppm(std::span<const std::byte> bytes, std::string_view name);

ImageSize jpeg_size(std::span<const std::byte> bytes, std::string_view name);
ImageSize png_size(std::span<const std::byte> bytes, std::string_view name);
ImageSize bmp_size(std::span<const std::byte> bytes, std::string_view name);
ImageSize ppm_size(std::span<const std::byte> bytes, std::string_view name);

//! The size a header announces. \throws RuntimeError (kInput) naming the file beyond the limits
ImageSize checked_size(std::uint64_t height, std::uint64_t width, std::string_view name);
//! An empty image of that size. \throws as checked_size()
Image allocate(std::uint64_t height, std::uint64_t width, std::string_view name);

//! The error of a damaged file; `why` comes from the decoder.
core::RuntimeError undecodable(std::string_view name, std::string_view why,
                               std::string_view suggestion = "fetch the file again");

std::string jpeg_version();
std::string png_version();
std::string bmp_version();

}  // namespace resolute::datasets::codecs
