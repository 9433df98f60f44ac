#pragma once
//! \file
//! A data set of any layout by a list of its images, ROOT/images.csv (docs/inside/formats/image_list.md): who is on
//! each, which camera took it, and, where that is known, its subset and how low its resolution is.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kImageList = "images.csv";
//! A list that has more is refused, as is one over the limits of list_dialect.h.
inline constexpr std::uint64_t kMaxListBytes = std::uint64_t{1} << 30;

struct ListedImage {
  Sample sample;
  std::size_t line = 0;  //!< of the list, from 1
};

//! Reads a list; looks at no file. Strict, in the spelling that its header shows (docs/inside/formats/image_list.md):
//! columns in any order, each known and there once; every path relative and without a component that is empty, "." or
//! "..", without backslash and control characters, each once. \param name of the list in messages, which open with
//! "'NAME', line N: " \param remarks is told of every line that is refused; of those that put a person 0 in training or
//! among the queries together, and these stay in what is returned \throws RuntimeError (kInput): a header that does not
//! fit, UTF-16, too many lines, no images
std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name, Remarks& remarks);
//! The same where any line that is refused is an error. \throws RefusedFiles too
std::vector<ListedImage> parse_image_list(std::string_view text, std::string_view name);

//! The list of these images, every column, fields quoted where they must be; parse_image_list() reads them back.
std::string image_list_text(std::span<const Sample> samples);

//! The images of a list, in its order; their paths lead from the folder that it lies in. Refused, each with its line:
//! what parse_image_list() refuses, an image that is missing or is no file. Links are followed here: links.h has their
//! rule. A person 0 who looks like one, and people in folders of training and of test
//! (docs/inside/formats/image_list.md), are warned of. \throws RuntimeError (kInput): what parse_image_list() throws;
//! as the file system does, for a list that cannot be read
std::vector<ListedImage> read_images_of(core::FileSystem& files, const fs::path& list, Remarks& remarks);

//! Those of ROOT/images.csv. \throws RuntimeError (kInput): no list, and the layout's name where another one is known;
//! what read_images_of() throws
std::vector<ListedImage> read_image_list(core::FileSystem& files, const fs::path& root, Remarks& remarks);

}  // namespace resolute::datasets::sources
