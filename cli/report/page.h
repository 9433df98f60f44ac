#pragma once
//! \file
//! The page of `resolute suite report`: one HTML file with all that it needs inside.

#include <string>

#include "core/files/json.h"

namespace resolute::cli {

//! The page's text, UTF-8, of a document as docs/formats/report.md has it: the same document has the same bytes.
std::string report_page(const core::Json& document);

}  // namespace resolute::cli
