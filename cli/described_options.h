#pragma once
//! \file
//! Options of a command that follow from settings' descriptions (settings/member.h): --lr-side from
//! SplitSettings::lr_side, with its help and its default.

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "core/error.h"
#include "core/numbers.h"
#include "settings/member.h"

namespace resolute::cli {

//! "lr_side" → "lr-side"
inline std::string option_of(std::string_view key) {
  std::string option(key);
  std::ranges::replace(option, '_', '-');
  return option;
}

//! \throws RuntimeError (kInput), naming the option, for a text that is no such number
template <class Number>
Number parse_number(const std::string& text, const std::string& option) {
  if (const auto value = core::number_of<Number>(text)) return *value;
  throw core::input_error(fmt::format("option --{} has the value '{}'", option, text),
                          std::is_integral_v<Number> ? "an integer is needed" : "a number is needed");
}

//! The value of an option that is a word of a closed set. parse_options() writes it into `member`, which outlives it.
template <settings::Choice T>
auto word(const char* option, T& member) {
  return boost::program_options::value<std::string>()->notifier([option, &member](const std::string& text) {
    member = settings::parse_word<T>(text, fmt::format("option --{}", option));
  });
}

//! Adds an option for each member that is a plain value, but for those left out. Which are given,
//! variables_map::count() tells. \param defaults that the help names
template <settings::Settings S>
void add_described(boost::program_options::options_description& visible, const S& defaults,
                   std::initializer_list<std::string_view> left_out = {}) {
  S::members([&](const auto& one) {
    using T = typename std::decay_t<decltype(one)>::Type;
    if (std::ranges::find(left_out, one.key) != left_out.end()) return;
    std::string help(one.help), usual;
    if constexpr (settings::Choice<T>) {
      help += fmt::format(": {}", fmt::join(settings::word_list<T>(), ", "));
      usual = settings::word(defaults.*one.at);
    } else if constexpr (std::is_same_v<T, std::vector<int>>) {
      usual = fmt::format("{}", fmt::join(defaults.*one.at, ","));
    } else if constexpr (std::is_arithmetic_v<T>) {
      usual = fmt::format("{}", defaults.*one.at);
    } else {
      return;
    }
    visible.add_options()(option_of(one.key).c_str(), boost::program_options::value<std::string>(),
                          fmt::format("{} (default: {})", help, usual).c_str());
  });
}

//! Reads those that were given. \throws RuntimeError (kInput), naming the option; ranges: naming_options_of()
template <settings::Settings S>
void read_described(const boost::program_options::variables_map& values, S& settings) {
  S::members([&](const auto& one) {
    using T = typename std::decay_t<decltype(one)>::Type;
    const std::string option = option_of(one.key);
    if (values.count(option) == 0) return;
    auto& value = settings.*one.at;
    const std::string text = required_value(values, option);
    if constexpr (settings::Choice<T>)
      value = settings::parse_word<T>(text, "option --" + option);
    else if constexpr (std::is_same_v<T, std::vector<int>>)
      value = parse_integer_list(text, option);
    else if constexpr (std::is_same_v<T, std::uint64_t>)
      value = parse_seed(values, option);
    else if constexpr (std::is_same_v<T, int> || std::is_same_v<T, double>)
      value = parse_number<T>(text, option);
  });
}

//! Calls `what`, in which members of S are found out of range. \throws RuntimeError (kInput), naming the option
template <settings::Settings S, class What>
void naming_options_of(What what) {
  try {
    what();
  } catch (const settings::MemberError& error) {
    std::string option;
    S::members([&](const auto& one) {
      if (error.key() == one.key || error.key() == one.suite_key) option = option_of(one.key);
    });
    if (option.empty()) throw;
    throw error.about(fmt::format("option --{}", option));
  }
}

}  // namespace resolute::cli
