#pragma once
//! \file
//! `--notify COMMAND|ADDRESS` of `suite run` and `suite submit`, and the site file's key of that name.

#include <boost/program_options.hpp>
#include <optional>
#include <string>

#include "core/process/process.h"
#include "experiments/site.h"
#include "operations/notices/notice.h"

namespace resolute::cli {

inline constexpr const char* kNotifyHelp =
    "who hears once when the suite ends or needs a person: a command of sh, with RESOLUTE_STATE and others in its "
    "environment, or an address of mail";

//! The words that were typed, else the site file's, without_secret(). \throws RuntimeError (kInput) naming option or
//! FILE:LINE:COLUMN
inline std::optional<std::string> notify_of(const boost::program_options::variables_map& values,
                                            const experiments::Site& site) {
  const bool typed = values.count("notify") > 0;
  if (!typed && !site.notify) return std::nullopt;
  const std::string whom = typed ? values["notify"].as<std::string>() : *site.notify;
  operations::validate_notify(whom, typed ? "--notify" : site.places.at("environment.notify") + ": notify");
  return operations::without_secret(whom, core::current_environment());
}

}  // namespace resolute::cli
