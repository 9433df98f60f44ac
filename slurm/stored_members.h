#pragma once
//! \file
//! A row for each struct of a submission's JSON files, for writing and for strict reading.

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/files/json.h"
#include "core/members.h"
#include "settings/choice.h"
#include "slurm/allocation.h"
#include "slurm/submission.h"

namespace resolute::slurm {

constexpr core::Member from_one(const char* name) { return {name, 1}; }

//! The least that a number may be is 0 where its row does not say otherwise.
inline constexpr std::tuple kStored{
    core::row<Resources>("", {from_one("nodes"), "gpus_per_node", "gpu_type", "cpus_per_node", "memory", "time_seconds",
                              "partition", "account", "qos", "constraint", "exclude", "reservation", "mail_user",
                              "mail_type", "exclusive", "options", "gpu_request", "comment"}),
    core::row<LaunchOptions>("", {"mpi", "words"}),
    core::row<Container>("", {"command", "program"}),
    core::row<SiteEnvironment>("", {"modules", "commands"}),
    core::row<Batch>("",
                     {from_one("number"), "job_name", from_one("first_allocation"), "kinds", "resources", "on_demand"}),
    core::row<SubmissionRequest>("", {"token",
                                      "suite",
                                      "title",
                                      "created",
                                      "by",
                                      "store",
                                      "resolute",
                                      "relative_to",
                                      "plan_arguments",
                                      "run_arguments",
                                      "slots",
                                      from_one("jobs_per_gpu"),
                                      "container",
                                      "launcher",
                                      "continuation",
                                      from_one("most_restarts"),
                                      "resources",
                                      "site",
                                      "notice_seconds",
                                      "working_folder",
                                      "variables",
                                      "batches",
                                      "launch",
                                      "dependency",
                                      "notify",
                                      "idle_limit_seconds",
                                      "left_out",
                                      "cluster"}),
    core::row<KnownJob>("", {from_one("id"), "cluster", "submitted", "armed"}),
    core::row<Intended>("", {"others", "why", "armed"}),
    core::row<Refused>("", {"why"}),
    core::row<Achieved>("", {"results", "steps"}),
    core::row<ScriptStart>("", {from_one("job"), "restart", "repeat", "generation", "node_list", "begin", "end",
                                "launcher", "before", "after", "cause", "given_up", "verdict", "slurm_begin"})};

//! A struct with a row.
template <class T>
concept Stored = core::HasRow<T, std::remove_const_t<decltype(kStored)>>::value;

//! {"name", "value"}: a variable of the environment.
using Variable = std::pair<std::string, std::string>;

template <Stored T>
core::Json stored(const T& value);

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
  } else if constexpr (std::same_as<T, Variable>) {
    return {{"name", value.first}, {"value", value.second}};
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
template <Stored T>
core::Json stored(const T& value) {
  core::Json object = core::Json::object();
  core::for_each_member(std::get<core::Row<T>>(kStored), value, [&](const core::Member& member, const auto& field) {
    object[std::string(member.name)] = stored_value(field);
  });
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

template <class T>
T read_stored(core::ObjectReader& reader);

//! Reads one member. \throws RuntimeError (kInput), naming place and key, for a value that stored_value() does not
//! write
template <class T>
void read_member(core::ObjectReader& reader, const std::string& key, T& to, std::int64_t least = 0) {
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
  } else if constexpr (requires {
                         requires settings::Choice<typename T::value_type>;
                         to.push_back({});
                       }) {
    for (const auto& word : reader.required<std::vector<std::string>>(key))
      to.push_back(
          settings::parse_word<typename T::value_type>(word, fmt::format("{}: key '{}'", reader.where(), key)));
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
template <class T>
T read_stored(core::ObjectReader& reader) {
  T value;
  if constexpr (std::same_as<T, Variable>) {
    read_member(reader, "name", value.first);
    read_member(reader, "value", value.second);
  } else {
    core::for_each_member(std::get<core::Row<T>>(kStored), value, [&](const core::Member& member, auto& field) {
      read_member(reader, std::string(member.name), field, std::max<std::int64_t>(0, member.least));
    });
  }
  return value;
}

//! The version of every document here.
inline constexpr int kStoredVersion = 3;

//! A document: its version and the members.
template <Stored T>
core::Json document(const T& value) {
  core::Json json = stored(value);
  json["version"] = kStoredVersion;
  return json;
}

//! Reads a document: its version, the members, and what `check(value, reader)` asks for besides.
//! \throws RuntimeError (kCorrupt) that opens with `where`
template <Stored T, class Check>
T read_document(const core::Json& json, const std::string& where, Check check) {
  try {
    core::ObjectReader reader(json, where);
    if (const int found = reader.required<int>("version"); found == 1)
      throw core::input_error(fmt::format("{}: version 1", where), "made before 0.1.0",
                              "remove the submission's folder once SLURM has none of its jobs, then submit the suite");
    else if (found != kStoredVersion)
      throw core::input_error(fmt::format("{}: version {}", where, found),
                              fmt::format("this program reads version {}", kStoredVersion),
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
