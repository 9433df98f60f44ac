#include "datasets/sources/raw_reader.h"

#include <algorithm>

#include "core/error.h"

namespace resolute::datasets {

core::Bytes RawFolder::read(const std::string& path) const { return files_.read(root_ / path, kMaxImageBytes); }

ImageSize RawFolder::size(const std::string& path) const {
  constexpr std::uint64_t kHeaderBytes = 4096;
  const auto file = files_.open_for_read(root_ / path);
  core::Bytes begin(static_cast<std::size_t>(std::min(kHeaderBytes, file->size())));
  file->read_at(0, begin);
  try {
    return image_size(begin, place(path));
  } catch (const core::RuntimeError&) {
    // The header is longer, or there is none: the whole file tells.
    return image_size(read(path), place(path));
  }
}

}  // namespace resolute::datasets
