#include "cli/described_options.h"

#include "core/error.h"
#include "core/numbers.h"

namespace resolute::cli {
namespace {

template <class Number>
Number parse_number(const std::string& text, const std::string& option, std::string_view needed) {
  if (const auto value = core::number_of<Number>(text)) return *value;
  throw core::input_error(fmt::format("option --{} has the value '{}'", option, text),
                          fmt::format("{} is needed", needed));
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
