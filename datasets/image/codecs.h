#pragma once
//! \file
//! The three codecs behind image.h; nobody outside this folder includes this.

#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "datasets/image/image.h"

namespace resolute::datasets::codecs {

Image decode_jpeg(std::span<const std::byte> bytes, std::string_view name);
Image decode_png(std::span<const std::byte> bytes, std::string_view name);
Image decode_bmp(std::span<const std::byte> bytes, std::string_view name);

//! An empty image of the size a header announces. \throws RuntimeError (kInput) naming the file beyond the limits
Image allocate(std::uint64_t height, std::uint64_t width, std::string_view name);

//! The error of a damaged file; `why` comes from the decoder.
core::RuntimeError undecodable(std::string_view name, std::string_view why);

std::string jpeg_version();
std::string png_version();
std::string bmp_version();

}  // namespace resolute::datasets::codecs
