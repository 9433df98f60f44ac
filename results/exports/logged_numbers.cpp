#include "results/exports/logged_numbers.h"

#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "experiments/store/job_folder.h"

namespace resolute::results {
namespace {

void add_numbers(const core::Json& object, const std::string& prefix, std::map<std::string, double>& to) {
  for (const auto& [name, value] : object.items())
    if (value.is_number())
      to[prefix + name] = value.get<double>();
    else if (value.is_object() && prefix.empty())
      add_numbers(value, name + "/", to);
}

// "metrics/mAP" of a line that tells of an evaluation as "evaluation/mAP"; of its other members the step says enough.
std::map<std::string, double> evaluation_values(const std::map<std::string, double>& values) {
  constexpr std::string_view kMetrics = "metrics/";
  std::map<std::string, double> named;
  for (const auto& [name, value] : values)
    if (name.starts_with(kMetrics)) named["evaluation/" + name.substr(kMetrics.size())] = value;
  return named;
}

}  // namespace

void parse_number_lines(std::string_view text, const std::string& where,
                        const std::function<void(std::uint64_t, std::map<std::string, double>)>& take) {
  for_each_logged_step(text, where, [&](std::uint64_t step, const core::Json& line) {
    std::map<std::string, double> values;
    add_numbers(line, "", values);
    values.erase("step");
    take(step, std::move(values));
  });
}

TrainingNumbers read_training_numbers(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const experiments::JobId& job) {
  using Steps = std::map<std::uint64_t, LoggedNumbers>;
  TrainingNumbers read;
  Steps evaluations;
  const auto add = [&](int attempt, const char* name, Steps& to, const auto& values_of) {
    const auto path = store.attempt_file(job, attempt, name);
    if (!files.exists(path)) return;
    const core::Bytes bytes = files.read(path);
    try {
      parse_number_lines(core::as_text(bytes), path.string(),
                         [&](std::uint64_t step, std::map<std::string, double> values) {
                           to[step] = {attempt, values_of(std::move(values))};
                         });
    } catch (const core::RuntimeError& error) {
      read.warnings.push_back(fmt::format("{}; that line and what follows it are left out", error.what()));
    }
  };
  for (const int attempt : experiments::stored_attempts(files, store.job_folder(job))) {
    add(attempt, kStepLogName, read.steps, [](auto values) { return values; });
    add(attempt, kEvaluationLogName, evaluations, [](const auto& values) { return evaluation_values(values); });
  }
  for (auto& [step, numbers] : evaluations) {
    LoggedNumbers& at = read.steps.try_emplace(step, LoggedNumbers{numbers.attempt, {}}).first->second;
    at.values.merge(numbers.values);
  }
  return read;
}

}  // namespace resolute::results
