#pragma once
//! \file
//! Text between separators: lists of an option, fields and lines of another program's output.

#include <string_view>
#include <vector>

namespace resolute::core {

//! "a,,b" at ',' → "a", "", "b"; one part more than there are separators, so "" has one. Views of `text`.
inline std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t end = text.find(at); end != std::string_view::npos; end = text.find(at)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

}  // namespace resolute::core
