#pragma once
//! \file
//! Sizes and times, for people.

#include <cstdint>
#include <string>

namespace resolute::core {

//! "850 B", "2.6 MiB", "505 GiB": units of 1,024. \param bytes 0 or more
std::string byte_text(double bytes);

//! A time that something takes: "850 ms", "12 s", "14 min", "3.5 h"
std::string duration_text(std::int64_t milliseconds);

}  // namespace resolute::core
