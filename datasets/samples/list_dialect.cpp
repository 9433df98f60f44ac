#include "datasets/samples/list_dialect.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/files/csv.h"
#include "core/split.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::size_t kNeededColumns = 3;              // the first of kListColumns
constexpr std::string_view kDelimiters = ",;\t";       // the first of them that a header has is the list's
constexpr std::string_view kExcelsDelimiter = "sep=";  // Excel's first line, before the header

// Other names of columns, in small letters. `id` is none: in a table it is as often the line's.
constexpr std::array<std::pair<std::string_view, ListColumn>, 12> kOtherNames{{{"file", kPath},
                                                                               {"filename", kPath},
                                                                               {"file_name", kPath},
                                                                               {"image", kPath},
                                                                               {"image_path", kPath},
                                                                               {"img_path", kPath},
                                                                               {"pid", kIdentity},
                                                                               {"person_id", kIdentity},
                                                                               {"cam", kCamera},
                                                                               {"camid", kCamera},
                                                                               {"camera_id", kCamera},
                                                                               {"cam_id", kCamera}}};

std::optional<ListColumn> column_named(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (const auto known = std::ranges::find(kListColumns, name); known != kListColumns.end())
    return static_cast<ListColumn>(known - kListColumns.begin());
  const auto other = std::ranges::find_if(kOtherNames, [&](const auto& one) { return one.first == name; });
  return other == kOtherNames.end() ? std::nullopt : std::optional(other->second);
}

// Each second byte of a text in Latin letters is 0 in UTF-16.
bool is_utf16(std::string_view text) {
  return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
         (text.size() > 1 && (text[0] == '\0') != (text[1] == '\0'));
}

// The first delimiter outside of quotes.
char delimiter_of(std::string_view header) {
  bool quoted = false;
  for (const char c : header) {
    if (c == '"') quoted = !quoted;
    if (!quoted && kDelimiters.find(c) != std::string_view::npos) return c;
  }
  return ',';
}

}  // namespace

std::string shown_field(std::string_view field) {
  constexpr std::size_t kShown = 200;
  if (field.size() <= kShown) return printable(field);
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(field[end]) & 0xC0U) == 0x80U) --end;  // no letter cut in two
  return printable(field.substr(0, end)) + "...";
}

core::RuntimeError ListLine::wrong(std::string_view problem, std::string_view why, std::string_view suggestion) const {
  return core::input_error(problem, why, suggestion).at(fmt::format("'{}', line {}", list, number));
}

ListText::ListText(std::string_view text, std::string_view name) : rest_(text), name_(name) {
  if (is_utf16(rest_))
    throw core::input_error(fmt::format("'{}' is in UTF-16", name), "lists are in UTF-8",
                            "save it as UTF-8 text; Excel calls that 'CSV UTF-8'");
  rest_ = core::without_byte_order_mark(rest_);
  if (rest_.empty())
    throw core::input_error(fmt::format("'{}' is empty", name),
                            fmt::format("its first line names columns, of {}", fmt::join(kListColumns, ", ")));
  const auto lines = static_cast<std::size_t>(std::ranges::count(rest_, '\n'));
  if (lines > kMaxListLines)
    throw core::input_error(fmt::format("'{}' has {} lines", name, lines),
                            fmt::format("{} are the most", kMaxListLines), "make several data sets of it");
  read_header();
  // Excel leaves lines of delimiters where a cell was emptied, pandas and editors leave empty ones.
  const std::size_t last = rest_.find_last_not_of(std::string("\r\n") + delimiter_);
  rest_ = rest_.substr(0, last == std::string_view::npos ? 0 : rest_.find('\n', last));
}

std::string_view ListText::take_line() {
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return line;
}

std::optional<ListLine> ListText::next() {
  if (rest_.empty()) return std::nullopt;
  const std::string_view text = take_line();
  return ListLine{text, name_, number_};
}

// Takes a field and the delimiter behind it. \return nothing after the last one
std::optional<std::string> ListText::take_field(const ListLine& line, std::size_t& at) const {
  if (at > line.text.size()) return std::nullopt;
  core::CsvField field = core::csv_field_at(line.text, at, delimiter_);
  if (!field.closed)
    throw line.wrong("a quoted field does not end", "no value of a list may hold a line's end", "close the quotes");
  if (field.quoted && field.end < line.text.size() && line.text[field.end] != delimiter_)
    throw line.wrong(fmt::format("text follows the closing quote of '{}'", shown_field(field.value)),
                     "a delimiter should", "double a quote that is part of a value");
  if (!field.quoted && field.value.find('"') != std::string::npos)
    throw line.wrong(fmt::format("a quote stands inside of '{}'", shown_field(field.value)),
                     "which is not quoted as a whole", "put the value in quotes and double those in it");
  const auto control = std::ranges::find_if(field.value, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
  if (control != field.value.end())
    throw line.wrong(fmt::format("the line has a control character, {:#04x}", static_cast<unsigned>(*control)), {},
                     *control == '\r' ? "end lines as Unix or Windows does" : "take it out");
  if (printable(field.value) != field.value)
    throw line.wrong("the line has bytes that are no letters of UTF-8", {}, "save the list as UTF-8 text");
  at = field.end + 1;
  return std::move(field.value);
}

std::vector<std::string> ListText::fields_of(const ListLine& line) const {
  if (line.text.size() > kMaxListLine)
    throw line.wrong(fmt::format("the line has {} bytes", line.text.size()),
                     fmt::format("{} are the most", kMaxListLine));
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (auto field = take_field(line, at)) fields.push_back(std::move(*field));
  return fields;
}

void ListText::read_header() {
  ListLine line{take_line(), name_, number_};
  if (line.text.size() == kExcelsDelimiter.size() + 1 && line.text.starts_with(kExcelsDelimiter) &&
      kDelimiters.find(line.text.back()) != std::string_view::npos) {
    delimiter_ = line.text.back();
    line = {take_line(), name_, number_};
  } else {
    delimiter_ = delimiter_of(line.text);
  }
  const std::vector<std::string> names = fields_of(line);
  fields_ = names.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;  // pandas' index, or what Excel has beside the table
    const auto column = column_named(names[i]);
    if (!column)
      throw line.wrong(fmt::format("column '{}' is unknown", shown_field(names[i])),
                       fmt::format("the first line names columns, of {}", fmt::join(kListColumns, ", ")),
                       "rename it or take it out");
    auto& position = positions_.at(*column);
    if (position)
      throw line.wrong(names[*position] == names[i] ? fmt::format("column '{}' is there twice", names[i])
                                                    : fmt::format("columns '{}' and '{}' are both the {}",
                                                                  names[*position], names[i], kListColumns.at(*column)),
                       {}, "take one of the two out");
    position = i;
  }
  for (std::size_t column = 0; column < kNeededColumns; ++column)
    if (!positions_.at(column))
      throw line.wrong(fmt::format("column '{}' is missing", kListColumns.at(column)),
                       "path, identity and camera are needed, subset and rate may be there", "add it");
}

std::array<std::optional<std::string>, kListColumns.size()> ListText::values_of(const ListLine& line) const {
  std::vector<std::string> fields = fields_of(line);
  if (fields.size() != fields_)
    throw line.wrong(line.text.empty() ? "the line is empty" : fmt::format("the line has {} fields", fields.size()),
                     fmt::format("the header has {}", fields_), "correct it or take it out");
  std::array<std::optional<std::string>, kListColumns.size()> values;
  for (std::size_t column = 0; column < values.size(); ++column)
    if (const auto& position = positions_.at(column)) values.at(column) = std::move(fields[*position]);
  return values;
}

std::int64_t read_list_number(const ListLine& line, ListColumn column, std::string_view field, std::int64_t low,
                              std::int64_t high) {
  std::string_view digits = field;
  if (column == kCamera && (digits.starts_with('c') || digits.starts_with('C'))) digits.remove_prefix(1);
  if (digits.ends_with(".0")) digits.remove_suffix(2);
  NameReader reader(digits);
  const std::int64_t value = reader.number();
  if (!reader.finished() || value < low || value > high)
    throw line.wrong(fmt::format("{} is '{}'", kListColumns.at(column), shown_field(field)),
                     // Cameras of 0 are told together, by who reads the list.
                     fmt::format("it must be {} to {}", column == kCamera ? 1 : low, high), "correct it");
  return value;
}

}  // namespace resolute::datasets::sources
