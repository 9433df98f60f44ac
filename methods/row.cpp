#include "methods/row.h"

#include <algorithm>
#include <utility>

namespace resolute::methods {
namespace {

template <std::size_t... Index>
std::vector<MethodOptions> each_of(std::index_sequence<Index...>) {
  return {std::variant_alternative_t<Index, MethodOptions>{}...};
}

}  // namespace

Row row(const MethodOptions& options) {
  return std::visit([](const auto& chosen) { return row_of(chosen); }, options);
}

Tells tells(const MethodOptions& options) { return row(options).tells; }

std::string method_name(const MethodOptions& options) {
  return std::visit([](const auto& chosen) { return std::decay_t<decltype(chosen)>::kMethod; }, options);
}

const std::vector<MethodOptions>& all_methods() {
  static const std::vector<MethodOptions> all = [] {
    std::vector<MethodOptions> methods = each_of(std::make_index_sequence<std::variant_size_v<MethodOptions>>());
    std::sort(methods.begin(), methods.end(),
              [](const MethodOptions& a, const MethodOptions& b) { return method_name(a) < method_name(b); });
    return methods;
  }();
  return all;
}

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const MethodOptions& method : all_methods()) found.push_back(method_name(method));
    return found;
  }();
  return names;
}

std::vector<int> copy_rates(const Needs& needs, const settings::Recipe& recipe) {
  return needs.copies ? recipe.train_rates : std::vector<int>{};
}

}  // namespace resolute::methods
