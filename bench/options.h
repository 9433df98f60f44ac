#pragma once
//! \file
//! The arguments of a benchmark program.

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"

namespace resolute {

//! Where an option's value goes; one without a value sets a flag.
using OptionPlace = std::variant<bool*, int*, std::string*>;

//! Puts the values of options, `--name VALUE`, into their places and what else there is into `words`, in order.
//! \throws RuntimeError (kInput) for an option that has no place, or a word too many
inline void read_options(int argc, char** argv, const std::map<std::string_view, OptionPlace>& options,
                         const std::vector<std::string*>& words = {}) {
  auto word = words.begin();
  for (int i = 1; i < argc; ++i) {
    const auto option = options.find(argv[i]);
    if (option != options.end() && std::holds_alternative<bool*>(option->second))
      *std::get<bool*>(option->second) = true;
    else if (option != options.end() && i + 1 < argc && std::holds_alternative<int*>(option->second))
      *std::get<int*>(option->second) = std::stoi(argv[++i]);
    else if (option != options.end() && i + 1 < argc)
      *std::get<std::string*>(option->second) = argv[++i];
    else if (word != words.end())
      **word++ = argv[i];
    else
      throw core::input_error(fmt::format("unknown option '{}'", argv[i]));
  }
}

}  // namespace resolute
