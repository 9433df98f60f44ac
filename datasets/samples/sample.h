#pragma once
//! \file
//! One raw image of a data set, as its source names it.

#include <cstdint>
#include <string>
#include <string_view>

namespace resolute::datasets {

struct Sample {
  std::string path;           //!< relative to source_root(), '/' between folders
  std::int64_t identity = 0;  //!< 1 and up; 0 is a distractor: a person who is nobody's match
  std::int64_t camera = 0;    //!< 1 and up
  std::string subset;         //!< "train", "query" or "gallery" of the source's official division
  //! How often its sides had been halved, thirded, … before it came to us: 1 HR; 2 to settings::kLargestRate LR at that
  //! rate; 0 LR at a rate that nobody tells (a camera that stood far away).
  int rate = 1;
  //! Bit k: its identity is tested in the source's published division k, from 0 (CUHK03 has 20). 0 where none are.
  std::uint64_t test_sets = 0;
  bool operator==(const Sample&) const = default;
};

//! The one rule for what may stand as an image's path in a manifest or a split: those are files that others publish, so
//! whatever a path says, it leads to nothing outside of the data set's folder.
//! \return why `path` cannot be a sample's, in words to show behind its name; empty where it can: relative, '/' between
//! parts of which none is empty, "." or "..", no backslash, no control character, at most 4096 bytes
std::string_view path_problem(std::string_view path);

}  // namespace resolute::datasets
