#include "datasets/sources/raw_reader.h"

#include "datasets/image/image.h"

namespace resolute::datasets {

core::Bytes RawFolder::read(const std::string& path) const { return files_.read(root_ / path, kMaxImageBytes); }

}  // namespace resolute::datasets
