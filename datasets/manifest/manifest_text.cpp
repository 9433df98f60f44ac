#include "datasets/manifest/manifest_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/files/json.h"

namespace resolute::datasets {
namespace {

// Printable ASCII stands as it is; anything else is the JSON writer's matter.
void append_quoted(std::string& to, const std::string& text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; });
  if (!plain) {
    to += core::canonical_json(core::Json(text));
    return;
  }
  to += '"';
  to += text;
  to += '"';
}

}  // namespace

std::string manifest_text(std::span<const PackRow> rows) {
  const bool origin =
      std::any_of(rows.begin(), rows.end(), [](const PackRow& row) { return tells_origin(row.sample); });
  std::string text = "{\"rows\":[";
  // Members by the bytes of their keys.
  for (const PackRow& row : rows) {
    if (&row != rows.data()) text += ',';
    fmt::format_to(std::back_inserter(text),
                   "{{\"camera\":{},\"identity\":{},\"native_height\":{},\"native_width\":{},\"path\":",
                   row.sample.camera, row.sample.identity, row.native_height, row.native_width);
    append_quoted(text, row.sample.path);
    if (origin) fmt::format_to(std::back_inserter(text), ",\"rate\":{}", row.sample.rate);
    text += ",\"source_sha256\":";
    append_quoted(text, row.source_sha256);
    text += ",\"subset\":";
    append_quoted(text, row.sample.subset);
    if (origin) fmt::format_to(std::back_inserter(text), ",\"test_sets\":{}", row.sample.test_sets);
    text += '}';
  }
  fmt::format_to(std::back_inserter(text), "],\"schema\":{}}}\n", origin ? 2 : 1);
  return text;
}

std::string listing_line(const Sample& sample) {
  std::string line = "[";
  append_quoted(line, sample.path);
  fmt::format_to(std::back_inserter(line), ",{},{},", sample.identity, sample.camera);
  append_quoted(line, sample.subset);
  if (tells_origin(sample)) fmt::format_to(std::back_inserter(line), ",{},{}", sample.rate, sample.test_sets);
  line += "]\n";
  return line;
}

}  // namespace resolute::datasets
