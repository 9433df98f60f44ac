#pragma once
//! \file
//! Text and pictures inside HTML.

#include <string>
#include <string_view>

#include "core/bytes.h"

namespace resolute::report {

//! The address of a picture that stands in the page itself: "data:image/png;base64,…".
std::string png_address(const core::Bytes& png);

//! The text as a page shows it, between elements and inside a quoted attribute.
std::string escaped(std::string_view text);

}  // namespace resolute::report
