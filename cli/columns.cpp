#include "cli/columns.h"

#include <algorithm>

namespace resolute::cli {

namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

}  // namespace

std::string without_controls(std::string text, std::string_view kept) {
  for (char& c : text)
    if ((static_cast<unsigned char>(c) < 0x20 || c == 0x7f) && kept.find(c) == std::string_view::npos) c = '?';
  for (std::size_t at = 0; at + 1 < text.size(); ++at)
    if (text[at] == '\xc2' && static_cast<unsigned char>(text[at + 1]) < 0xa0) text.replace(at, 2, "?");
  return text;
}

std::size_t characters(const std::string& text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

std::string cut(const std::string& text, std::size_t most) {
  if (characters(text) <= most) return text;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end)
    if (!continues(text[end]) && ++seen == most) break;
  return text.substr(0, end) + "…";
}

std::vector<std::string> columns(const std::vector<Cells>& rows, const std::set<std::size_t>& right,
                                 std::size_t widest) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Cells& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], std::min(characters(row[i]), widest));
  std::vector<std::string> lines;
  for (const Cells& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = i + 1 < row.size() ? cut(row[i], widest) : row[i];
      const std::string blanks(widths[i] - std::min(widths[i], characters(cell)), ' ');
      line += (i > 0 ? "  " : "") + (right.contains(i) ? blanks + cell : cell + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace resolute::cli
