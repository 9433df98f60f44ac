#include "results/verdicts/numeric_classes.h"

#include <fmt/ranges.h>

#include "results/verdicts/reproduction.h"
#include "settings/names.h"

namespace resolute::results {

std::string counts_text(const std::map<std::string, int>& counts, const char* kind) {
  if (counts.size() < 2) return "";
  std::vector<int> each;
  std::vector<std::string> classes;
  for (const auto& [numeric_class, count] : counts) {
    classes.push_back(numeric_class);
    each.push_back(count);
  }
  return fmt::format("{} {} ran in {}", fmt::join(each, " and "), kind, classes_text(classes));
}

std::string classes_text(const std::vector<std::string>& classes) {
  constexpr std::size_t kMostNamed = 3;
  return fmt::format("{} numeric classes, which differ in {}", classes.size(),
                     settings::first_names(class_differences(classes), kMostNamed));
}

std::vector<std::string> NumericClasses::footnotes() const {
  const std::string trainings = counts_text(trainings_, "trainings"),
                    evaluations = counts_text(evaluations_, "evaluations");
  if (trainings.empty() && evaluations.empty()) return {};
  return {trainings + (trainings.empty() || evaluations.empty() ? "" : "; ") + evaluations};
}

}  // namespace resolute::results
