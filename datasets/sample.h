#pragma once
//! \file
//! One raw image of a data set, as its source names it.

#include <cstdint>
#include <string>

namespace resolute::datasets {

struct Sample {
  std::string path;           //!< relative to source_root(), '/' between folders
  std::int64_t identity = 0;  //!< 1 and up; 0 is a distractor: a person who is nobody's match
  std::int64_t camera = 0;    //!< 1 and up
  std::string subset;         //!< "train", "query" or "gallery" of the source's official division
  bool operator==(const Sample&) const = default;
};

}  // namespace resolute::datasets
