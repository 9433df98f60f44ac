#pragma once
//! \file
//! Text for people in lines and columns: what other programs wrote made harmless, counted in characters and not in
//! bytes.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace resolute::cli {

//! Control characters, which terminals obey, become '?': those of ASCII but for `kept`, and U+0080 to U+009F.
std::string without_controls(std::string text, std::string_view kept = {});

//! Characters of UTF-8; each counts as one column.
std::size_t characters(const std::string& text);
//! At most `most` characters, the last of them '…' where some are left out.
std::string cut(const std::string& text, std::size_t most);

using Cells = std::vector<std::string>;
//! Lines of columns two blanks apart, without blanks at their ends. The last column is as long as it likes.
//! \param rows one or more, of equally many cells \param right columns that hold numbers \param widest characters of a
//! cell of another column than the last; longer ones are cut
std::vector<std::string> columns(const std::vector<Cells>& rows, const std::set<std::size_t>& right = {},
                                 std::size_t widest = std::string::npos);

}  // namespace resolute::cli
