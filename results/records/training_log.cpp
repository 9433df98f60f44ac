#include "results/records/training_log.h"

#include <algorithm>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "experiments/store/job_folder.h"

namespace resolute::results {
namespace {

using experiments::JobId;
using experiments::StoreLayout;

// The difference of one step, or nothing where the two agree in all that both have.
std::optional<StepDifference> difference(const LoggedStep& one, const LoggedStep& other, std::uint64_t step,
                                         const std::vector<std::string>& names) {
  StepDifference found{step, one.gradients && other.gradients, {}, {}};
  bool differs = differ(one, other);
  if (found.located) {
    for (std::size_t lane = 0; lane < one.gradients->lanes.size(); ++lane)
      if (one.gradients->lanes[lane] != other.gradients->lanes[lane]) found.lanes.push_back(static_cast<int>(lane));
    for (std::size_t tensor = 0; tensor < names.size(); ++tensor)
      if (one.gradients->tensors[tensor] != other.gradients->tensors[tensor]) found.tensors.push_back(names[tensor]);
    differs = differs || !found.lanes.empty() || !found.tensors.empty();
  }
  if (!differs) return std::nullopt;
  return found;
}

bool comparable(const LoggedStep& one, const LoggedStep& other) {
  return (!one.digest.empty() && !other.digest.empty()) || (!one.numbers.empty() && !other.numbers.empty()) ||
         (one.gradients && other.gradients);
}

// One attempt's steps. A file that is damaged is worth a warning and no more.
std::map<std::uint64_t, LoggedStep> read_attempt(core::FileSystem& files, const StoreLayout& store, const JobId& job,
                                                 int attempt, TrainingLog& log) {
  std::map<std::uint64_t, LoggedStep> steps;
  const auto file = [&](const char* name) { return store.attempt_file(job, attempt, name); };
  try {
    const auto path = file(kStepLogName);
    if (files.exists(path)) steps = parse_logged_steps(core::as_text(files.read(path)), path.string(), attempt);
  } catch (const core::RuntimeError& error) {
    log.warnings.push_back(fmt::format("{}; its steps are not compared", error.what()));
  }
  try {
    const auto path = file(kGradientLogName);
    if (!files.exists(path)) return steps;
    GradientLog gradients = read_gradient_log(files, path);
    if (gradients.lanes == 0) return steps;
    if (gradients.lanes != log.lanes || gradients.tensors != log.tensors) {
      if (log.lanes != 0)
        log.warnings.push_back(
            fmt::format("'{}' names other lanes or tensors than the attempts before; those are compared by step alone",
                        path.string()));
      for (auto& [_, step] : log.steps) step.gradients.reset();
      log.lanes = gradients.lanes;
      log.tensors = gradients.tensors;
    }
    for (StepGradients& step : gradients.steps) {
      LoggedStep& logged = steps[step.step];
      logged.attempt = attempt;
      logged.gradients = std::move(step);
    }
  } catch (const core::RuntimeError& error) {
    log.warnings.push_back(fmt::format("{}; its lanes and tensors are not compared", error.what()));
  }
  return steps;
}

}  // namespace

void for_each_logged_step(std::string_view text, const std::string& where,
                          const std::function<void(std::uint64_t, const core::Json&)>& take) {
  std::size_t number = 0;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const core::Json line = core::parse_json(text.substr(0, end), fmt::format("'{}', line {}", where, ++number));
    text.remove_prefix(end + 1);
    if (!line.is_object()) throw core::input_error(fmt::format("'{}', line {}: an object is needed", where, number));
    const auto step = line.find("step");
    if (step != line.end() && step->is_number_unsigned()) take(step->get<std::uint64_t>(), line);
  }
}

std::map<std::uint64_t, LoggedStep> parse_logged_steps(std::string_view text, const std::string& where, int attempt) {
  std::map<std::uint64_t, LoggedStep> steps;
  for_each_logged_step(text, where, [&](std::uint64_t step, const core::Json& line) {
    LoggedStep logged{attempt, ""};
    const auto digest = line.find("gradients"), norms = line.find("gradient_norms");
    if (digest != line.end() && digest->is_string()) logged.digest = digest->get<std::string>();
    if (norms != line.end()) logged.numbers = core::canonical_json({line.value("losses", core::Json()), *norms});
    if (!logged.digest.empty() || !logged.numbers.empty()) steps[step] = std::move(logged);
  });
  return steps;
}

bool differ(const LoggedStep& one, const LoggedStep& other) {
  const auto unlike = [](const std::string& a, const std::string& b) { return !a.empty() && !b.empty() && a != b; };
  return one.digest.empty() || other.digest.empty() ? unlike(one.numbers, other.numbers) : one.digest != other.digest;
}

TrainingLog read_training_log(core::FileSystem& files, const StoreLayout& store, const JobId& job) {
  TrainingLog log;
  for (int attempt : experiments::stored_attempts(files, store.job_folder(job))) {
    auto steps = read_attempt(files, store, job, attempt, log);
    std::map<int, StepDifference> first;  // by the earlier attempt
    for (const auto& [step, logged] : steps) {
      const auto before = log.steps.find(step);
      if (before == log.steps.end()) continue;
      if (auto found = difference(before->second, logged, step, log.tensors))
        first.try_emplace(before->second.attempt, std::move(*found));
    }
    for (auto& [earlier, found] : first) log.disagreements.push_back({earlier, attempt, std::move(found)});
    for (auto& [step, logged] : steps) log.steps[step] = std::move(logged);
  }
  return log;
}

std::string digest_of_steps(const TrainingLog& log, std::uint64_t last_step) {
  std::string text;
  for (const auto& [step, logged] : log.steps)
    if (step <= last_step) text += fmt::format("{} {}\n", step, logged.digest.empty() ? logged.numbers : logged.digest);
  return core::sha256_hex(text);
}

LogComparison compare_logs(const TrainingLog& recorded, const TrainingLog& again, std::uint64_t last_step) {
  const bool same_names = recorded.lanes == again.lanes && recorded.tensors == again.tensors;
  LogComparison comparison;
  for (const auto& [step, logged] : recorded.steps) {
    if (step > last_step) break;
    const auto found = again.steps.find(step);
    if (found == again.steps.end()) continue;
    LoggedStep one = logged;
    LoggedStep other = found->second;
    if (!same_names) one.gradients.reset();
    if (!comparable(one, other)) continue;
    ++comparison.compared;
    comparison.difference = difference(one, other, step, recorded.tensors);
    if (comparison.difference) break;
  }
  return comparison;
}

std::optional<double> best_rank1_on_the_way(core::FileSystem& files, const StoreLayout& store, const JobId& job) {
  std::map<std::uint64_t, double> steps;
  for (const int attempt : experiments::stored_attempts(files, store.job_folder(job))) {
    const auto path = store.attempt_file(job, attempt, kEvaluationLogName);
    if (!files.exists(path)) continue;
    const core::Bytes bytes = files.read(path);
    try {
      for_each_logged_step(core::as_text(bytes), path.string(), [&](std::uint64_t step, const core::Json& line) {
        const auto metrics = line.find("metrics");
        if (metrics == line.end() || !metrics->is_object() || !metrics->contains("rank1")) return;
        if (const core::Json& rank1 = metrics->at("rank1"); rank1.is_number()) steps[step] = rank1.get<double>();
      });
    } catch (const core::RuntimeError&) {
      // The lines before it stand; the report warns of the file (exports/logged_numbers.h).
    }
  }
  const auto best = std::ranges::max_element(steps, [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == steps.end() ? std::nullopt : std::optional(best->second);
}

}  // namespace resolute::results
