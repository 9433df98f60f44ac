#include "results/records/csv.h"

#include <algorithm>

namespace resolute::results {
namespace {

[[noreturn]] void refuse_at(const std::string& where, std::size_t line, const std::string& problem,
                            std::string_view why) {
  throw core::input_error(fmt::format("{}:{}: {}", where, line, problem), why);
}

}  // namespace

CsvReader::CsvReader(std::string_view text, const std::string& where, std::string_view header)
    : text_(text),
      where_(where),
      fields_of_row_(static_cast<std::size_t>(std::ranges::count(header, ',')) + 1),
      at_(header.size()),
      begin_(at_) {
  if (!text.starts_with(header)) refuse_at(where, 1, "the header is another", header.substr(0, header.size() - 1));
}

std::string CsvReader::next_field() {
  core::CsvField field = core::csv_field_at(text_, at_);
  if (!field.closed) refuse("a quoted field does not end");
  ++fields_;
  end_ = field.end;
  if (end_ == text_.size() && !field.quoted) refuse("the line does not end");
  if (end_ == text_.size() || text_[end_] != (fields_ == fields_of_row_ ? '\n' : ','))
    refuse(fmt::format("field {} does not end in its place", fields_),
           fmt::format("a line has {} fields", fields_of_row_));
  at_ = end_ + 1;
  return std::move(field.value);
}

void CsvReader::next_row() {
  line_ += static_cast<std::size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(begin_),
                                               text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
  begin_ = at_;
  fields_ = 0;
}

void CsvReader::refused(const std::string& problem, std::string_view why) const {
  refuse_at(where_, line_, problem, why);
}

}  // namespace resolute::results
