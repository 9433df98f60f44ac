#include "orchestrator/look/explain.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "experiments/store/stored_specification.h"
#include "orchestrator/decisions/decide.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/look/event_text.h"
#include "orchestrator/look/status.h"

namespace resolute::orchestrator {
namespace {

constexpr std::size_t kMostNeedsNamed = 3;

std::vector<KnownRun> read_pasts(core::FileSystem& files, const experiments::StoreLayout& store,
                                 const std::optional<std::string>& suite) {
  std::vector<std::string> names = suite ? run_names(files, store, *suite) : files.list(store.root() / "suites");
  std::sort(names.begin(), names.end());
  std::vector<KnownRun> pasts = read_runs(files, store, names);
  if (pasts.empty())
    throw core::input_error(suite ? fmt::format("suite '{}' has no journal", *suite)
                                  : fmt::format("store '{}' has no journal", store.root().string()),
                            {}, "run a suite first: `resolute suite run`");
  return pasts;
}

// The one job that begins with `digits`: jobs wait in journals before they have a folder, and `resolute train` leaves
// folders that no journal knows.
experiments::JobId only_job(core::FileSystem& files, const experiments::StoreLayout& store,
                            const std::vector<KnownRun>& pasts, const std::string& digits) {
  std::set<std::string> found;
  for (const KnownRun& past : pasts)
    for (auto it = past.state.numbers.lower_bound(digits);
         it != past.state.numbers.end() && it->first.starts_with(digits); ++it)
      found.insert(it->first);
  if (found.empty() && digits.size() >= 2) found = experiments::stored_ids(files, store, digits);
  return experiments::only_id(
      found, digits,
      core::input_error(
          fmt::format("no job '{}' in the journals of store '{}'", digits, store.root().string()), {},
          "'resolute suite plan SUITE.toml --json' tells the ids of a suite's jobs; a job is known once a run has "
          "begun"));
}

// \param first_epoch whose journal is still there
std::vector<StoryLine> lines_of(core::FileSystem& files, const std::filesystem::path& folder, std::int64_t first_epoch,
                                const State& state, JobNumber job) {
  std::vector<StoryLine> lines;
  EventWords words(state);
  // A run may go on in another epoch; only its first one has a RunStarted.
  bool planned = false;
  std::optional<StoryLine> start;
  scan_journals(files, folder, first_epoch, [&](const JournalHeader& header, JournalRecord& record) {
    words.learn(record.event);
    const bool starts = std::holds_alternative<RunStarted>(record.event);
    const bool about = job_number(record.event) == job;
    if (!starts && !about && !std::holds_alternative<RunEnded>(record.event)) return;
    std::string text = words.text_without_job(record.event);
    StoryLine line{header.epoch, record.sequence, record.at, std::move(record.event), std::move(text)};
    if (starts) {
      start = std::move(line);
      planned = false;
      return;
    }
    if (about && start) lines.push_back(*std::exchange(start, std::nullopt));
    planned = planned || about;
    if (planned) lines.push_back(std::move(line));
  });
  return lines;
}

std::string needs_text(const State& state, const Job& job) {
  std::string text;
  std::size_t unmet = 0;
  for (JobNumber need : job.after) {
    const Job& needed = job_of(state, need);
    if (std::holds_alternative<Succeeded>(needed.state)) continue;
    if (++unmet <= kMostNeedsNamed)
      text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", needed.id.hex.substr(0, 12), needed.label,
                          name_of(needed.state));
  }
  if (unmet > kMostNeedsNamed) text += fmt::format(" and {} more", unmet - kMostNeedsNamed);
  return text;
}

// Why the suite does nothing at the moment.
std::string rest_text(const State& state) {
  if (!state.end) return "the run that had it is gone";
  return fmt::format("the last run ended {}{}", name_of(*state.end), state.stop ? " (" + *state.stop + ")" : "");
}

std::string now_text(const KnownRun& past, JobNumber number, Instant now) {
  const Job& job = job_of(past.state, number);
  if (const auto* it = std::get_if<Succeeded>(&job.state))
    return it->attempt == 0 ? "its result was there before the last run"
                            : fmt::format("succeeded in attempt {}", it->attempt);
  if (const auto* it = std::get_if<Failed>(&job.state))
    return fmt::format("given up: {}: {}", name_of(it->cause), it->evidence);
  if (const auto* it = std::get_if<Cancelled>(&job.state)) return it->why;
  if (const auto* it = std::get_if<Running>(&job.state)) {
    if (!past.live)
      return fmt::format("attempt {} was running when its run fell silent: start the suite again", it->attempt);
    return fmt::format("attempt {} {}; placed at {}", it->attempt,
                       it->stopping  ? "is being stopped"
                       : it->started ? "runs"
                                     : "is being started",
                       time_text(it->placed_at));
  }
  if (!job.wanted) return "the last run's plan does not have it";
  if (past.live) {
    const std::string why = why_waiting(past.state, Policy{}, now, number);
    return why.empty() ? "about to be started" : why;
  }
  const std::string needs = needs_text(past.state, job);
  return fmt::format("{}; {}: start the suite again", needs.empty() ? "ready" : "needs results of " + needs,
                     rest_text(past.state));
}

}  // namespace

std::string time_text(Instant at) {
  const auto milliseconds = at.time_since_epoch().count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)),
                     milliseconds % 1000);
}

std::optional<JobNumber> job_number(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::optional<JobNumber> {
        if constexpr (requires { e.job; })
          return e.job;
        else
          return std::nullopt;
      },
      event);
}

Explanation explain(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                    const std::optional<std::string>& suite, Instant now) {
  const auto pasts = read_pasts(files, store, suite);
  Explanation explanation;
  explanation.job = only_job(files, store, pasts, job);
  explanation.has_result = has_result(files, store, explanation.job);
  for (const KnownRun& past : pasts) {
    const auto number = past.state.numbers.find(explanation.job.hex);
    if (number == past.state.numbers.end()) continue;
    const Job& known = job_of(past.state, number->second);
    JobStory story;
    story.suite = past.name;
    story.kind = known.kind;
    story.label = known.label;
    story.state = name_of(known.state);
    story.live = past.live;
    story.now = now_text(past, number->second, now);
    const auto folder = store.suite_folder(past.name);
    read_beside_a_run(files, folder, [&] {
      const auto epochs = journal_epochs(files, folder);
      story.first_epoch = epochs.empty() ? past.epoch + 1 : epochs.front();
      story.lines = lines_of(files, folder, story.first_epoch, past.state, number->second);
    });
    explanation.stories.push_back(std::move(story));
  }
  return explanation;
}

core::Json to_json(const Explanation& explanation) {
  core::Json suites = core::Json::array();
  for (const JobStory& story : explanation.stories) {
    core::Json events = core::Json::array();
    for (const StoryLine& line : story.lines)
      events.push_back({{"epoch", line.epoch},
                        {"sequence", line.sequence},
                        {"time", time_text(line.at)},
                        {"type", type_name(line.event)},
                        {"event", to_json(line.event)},
                        {"text", line.text}});
    suites.push_back({{"suite", story.suite},
                      {"kind", story.kind},
                      {"label", story.label},
                      {"state", story.state},
                      {"live", story.live},
                      {"now", story.now},
                      {"first_epoch", story.first_epoch},
                      {"events", events}});
  }
  return {{"job", explanation.job.hex}, {"has_result", explanation.has_result}, {"suites", suites}};
}

}  // namespace resolute::orchestrator
