#pragma once
//! \file
//! Text between separators: lists of an option, fields and lines of another program's output, lines of a list.

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

//! Editors of Windows put the mark before UTF-8.
inline std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

//! The lines of a list as any editor leaves it, without a byte order mark, line ends of either kind, and the blank
//! lines at the end; none of a blank text. Views of `text`.
inline std::vector<std::string_view> list_lines(std::string_view text) {
  text = without_byte_order_mark(text);
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return {};
  std::vector<std::string_view> lines = split(text.substr(0, text.find('\n', last)), '\n');
  for (std::string_view& line : lines)
    if (line.ends_with('\r')) line.remove_suffix(1);
  return lines;
}

}  // namespace resolute::core
