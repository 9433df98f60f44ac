#pragma once
//! \file
//! Fields of comma-separated values, as RFC 4180 quotes them.

#include <cstddef>
#include <string>
#include <string_view>

namespace resolute::core {

//! A text as a field: quoted where it holds a comma, a quote or a line's end.
std::string csv_field(std::string_view text);

//! A field as it stands in a text.
struct CsvField {
  std::string value;    //!< without its quotes
  bool quoted = false;  //!< it opens with a quote
  bool closed = true;   //!< its closing quote is there, if it is quoted
  std::size_t end = 0;  //!< of the text's bytes: behind its last
};

//! The field that begins at `at`: up to a delimiter, a line feed or the text's end; a quoted one up to its closing
//! quote, whatever is between and behind.
CsvField csv_field_at(std::string_view text, std::size_t at, char delimiter = ',');

}  // namespace resolute::core
