#include "core/files/csv.h"

#include <algorithm>
#include <array>

namespace resolute::core {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

CsvField csv_field_at(std::string_view text, std::size_t at, char delimiter) {
  CsvField field;
  field.quoted = text.substr(at).starts_with('"');
  if (!field.quoted) {
    const std::array ends{delimiter, '\n'};
    field.end = std::min(text.find_first_of(std::string_view(ends.data(), ends.size()), at), text.size());
    field.value = text.substr(at, field.end - at);
    return field;
  }
  for (++at;; ++at) {
    const std::size_t quote = std::min(text.find('"', at), text.size());
    field.value += text.substr(at, quote - at);
    field.closed = quote < text.size();
    field.end = std::min(quote + 1, text.size());
    at = field.end;
    if (!field.closed || !text.substr(at).starts_with('"')) return field;
    field.value += '"';
  }
}

}  // namespace resolute::core
