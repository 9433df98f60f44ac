#include "orchestrator/store/durations.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>

#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/overloaded.h"

namespace resolute::orchestrator {
namespace {

constexpr std::uint64_t kReadAtMost = std::uint64_t{64} << 20;
constexpr std::size_t kRemembered = 256;  // of a class: more tell the median nothing new
constexpr std::string_view kDurationsSuffix = ".jsonl";
constexpr double kLongestDuration = 1e14;  // milliseconds, 3,000 years: so far a line in the store is believed

constexpr std::size_t kCompared = 32;  // classes

// Milliseconds an image takes a slot to train on or embed; shards and seals a whole. Only their order matters.
constexpr double kTrainingImage = 20;
constexpr double kEvaluation = 30'000;
constexpr double kShard = 20'000;
constexpr double kSeal = 1'000;

fs::path durations_folder(const experiments::StoreLayout& store) { return store.root() / "durations"; }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The part of a job that decides how fast it goes.
struct Speed {
  experiments::JobSpecification job;
  std::optional<experiments::TrainingSpecification> trained;  //!< of an evaluation: its network's
  int ranks = 1;
  bool operator==(const Speed&) const = default;
};

experiments::TrainingSpecification without_amount(experiments::TrainingSpecification training) {
  training.recipe.steps = 1;
  training.recipe.milestones.clear();
  training.seed = 0;
  training.split.seed = 0;
  training.start_from.reset();
  training.joined.clear();
  return training;
}

Speed speed_of(const experiments::PlannedJob& job, const experiments::TrainingSpecification* trained) {
  Speed speed{job.specification, std::nullopt, job.slots};
  std::visit(
      core::Overloaded{
          [](experiments::ShardSpecification& shard) { shard.shard = 0; }, [](experiments::SealSpecification&) {},
          [](experiments::TrainingSpecification& training) { training = without_amount(std::move(training)); },
          [&](experiments::EvaluationSpecification& evaluation) {
            evaluation.split.seed = 0;
            evaluation.training.hex.clear();
            if (trained != nullptr) speed.trained = without_amount(*trained);
          }},
      speed.job);
  return speed;
}

std::string class_of(const Speed& speed) {
  core::Json key = {{"specification", experiments::to_json(speed.job)}, {"ranks", speed.ranks}};
  if (speed.trained) key["trained"] = experiments::to_json(experiments::JobSpecification(*speed.trained));
  return core::sha256_hex(core::canonical_json(key)).substr(0, 16);
}

double prior_of(const experiments::PlannedJob& job) {
  return std::visit(
      core::Overloaded{
          [](const experiments::ShardSpecification& shard) { return kShard / std::max(1, shard.pack.shards); },
          [](const experiments::SealSpecification&) { return kSeal; },
          [&](const experiments::TrainingSpecification& training) {
            const auto& recipe = training.recipe;
            return kTrainingImage * recipe.steps * recipe.identities * recipe.images / job.slots;
          },
          [](const experiments::EvaluationSpecification&) { return kEvaluation; }},
      job.specification);
}

double work_of(const experiments::PlannedJob& job) {
  const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification);
  return training != nullptr ? std::max(1, training->recipe.steps) : 1;
}

std::optional<MeasuredDuration> parse_line(std::string_view line) {
  const core::Json json = core::Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  MeasuredDuration duration;
  auto number = [&](const char* key, double& value) {
    auto found = json.find(key);
    if (found == json.end() || !found->is_number()) return false;
    value = found->get<double>();
    return std::isfinite(value) && value >= 0;
  };
  auto name = json.find("class");
  if (name == json.end() || !name->is_string()) return std::nullopt;
  duration.class_name = name->get<std::string>();
  if (!number("work", duration.work) || !number("ms", duration.milliseconds) || duration.work <= 0) return std::nullopt;
  number("checkpoint_ms", duration.checkpoint_ms);
  number("peak_mib", duration.peak_mib);
  number("processors", duration.processors);
  return duration;
}

}  // namespace

std::vector<Workload> workloads_of(const experiments::Plan& plan) {
  std::unordered_map<std::string_view, const experiments::TrainingSpecification*> trainings;
  std::vector<Workload> workloads;
  // Most jobs go as fast as one of the last before them: comparing is a hundred times as quick as hashing.
  std::deque<std::pair<Speed, std::string>> latest;
  for (const auto& job : plan.jobs) {
    const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification);
    if (training != nullptr) trainings[job.id.hex] = training;
    const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification);
    auto trained = evaluation != nullptr ? trainings.find(evaluation->training.hex) : trainings.end();
    Speed speed = speed_of(job, trained == trainings.end() ? nullptr : trained->second);
    auto same = std::ranges::find_if(latest, [&](const auto& known) { return known.first == speed; });
    if (same == latest.end()) {
      std::string name = class_of(speed);
      latest.emplace_front(std::move(speed), std::move(name));
      if (latest.size() > kCompared) latest.pop_back();
      same = latest.begin();
    }
    workloads.push_back({same->second, work_of(job), prior_of(job)});
  }
  return workloads;
}

void append_durations(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& run,
                      std::span<const MeasuredDuration> durations) {
  if (durations.empty()) return;
  std::string text;
  for (const MeasuredDuration& duration : durations)
    text += core::canonical_json({{"class", duration.class_name},
                                  {"work", duration.work},
                                  {"ms", duration.milliseconds},
                                  {"checkpoint_ms", duration.checkpoint_ms},
                                  {"peak_mib", duration.peak_mib},
                                  {"processors", duration.processors}}) +
            "\n";
  if (!files.exists(store.root())) return;  // removed beneath the run: it is not made anew
  files.create_directories(durations_folder(store));
  auto file =
      files.open_for_write(durations_folder(store) / (run + std::string(kDurationsSuffix)), core::OpenMode::kAppend);
  file->write(core::as_byte_span(text));
  file->close();
}

Durations Durations::read(core::FileSystem& files, const experiments::StoreLayout& store) {
  const fs::path folder = durations_folder(store);
  std::vector<std::pair<fs::file_time_type, fs::path>> newest;
  Durations durations;
  try {
    for (const std::string& name : files.list(folder)) {
      if (!name.ends_with(kDurationsSuffix)) continue;
      std::error_code error;
      const auto time = fs::last_write_time(folder / name, error);
      if (!error) newest.emplace_back(time, folder / name);
    }
  } catch (const core::RuntimeError& error) {
    core::log_warning("durations of earlier runs are left out: {}", error.what());
  }
  std::sort(newest.rbegin(), newest.rend());
  std::uint64_t left = kReadAtMost;
  for (const auto& [time, path] : newest) {
    if (left == 0) break;
    try {
      left -= durations.add_end_of(*files.open_for_read(path), left);
    } catch (const core::RuntimeError& error) {
      core::log_warning("durations of earlier runs are left out: {}", error.what());
    }
  }
  for (auto& [name, known] : durations.by_class_) learn(known);
  return durations;
}

std::uint64_t Durations::add_end_of(core::ReadableFile& file, std::uint64_t limit) {
  core::Bytes bytes(std::min(file.size(), limit));
  file.read_at(file.size() - bytes.size(), bytes);
  const std::string_view text = core::as_text(bytes);
  // The newest lines stand last.
  for (std::size_t end = text.rfind('\n'); end != std::string_view::npos && end > 0;) {
    const std::size_t before = text.rfind('\n', end - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    add_older(text.substr(begin, end - begin));
    end = before;
  }
  return bytes.size();
}

void Durations::add_older(std::string_view line) {
  // Most lines of a large store are of classes that are known well enough: those are not even parsed.
  constexpr std::string_view kKey = R"("class":")";
  const std::size_t key = line.find(kKey);
  if (key == std::string_view::npos) return;
  const std::size_t begin = key + kKey.size();
  const auto known = by_class_.find(line.substr(begin, std::min(line.find('"', begin), line.size()) - begin));
  if (known != by_class_.end() && known->second.lives.size() >= kRemembered) return;
  if (auto duration = parse_line(line)) by_class_[duration->class_name].lives.push_front(std::move(*duration));
}

void Durations::add(const MeasuredDuration& duration) {
  if (duration.work <= 0) return;
  Class& known = by_class_[duration.class_name];
  known.lives.push_back(duration);
  if (known.lives.size() > kRemembered) known.lives.pop_front();
  learn(known);
}

void Durations::learn(Class& known) {
  std::vector<double> rates;
  std::vector<double> checkpoints;
  for (const MeasuredDuration& life : known.lives) {
    rates.push_back(life.milliseconds / life.work);
    if (life.checkpoint_ms > 0) checkpoints.push_back(life.checkpoint_ms);
  }
  known.rate = median(std::move(rates));
  known.checkpoint_ms = median(std::move(checkpoints));
}

Durations::Expected Durations::expected(const Workload& workload) const {
  const auto known = by_class_.find(workload.class_name);
  if (known == by_class_.end()) return {workload.prior_ms, 0, false};
  Expected expected{std::min(known->second.rate * workload.work, kLongestDuration), known->second.checkpoint_ms, true};
  if (expected.checkpoint_ms == 0) expected.checkpoint_ms = expected.milliseconds;
  expected.checkpoint_ms = std::min(expected.checkpoint_ms, expected.milliseconds);
  return expected;
}

Durations::Taken Durations::taken(const Workload& workload) const {
  Taken taken;
  const auto known = by_class_.find(workload.class_name);
  if (known == by_class_.end()) return taken;
  for (const MeasuredDuration& life : known->second.lives) {
    if (life.peak_mib == 0) continue;
    ++taken.lives;
    taken.peak_mib = std::max(taken.peak_mib, life.peak_mib);
    taken.processors = std::max(taken.processors, life.processors);
  }
  return taken;
}

std::vector<KindTaken> taken_by_kind(const experiments::Plan& plan, const Durations& durations) {
  std::vector<KindTaken> kinds;
  std::set<std::string> counted;  // classes
  const std::vector<Workload> workloads = workloads_of(plan);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const std::string name = experiments::kind_name(plan.jobs[i].specification);
    auto kind = std::ranges::find_if(kinds, [&](const auto& one) { return one.kind == name; });
    if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {name});
    ++kind->jobs;
    const Durations::Taken taken = durations.taken(workloads[i]);
    if (taken.lives == 0) continue;
    ++kind->known;
    kind->taken.peak_mib = std::max(kind->taken.peak_mib, taken.peak_mib);
    kind->taken.processors = std::max(kind->taken.processors, taken.processors);
    if (counted.insert(workloads[i].class_name).second) kind->taken.lives += taken.lives;
  }
  return kinds;
}

std::vector<ExpectedPath> expected_paths(const experiments::Plan& plan, const Durations& durations) {
  std::vector<Workload> workloads = workloads_of(plan);
  std::unordered_map<std::string_view, std::size_t> positions;
  std::vector<ExpectedPath> paths(plan.jobs.size());
  // A job stands after what it needs: from the last to the first, every path that a job begins is known.
  std::vector<std::int64_t> longest_after(plan.jobs.size(), 0);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) positions[plan.jobs[i].id.hex] = i;
  for (std::size_t i = plan.jobs.size(); i-- > 0;) {
    const Durations::Expected expected = durations.expected(workloads[i]);
    // A job that is known to be short is still a job: 0 would say that nothing is known.
    paths[i].expected_ms = std::max<std::int64_t>(1, std::llround(std::min(expected.milliseconds, kLongestDuration)));
    paths[i].checkpoint_ms = std::llround(std::min(expected.checkpoint_ms, kLongestDuration));
    paths[i].learned = expected.learned;
    paths[i].path_ms = std::min<std::int64_t>(paths[i].expected_ms + longest_after[i], std::llround(kLongestDuration));
    paths[i].workload = std::move(workloads[i]);
    for (const experiments::JobId& need : plan.jobs[i].after)
      if (auto found = positions.find(need.hex); found != positions.end())
        longest_after[found->second] = std::max(longest_after[found->second], paths[i].path_ms);
  }
  return paths;
}

}  // namespace resolute::orchestrator
