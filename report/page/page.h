#pragma once
//! \file
//! The page of `resolute suite report`: one HTML file with all that it needs inside.

#include <optional>
#include <string>

#include "core/files/json.h"

namespace resolute::report {

//! Addresses, relative to the page's own: at `events` a served page hears of a new document, at `document` it asks for
//! it.
struct ReportFeed {
  std::string events, document;
};

//! The page's text, UTF-8, of a document as docs/inside/formats/report.md has it: the same document has the same bytes.
//! \param feed nothing for a file
std::string report_page(const core::Json& document, const std::optional<ReportFeed>& feed = std::nullopt);

}  // namespace resolute::report
