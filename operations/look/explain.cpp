#include "operations/look/explain.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "experiments/store/job_folder.h"
#include "operations/look/event_text.h"
#include "orchestrator/decisions/decide.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/journal/epoch.h"

namespace resolute::operations {
namespace {

using orchestrator::Instant;
using orchestrator::Job;
using orchestrator::JobIndex;
using orchestrator::KnownRun;

constexpr std::size_t kMostNeedsNamed = 3;

// The runs of one suite, or of all.
std::vector<KnownRun> runs_of(core::FileSystem& files, const experiments::StoreLayout& store,
                              const std::optional<std::string>& suite) {
  std::vector<std::string> names =
      suite ? orchestrator::run_names(files, store, *suite) : orchestrator::run_names(files, store);
  std::ranges::sort(names);
  return orchestrator::read_runs(files, store, names);
}

std::vector<KnownRun> read_pasts(core::FileSystem& files, const experiments::StoreLayout& store,
                                 const std::optional<std::string>& suite) {
  std::vector<KnownRun> pasts = runs_of(files, store, suite);
  if (pasts.empty())
    throw core::input_error(suite ? fmt::format("suite '{}' has no journal", *suite)
                                  : fmt::format("store '{}' has no journal", store.root().string()),
                            {}, "run a suite first: `resolute suite run`");
  return pasts;
}

// The one job that begins with `digits`: jobs wait in journals before they have a folder, and `resolute train` leaves
// folders that no journal knows.
experiments::JobId only_job(core::FileSystem& files, const experiments::StoreLayout& store,
                            const std::vector<KnownRun>& pasts, const std::string& digits,
                            const std::optional<std::string>& suite) {
  std::set<std::string> found;
  for (const KnownRun& past : pasts)
    for (auto it = past.state.numbers.lower_bound(digits);
         it != past.state.numbers.end() && it->first.starts_with(digits); ++it)
      found.insert(it->first);
  if (found.empty() && !suite && digits.size() >= 2) found = experiments::stored_ids(files, store, digits);
  return experiments::only_id(
      found, digits,
      core::input_error(
          fmt::format("no job '{}' in the journals of {}", digits,
                      suite ? "suite '" + *suite + "'" : "store '" + store.root().string() + "'"),
          {},
          "'resolute suite plan SUITE.toml --json' lists the ids of a suite's jobs; a job is known once a run has "
          "begun"));
}

// \param first_epoch whose journal is still there
std::vector<StoryLine> lines_of(core::FileSystem& files, const std::filesystem::path& folder, std::int64_t first_epoch,
                                const orchestrator::State& state, JobIndex job) {
  std::vector<StoryLine> lines;
  EventWords words(state);
  const std::string& id = orchestrator::job_of(state, job).id.hex;
  // A run may go on in another epoch; only its first one has a RunStarted.
  bool planned = false;
  std::optional<StoryLine> start;
  orchestrator::scan_journals(
      files, folder, first_epoch, [&](const orchestrator::JournalHeader& header, orchestrator::JournalRecord& record) {
        words.learn(record.event);
        const bool starts = std::holds_alternative<orchestrator::RunStarted>(record.event);
        const bool about = words.is_about(record.event, id);
        if (!starts && !about && !std::holds_alternative<orchestrator::RunEnded>(record.event)) return;
        std::string text = words.text_without_job(record.event);
        if (const auto* kept = std::get_if<orchestrator::JobsKept>(&record.event))
          text = contains(kept->done, job) ? "is wanted as before and has its result already" : "is wanted as before";
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

std::string needs_text(const orchestrator::State& state, const Job& job) {
  std::string text;
  std::size_t unmet = 0;
  for (JobIndex need : job.after) {
    const Job& needed = orchestrator::job_of(state, need);
    if (std::holds_alternative<orchestrator::Succeeded>(needed.state)) continue;
    if (++unmet <= kMostNeedsNamed)
      text += fmt::format("{}{} {} ({})", text.empty() ? "" : ", ", experiments::short_id(needed.id), needed.label,
                          name_of(needed.state));
  }
  if (unmet > kMostNeedsNamed) text += fmt::format(" and {} more", unmet - kMostNeedsNamed);
  return text;
}

// Why the suite does nothing at the moment.
std::string rest_text(const orchestrator::State& state) {
  if (!state.end) return "the run that had it is gone";
  return fmt::format("the last run ended {}{}", name_of(*state.end), state.stop ? " (" + *state.stop + ")" : "");
}

std::string now_text(const KnownRun& past, JobIndex number, Instant now) {
  const Job& job = orchestrator::job_of(past.state, number);
  if (const auto* it = std::get_if<orchestrator::Succeeded>(&job.state))
    return it->attempt == 0 ? "its result was there before the last run"
                            : fmt::format("succeeded in attempt {}", it->attempt);
  if (const auto* it = std::get_if<orchestrator::Failed>(&job.state))
    return fmt::format("given up: {}: {}", name_of(it->cause), it->evidence);
  if (const auto* it = std::get_if<orchestrator::Cancelled>(&job.state)) return it->why;
  if (const auto* it = std::get_if<orchestrator::Running>(&job.state)) {
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
    const std::string why = orchestrator::why_waiting(past.state, orchestrator::Policy{}, now, number);
    return why.empty() ? "about to be started" : why;
  }
  const std::string needs = needs_text(past.state, job);
  return fmt::format("{}; {}: start the suite again", needs.empty() ? "ready" : "needs results of " + needs,
                     rest_text(past.state));
}

// The words of a label, without the quotes of its row.
std::vector<std::string> words_of_label(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream all(text);
  for (std::string word; all >> word;) {
    if (word.starts_with('\'')) word.erase(0, 1);
    if (word.ends_with('\'')) word.pop_back();
    words.push_back(std::move(word));
  }
  return words;
}

// How well a label fits what somebody typed; 0: not at all.
int fit_of(const std::string& label, const std::string& typed) {
  if (label == typed) return 3;
  if (label.find(fmt::format("'{}'", typed)) != std::string::npos) return 2;
  const auto words = words_of_label(label), wanted = words_of_label(typed);
  const bool all = std::ranges::all_of(
      wanted, [&](const std::string& word) { return std::ranges::find(words, word) != words.end(); });
  return all && !wanted.empty() ? 1 : 0;
}

// Attempts that ended with the job's result: their logs say nothing of a failure.
std::set<int> fruitful_attempts(const Explanation& explanation) {
  std::set<int> attempts;
  for (const JobStory& story : explanation.stories)
    for (const StoryLine& line : story.lines)
      if (const auto* done = std::get_if<orchestrator::JobSucceeded>(&line.event)) attempts.insert(done->attempt);
  return attempts;
}

// The rank that an attempt's end speaks of; 0 where it does not.
int rank_at_fault(const Explanation& explanation, int attempt) {
  int fault = 0;
  for (const JobStory& story : explanation.stories) {
    std::map<int, std::string> evidence;
    for (const StoryLine& line : story.lines) {
      if (const auto* exited = std::get_if<orchestrator::RankExited>(&line.event);
          exited != nullptr && exited->attempt == attempt)
        evidence[exited->process_rank] = exited->evidence;
      const auto* ended = std::get_if<orchestrator::AttemptEnded>(&line.event);
      if (ended == nullptr || ended->attempt != attempt) continue;
      for (const auto& [rank, text] : evidence)
        if (!text.empty() && ended->evidence.find(text) != std::string::npos) {
          fault = rank;
          break;
        }
    }
  }
  return fault;
}

void add_log(core::FileSystem& files, const experiments::StoreLayout& store, Explanation& explanation) {
  std::set<int> attempts = attempts_left(files, store, explanation.job);
  const std::set<int> fruitful = fruitful_attempts(explanation);
  for (const int attempt : fruitful) attempts.erase(attempt);
  // No journal says which attempt made the result.
  if (explanation.has_result && fruitful.empty()) return;
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    const auto logs = attempt_logs(files, store, explanation.job, *attempt);
    if (logs.empty()) continue;
    const int rank = rank_at_fault(explanation, *attempt);
    const auto at_fault = std::ranges::find_if(logs, [&](const auto& log) { return log.process_rank == rank; });
    explanation.log = at_fault == logs.end() ? logs.front() : *at_fault;
    explanation.last_lines = last_lines(files, explanation.log->path, kLastLines);
    return;
  }
}

}  // namespace

experiments::JobId find_explained_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const std::string& digits, const std::optional<std::string>& suite) {
  return only_job(files, store, read_pasts(files, store, suite), digits, suite);
}

std::vector<KnownJob> jobs_called(core::FileSystem& files, const experiments::StoreLayout& store,
                                  const std::string& words, const std::optional<std::string>& suite) {
  std::map<std::pair<std::string, std::string>, std::pair<int, std::set<std::string>>> fits;  // of label and id
  int best = 1;
  for (const KnownRun& past : read_pasts(files, store, suite))
    for (const Job& job : past.state.jobs)
      if (const int fit = fit_of(job.label, words); fit > 0) {
        auto& [known_fit, suites] = fits[{job.label, job.id.hex}];
        known_fit = fit;
        suites.insert(experiments::suite_of_run(past.name));
        best = std::max(best, fit);
      }
  std::vector<KnownJob> jobs;
  for (const auto& [job, known] : fits)
    if (known.first == best) jobs.push_back({{job.second}, job.first, {known.second.begin(), known.second.end()}});
  return jobs;
}

JobNow look_at_job(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                   const std::optional<std::string>& suite, Instant now) {
  JobNow seen;
  bool given_up = false, hoped_for = false;
  for (const KnownRun& past : runs_of(files, store, suite)) {
    const auto number = past.state.numbers.find(job.hex);
    if (number == past.state.numbers.end()) continue;
    const Job& known = orchestrator::job_of(past.state, number->second);
    const bool over = orchestrator::ended_badly(known);
    given_up = given_up || over;
    hoped_for = hoped_for || (!over && known.wanted);
    seen.live = seen.live || (past.live && !over);
    // If several know it, the one that works on it counts.
    if (seen.text.empty() || (past.live && !over)) seen.text = now_text(past, number->second, now);
  }
  seen.settled = orchestrator::has_result(files, store, job) || (given_up && !hoped_for);
  return seen;
}

std::string time_text(Instant at) {
  const auto milliseconds = at.time_since_epoch().count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(milliseconds / 1000)),
                     milliseconds % 1000);
}

std::optional<JobIndex> job_number(const orchestrator::Event& event) {
  return std::visit(
      [](const auto& e) -> std::optional<JobIndex> {
        if constexpr (requires { e.job; })
          return e.job;
        else
          return std::nullopt;
      },
      event);
}

Explanation explain(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                    const std::optional<std::string>& suite, Instant now, const orchestrator::RecordCheck& check) {
  const auto pasts = read_pasts(files, store, suite);
  Explanation explanation;
  explanation.job = only_job(files, store, pasts, job, suite);
  explanation.has_result = orchestrator::has_result(files, store, explanation.job, check);
  for (const KnownRun& past : pasts) {
    const auto number = past.state.numbers.find(explanation.job.hex);
    if (number == past.state.numbers.end()) continue;
    const Job& known = orchestrator::job_of(past.state, number->second);
    JobStory story;
    story.suite = past.name;
    story.kind = known.kind;
    story.label = known.label;
    story.state = known.wanted ? name_of(known.state) : "unplanned";
    story.live = past.live;
    story.now = now_text(past, number->second, now);
    const auto folder = store.suite_folder(past.name);
    orchestrator::read_beside_a_run(files, folder, [&] {
      const auto epochs = orchestrator::journal_epochs(files, folder);
      story.first_epoch = epochs.empty() ? past.epoch + 1 : epochs.front();
      story.lines = lines_of(files, folder, story.first_epoch, past.state, number->second);
    });
    explanation.stories.push_back(std::move(story));
  }
  add_log(files, store, explanation);
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
                        {"type", orchestrator::type_name(line.event)},
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
  core::Json log;
  if (explanation.log)
    log = {{"attempt", explanation.log->attempt},
           {"process_rank", explanation.log->process_rank},
           {"path", explanation.log->path.string()},
           {"last_lines", explanation.last_lines}};
  return {{"job", explanation.job.hex}, {"has_result", explanation.has_result}, {"suites", suites}, {"stderr", log}};
}

}  // namespace resolute::operations
