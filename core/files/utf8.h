#pragma once
//! \file
//! Text of unknown bytes.

#include <algorithm>
#include <string>
#include <utility>

#include "core/files/json.h"

namespace resolute::core {

//! Texts of workers and machines may hold any bytes and end up in JSON: U+FFFD stands for what is not UTF-8.
inline std::string as_utf8(std::string text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return text;
  return Json::parse(Json(std::move(text)).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

}  // namespace resolute::core
