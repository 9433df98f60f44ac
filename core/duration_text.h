#pragma once
//! \file
//! A time that something takes, for people.

#include <cstdint>
#include <string>

namespace resolute::core {

//! "850 ms", "12 s", "14 min", "3.5 h"
std::string duration_text(std::int64_t milliseconds);

}  // namespace resolute::core
