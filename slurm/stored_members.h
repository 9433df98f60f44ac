#pragma once
//! \file
//! What the store keeps of submissions, as JSON: a struct tells its members once, for writing and for strict reading,
//! by
//!
//!     void members(Of<Batch> auto& batch, auto visit) {
//!       visit("after", batch.after);
//!       visit("number", batch.number, 1);  // the least that it may be; else 0
//!     }
//!
//! in this namespace.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/files/json.h"
#include "settings/choice.h"
#include "slurm/job_record.h"

namespace resolute::slurm {

//! A T, or a T that may only be read.
template <class S, class T>
concept Of = std::same_as<std::remove_const_t<S>, T>;

//! A struct with a list of members.
template <class T>
concept Stored = requires(const T& value) {
  members(value, [](auto&&...) {});
};

core::Json stored(const Stored auto& value);

template <class T>
core::Json stored_value(const T& value) {
  if constexpr (std::same_as<T, std::filesystem::path>) {
    return value.string();
  } else if constexpr (std::same_as<T, std::chrono::seconds>) {
    return value.count();
  } else if constexpr (std::same_as<T, Time>) {
    return time_text(value);
  } else if constexpr (settings::Choice<T>) {
    return settings::word(value);
  } else if constexpr (Stored<T>) {
    return stored(value);
  } else if constexpr (requires { value.has_value(); }) {
    return value ? stored_value(*value) : core::Json();
  } else if constexpr (std::same_as<T, std::string> || std::is_arithmetic_v<T>) {
    return value;
  } else {
    core::Json list = core::Json::array();
    for (const auto& element : value) list.push_back(stored_value(element));
    return list;
  }
}

//! An object of all members.
core::Json stored(const Stored auto& value) {
  core::Json object = core::Json::object();
  members(value, [&](const char* key, const auto& member, std::int64_t = 0) { object[key] = stored_value(member); });
  return object;
}

//! "WHERE: key 'KEY' has the value 'VALUE'" and why that cannot be.
inline core::RuntimeError wrong(const core::ObjectReader& reader, const std::string& key, const std::string& value,
                                std::string_view why) {
  return core::input_error(fmt::format("{}: key '{}' has the value '{}'", reader.where(), key, value), why);
}
inline void check_no_zero(const core::ObjectReader& reader, const std::string& key, const std::string& text) {
  if (text.find('\0') != std::string::npos) throw wrong(reader, key, text, "it has a zero byte");
}

template <Stored T>
T read_stored(core::ObjectReader& reader);

//! One member. \throws RuntimeError (kInput), naming place and key, for anything that stored_value() does not write
template <class T>
void read_member(core::ObjectReader& reader, const char* key, T& to, std::int64_t least = 0) {
  constexpr std::int64_t kMost = 1'000'000'000;  // of anything that is counted
  if constexpr (std::same_as<T, bool>) {
    to = reader.required<T>(key);
  } else if constexpr (std::same_as<T, std::string>) {
    to = reader.required<T>(key);
    check_no_zero(reader, key, to);
  } else if constexpr (std::integral<T>) {
    to = reader.required<T>(key);
    if (to < least || (std::same_as<T, int> && to > kMost))
      throw wrong(reader, key, std::to_string(to), fmt::format("{} is the least, {} the most", least, kMost));
  } else if constexpr (std::same_as<T, std::chrono::seconds>) {
    int count = 0;
    read_member(reader, key, count);
    to = T(count);
  } else if constexpr (std::same_as<T, Time>) {
    const auto text = reader.required<std::string>(key);
    const auto time = parse_time(text);
    if (!time) throw wrong(reader, key, text, "a time as '2026-01-31T12:00:00' is needed");
    to = *time;
  } else if constexpr (std::same_as<T, std::filesystem::path>) {
    std::string text;
    read_member(reader, key, text);
    to = text;
    if (!to.is_absolute()) throw wrong(reader, key, to.string(), "an absolute path is needed");
  } else if constexpr (std::same_as<T, std::vector<std::string>>) {
    to = reader.required<T>(key);
    for (const std::string& word : to) check_no_zero(reader, key, word);
  } else if constexpr (settings::Choice<T>) {
    to = settings::required<T>(reader, key);
  } else if constexpr (Stored<T>) {
    const auto json = reader.required<core::Json>(key);
    core::ObjectReader inner(json, fmt::format("{}: {}", reader.where(), key));
    to = read_stored<T>(inner);
    inner.finish();
  } else if constexpr (requires { to.has_value(); }) {
    if (reader.required<core::Json>(key).is_null())
      to.reset();
    else
      read_member(reader, key, to.emplace(), least);
  } else {
    const auto list = reader.required<std::vector<core::Json>>(key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      core::ObjectReader inner(list[i], fmt::format("{}: {}[{}]", reader.where(), key, i));
      to.push_back(read_stored<typename T::value_type>(inner));
      inner.finish();
    }
  }
}

//! The members among an object's. \throws as read_member()
template <Stored T>
T read_stored(core::ObjectReader& reader) {
  T value;
  members(value,
          [&](const char* key, auto& member, std::int64_t least = 0) { read_member(reader, key, member, least); });
  return value;
}

//! A document of ours: its version, the members, and what `check(value, reader)` asks for and looks at besides.
//! \throws RuntimeError (kCorrupt) that opens with `where`
template <Stored T, class Check>
T read_document(const core::Json& json, const std::string& where, int version, Check check) {
  try {
    core::ObjectReader reader(json, where);
    if (const int found = reader.required<int>("version"); found != version)
      throw core::input_error(fmt::format("{}: version {}", where, found),
                              fmt::format("this program reads version {}", version),
                              "use the version of resolute that wrote it");
    T value = read_stored<T>(reader);
    check(value, reader);
    reader.finish();
    return value;
  } catch (const core::RuntimeError& error) {
    const std::string message = error.what();
    throw core::RuntimeError(core::ErrorKind::kCorrupt,
                             message.starts_with(where) ? message : fmt::format("{}: {}", where, message));
  }
}

}  // namespace resolute::slurm
