#pragma once
//! \file
//! Text inside HTML.

#include <string>
#include <string_view>

namespace resolute::cli {

//! The text as a page shows it, between elements and inside a quoted attribute.
std::string escaped(std::string_view text);

}  // namespace resolute::cli
