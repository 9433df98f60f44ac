#pragma once
//! \file
//! The user's browser.

#include <string>

namespace resolute::cli {

//! Shows a page in the user's browser, by xdg-open, and does not wait for it. \param page a file or an address \throws
//! RuntimeError (kInput) where nothing opens pages
void open_in_browser(const std::string& page);

}  // namespace resolute::cli
