#pragma once
//! \file
//! A data set of any layout by a list of its images, ROOT/images.csv (docs/formats/image_list.md): who is on each,
//! which camera took it, and, where that is known, its subset and how low its resolution is.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kImageList = "images.csv";
//! Limits of a list; a longer one is refused.
inline constexpr std::size_t kMaxListLine = 16384;       //!< bytes of a line, its end not counted
inline constexpr std::size_t kMaxListLines = 4'000'000;  //!< the header included
inline constexpr std::uint64_t kMaxListBytes = std::uint64_t{1} << 30;

struct ListedImage {
  Sample sample;
  std::size_t line = 0;  //!< of the list, from 1
};

//! Reads a list; looks at no file. Strict: RFC 4180 with or without carriage returns, UTF-8, a mark of byte order
//! allowed; columns in any order, each known and there once; every path relative and without a component that is empty,
//! "." or "..", without backslash and control characters, each once. \param name of the list in messages, which open
//! with "'NAME', line N: " \param remarks is told of every line that is refused \throws RuntimeError (kInput): a header
//! that does not fit, too many lines, no images
std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name, Remarks& remarks);
//! The same where any line that is refused is an error. \throws RefusedFiles too
std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name);

//! The list of these images, every column, fields quoted where they must be; parse_image_list() reads them back.
std::string image_list_text(std::span<const Sample> samples);

//! The images of a list, in its order; their paths lead from the folder that it lies in. Refused, each with its line:
//! what parse_image_list() refuses, an image that is missing, is no file, or lies outside of that folder once symbolic
//! links are followed. A person 0 who looks like one (docs/formats/image_list.md) is warned of. \throws RuntimeError
//! (kInput): what parse_image_list() throws; as the file system does, for a list that cannot be read
std::vector<ListedImage> read_images_of(core::FileSystem& files, const std::filesystem::path& list, Remarks& remarks);

//! Those of ROOT/images.csv. \throws RuntimeError (kInput): no list, what read_images_of() throws
std::vector<ListedImage> read_image_list(core::FileSystem& files, const std::filesystem::path& root, Remarks& remarks);

}  // namespace resolute::datasets::sources
