#include "results/csv_reader.h"

#include <algorithm>

namespace resolute::results {
namespace {

[[noreturn]] void refuse_at(const std::string& where, std::size_t line, const std::string& problem,
                            std::string_view why) {
  throw core::input_error(fmt::format("{}:{}: {}", where, line, problem), why);
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

CsvReader::CsvReader(std::string_view text, const std::string& where, std::string_view header)
    : text_(text),
      where_(where),
      fields_of_record_(static_cast<std::size_t>(std::count(header.begin(), header.end(), ',')) + 1),
      at_(header.size()),
      begin_(at_) {
  if (!text.starts_with(header)) refuse_at(where, 1, "the header is another", header.substr(0, header.size() - 1));
}

std::string CsvReader::path() {
  std::string path;
  if (at_ < text_.size() && text_[at_] == '"') {
    ++at_;
    for (bool open = true; open;) {
      if (at_ == text_.size()) refuse("a quoted path does not end");
      const bool quote = text_[at_] == '"';
      if (quote && at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        path += '"';
        at_ += 2;
      } else if (quote) {
        ++at_;
        open = false;
      } else {
        path += text_[at_++];
      }
    }
    end_field();
  } else {
    path = plain_field();
  }
  if (path.empty() || path.find('\0') != std::string::npos) refuse("the path is none");
  return path;
}

std::string_view CsvReader::plain_field() {
  const std::size_t end = text_.find_first_of(",\n", at_);
  if (end == std::string_view::npos) refuse("the line does not end");
  const std::string_view value = text_.substr(at_, end - at_);
  at_ = end;
  end_field();
  return value;
}

// Passes over what ends a field: a comma, or the line's end after the last.
void CsvReader::end_field() {
  ++fields_;
  const char wanted = fields_ == fields_of_record_ ? '\n' : ',';
  if (at_ == text_.size() || text_[at_] != wanted)
    refuse(fmt::format("field {} does not end in its place", fields_),
           fmt::format("a line has {} fields", fields_of_record_));
  ++at_;
}

void CsvReader::expect_written(std::string_view line) const {
  if (text_.substr(begin_, at_ - begin_) != line) refuse("the line is not written as this program writes it");
}

void CsvReader::next_record() {
  line_ += static_cast<std::size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin_),
                                               text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
  begin_ = at_;
  fields_ = 0;
}

void CsvReader::refuse(const std::string& problem, std::string_view why) const {
  refuse_at(where_, line_, problem, why);
}

}  // namespace resolute::results
