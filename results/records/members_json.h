#pragma once
//! \file
//! A record as JSON, from the rows of its structs.

#include <concepts>
#include <string>
#include <tuple>

#include "core/files/json.h"
#include "core/members.h"

namespace resolute::results {

//! An object of a struct's members, an id's digits, null for nothing, a list, or what Json makes of it. A member that
//! has no name in its row lies among its struct's own. \param rows a tuple of core::Row
template <class Rows, class T>
core::Json json_of(const Rows& rows, const T& value) {
  if constexpr (core::HasRow<T, Rows>::value) {
    core::Json object = core::Json::object();
    core::for_each_member(std::get<core::Row<T>>(rows), value, [&](const core::Member& member, const auto& field) {
      if (member.name.empty())
        object.update(json_of(rows, field));
      else
        object[std::string(member.name)] = json_of(rows, field);
    });
    return object;
  } else if constexpr (requires { value.hex; }) {
    return value.hex;
  } else if constexpr (std::constructible_from<core::Json, const T&>) {
    return value;
  } else if constexpr (requires { value.has_value(); }) {
    return value ? json_of(rows, *value) : core::Json();
  } else {
    core::Json list = core::Json::array();
    for (const auto& element : value) list.push_back(json_of(rows, element));
    return list;
  }
}

}  // namespace resolute::results
