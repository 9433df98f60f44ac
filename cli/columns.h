#pragma once
//! \file
//! Text for people in lines and columns. Text of other programs is made harmless, and widths count characters, not
//! bytes.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace resolute::cli {

//! Replaces control characters, which terminals obey, by '?': those of ASCII except `kept`, and U+0080 to U+009F.
std::string without_controls(std::string text, std::string_view kept = {});

//! The number of UTF-8 characters; each counts as one column.
std::size_t characters(const std::string& text);
//! Cuts the text to at most `most` characters; the last one is '…' if some are left out.
std::string cut(const std::string& text, std::size_t most);

using Cells = std::vector<std::string>;
//! Lays rows out in lines of columns, two blanks apart, without blanks at the ends of lines. The last column has no
//! limit. \param rows one or more, of equally many cells \param right columns to align right, such as numbers \param
//! widest characters of a cell of any column but the last; longer cells are cut
std::vector<std::string> columns(const std::vector<Cells>& rows, const std::set<std::size_t>& right = {},
                                 std::size_t widest = std::string::npos);

}  // namespace resolute::cli
