#pragma once
//! \file
//! Strict reading of the CSV files that this program writes: RFC 4180 with lines that end in a line feed, a header that
//! is the file's version, one text a value.

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include "core/error.h"

namespace resolute::results {

//! A text as a field: quoted where it holds a comma, a quote or a line's end.
std::string csv_field(std::string_view text);

//! Records of fields one after the other, from begin to end. Every refusal is a core::RuntimeError (kInput) opening
//! with `where` and the line.
//!
//!     CsvReader reader(text, where, kHeader);
//!     for (; !reader.done(); reader.next_record()) {
//!       row.path = reader.path();
//!       row.rate = reader.number<int>("rate", 1, 100);
//!       reader.expect_written(line_of(row));
//!     }
class CsvReader {
 public:
  //! \param header with its line feed; as many fields as it has are in every record
  //! \param where outlives the reader \throws RuntimeError where the text has another header
  CsvReader(std::string_view text, const std::string& where, std::string_view header);

  bool done() const { return at_ == text_.size(); }
  //! A text of at least one byte, none of them NUL, quoted or not; a quoted one may hold line ends.
  std::string path();
  //! A field that is not quoted; it may be empty.
  std::string_view plain_field();
  //! A plain field from_chars() takes whole, low to high: NaN is neither.
  template <class T>
  T number(const std::string& name, T low, T high) {
    const std::string_view text = plain_field();
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high))
      refuse(fmt::format("{} is '{}'", name, text.substr(0, 40)), fmt::format("a number from {} to {}", low, high));
    return value;
  }
  //! Holds what was read of this record against what the writer makes of it: no "0.50", no needless quotes.
  void expect_written(std::string_view line) const;
  void next_record();

  [[noreturn]] void refuse(const std::string& problem, std::string_view why = {}) const;

 private:
  void end_field();

  std::string_view text_;
  const std::string& where_;
  std::size_t fields_of_record_;
  std::size_t at_;
  std::size_t begin_;       // of this record
  std::size_t line_ = 2;    // where it begins
  std::size_t fields_ = 0;  // of this record, so far
};

}  // namespace resolute::results
