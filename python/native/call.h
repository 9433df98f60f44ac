#pragma once
//! \file
//! Internal to python/native: how a call ends, what the handles of packs and splits hold, and settings of which the
//! caller names some.

#include <exception>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/files/json.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "python/native/interface.h"
#include "settings/member.h"

namespace resolute::python {

struct Pack {
  std::shared_ptr<const datasets::PackReader> reader;
};

struct Split {
  std::shared_ptr<const datasets::Split> split;
};

//! The calling thread's.
std::string& message();

//! The Status of the exception that is being handled; message() becomes its words.
int status_of_exception();

//! Runs a call; its failure becomes a Status. \param call returns nothing, or what becomes the message
template <class Call>
int finished(Call&& call) {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      message().clear();
    } else {
      message() = call();
    }
    return kDone;
  } catch (...) {
    return status_of_exception();
  }
}

//! Settings of which a text names those that differ from their defaults. \throws RuntimeError (kInput) opening with
//! `where`, as settings::from_json()
template <settings::Settings S>
S with_defaults(const char* text, const std::string& where) {
  core::Json json = core::parse_json(text, where);
  const core::Json defaults = settings::to_json(S());
  S::members([&](const auto& one) {
    const std::string key(one.key);
    if (!json.is_object()) return;
    if (!one.silent)
      json.emplace(key, defaults.at(key));
    else if (json.contains(key) && json.at(key) == core::Json::parse(settings::canonical(S().*one.at).text()))
      json.erase(key);
  });
  return settings::from_json<S>(json, where);
}

}  // namespace resolute::python
