#include "cli/described_options.h"

#include <charconv>

#include "core/error.h"

namespace resolute::cli {
namespace {

template <class Number>
Number parse_number(const std::string& text, const std::string& option, std::string_view needed) {
  Number value{};
  const auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || stop != text.data() + text.size())
    throw core::input_error(fmt::format("option --{} has the value '{}'", option, text),
                            fmt::format("{} is needed", needed));
  return value;
}

}  // namespace

std::string option_of(std::string_view key) {
  std::string option(key);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

int parse_integer(const std::string& text, const std::string& option) {
  return parse_number<int>(text, option, "an integer");
}

double parse_real(const std::string& text, const std::string& option) {
  return parse_number<double>(text, option, "a number");
}

}  // namespace resolute::cli
