#include "datasets/samples/sample.h"

#include <algorithm>

namespace resolute::datasets {

std::string_view path_problem(std::string_view path) {
  constexpr std::size_t kMostBytes = 4096;
  if (path.empty()) return "a path is needed";
  if (path.size() > kMostBytes) return "paths have at most 4096 bytes";
  if (path.front() == '/') return "paths are relative to the data set's folder";
  if (path.find('\\') != std::string_view::npos) return "parts are set apart by '/'";
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return "control characters are refused";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") return "nothing outside the data set's folder may be named";
    if (part.empty() || part == ".") return "no part of a path is empty or '.'";
    begin = end + 1;
  }
  return {};
}

}  // namespace resolute::datasets
