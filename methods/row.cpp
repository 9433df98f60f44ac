#include "methods/row.h"

#include <algorithm>
#include <map>

namespace resolute::methods {
Row row(const MethodOptions& options) {
  return std::visit([](const auto& chosen) { return row_of(chosen); }, options);
}

Tells tells(const MethodOptions& options) { return row(options).tells; }

const Distance* find_distance(const Tells& tells, std::string_view name) {
  const auto found = std::find_if(tells.distances.begin(), tells.distances.end(),
                                  [&](const Distance& distance) { return distance.name == name; });
  return found == tells.distances.end() ? nullptr : &*found;
}

GalleryLooks gallery_looks(const Tells& tells, const Distance& distance) {
  GalleryLooks looks;
  for (const std::size_t branch : distance.branches)
    (tells.branches.at(branch).gallery_copy ? looks.copies : looks.originals) = true;
  return looks;
}

std::vector<std::string> deviations(const MethodOptions& options) {
  std::vector<std::string> found;
  std::visit(
      [&]<class Options>(const Options& chosen) {
        const Section<Options> section = section_of(chosen);
        Section<Options>::members([&](const auto& one) {
          if (one.deviates != nullptr && one.deviates(section))
            found.push_back(fmt::format("{}.{} = {} (paper: {})", Options::kMethod, one.key,
                                        settings::canonical(section.*one.at).text(), one.paper));
        });
      },
      options);
  return found;
}

std::string method_name(const MethodOptions& options) {
  return std::visit([](const auto& chosen) { return std::decay_t<decltype(chosen)>::kMethod; }, options);
}

const std::vector<MethodOptions>& all_methods() {
  static const std::vector<MethodOptions> all = [] {
    std::map<std::string, MethodOptions> by_name;
    for_each_method([&]<class Options>() { by_name.emplace(Options::kMethod, Options()); });
    std::vector<MethodOptions> methods;
    for (const auto& [name, options] : by_name) methods.push_back(options);
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

const std::string& method_list() {
  static const std::string list = fmt::format("{}", fmt::join(method_names(), ", "));
  return list;
}

bool reads_originals(const Needs& needs, settings::TrainPool pool) {
  return needs.originals == Originals::kAll ||
         (needs.originals == Originals::kOfPool && pool == settings::TrainPool::kMlrWithOriginals);
}

std::vector<int> copy_rates(const Needs& needs, const settings::Recipe& recipe) {
  return needs.copies ? recipe.train_rates : std::vector<int>{};
}

}  // namespace resolute::methods
