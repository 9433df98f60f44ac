#pragma once
//! \file
//! A size in bytes, for people.

#include <string>

namespace resolute::core {

//! "850 B", "2.6 MiB", "505 GiB": units of 1,024. \param bytes 0 or more
std::string byte_text(double bytes);

}  // namespace resolute::core
