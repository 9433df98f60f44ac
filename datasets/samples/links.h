#pragma once
//! \file
//! The one rule about symbolic links in a folder of images: what lies behind one is refused unless somebody asked for
//! it (`follow_links = true`). The folder itself may be one. A pack has the hash of the bytes that were read, so links
//! change none of it.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets::sources {

//! \param problem as "folder 'a' is a symbolic link"
core::RuntimeError link_error(const std::string& problem, const std::filesystem::path& link);

//! Refuses, as one fault of the whole, all samples whose file, or a folder between it and `root`, is a symbolic link.
//! \param place_of a sample's path: where its file is, below `root`
void refuse_links(const std::filesystem::path& root, const std::vector<Sample>& samples,
                  const std::function<std::filesystem::path(const std::string& path)>& place_of, Remarks& remarks);

}  // namespace resolute::datasets::sources
