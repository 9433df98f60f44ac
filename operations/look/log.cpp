#include "operations/look/log.h"

#include <deque>
#include <ostream>
#include <utility>
#include <vector>

#include "operations/look/explain.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/snapshot.h"

namespace resolute::operations {

namespace {

// Lines on their way out: all of them, or the last ones once all are known. An allocation's heading goes before its
// first line.
class Lines {
 public:
  Lines(std::ostream& to, std::optional<std::size_t> tail) : to_(to), tail_(tail) {}
  void begin(std::string heading) { heading_ = std::move(heading); }
  void put(std::string line) {
    if (!tail_) return print(heading_, line);
    kept_.emplace_back(heading_, std::move(line));
    if (kept_.size() > *tail_) kept_.pop_front();
  }
  void finish() {
    for (const auto& [heading, line] : kept_) print(heading, line);
  }

 private:
  void print(const std::string& heading, const std::string& line) {
    if (heading != printed_) to_ << heading << '\n';
    printed_ = heading;
    to_ << line << '\n';
  }

  std::ostream& to_;
  std::optional<std::size_t> tail_;
  std::string heading_;
  std::string printed_;  // heading
  std::deque<std::pair<std::string, std::string>> kept_;
};

// The log of one allocation.
class LogPrinter {
 public:
  LogPrinter(core::FileSystem& files, std::filesystem::path folder, int allocation, const LogRequest& request,
             Lines& lines)
      : files_(files), folder_(std::move(folder)), allocation_(allocation), request_(request), lines_(lines) {}

  void print() {
    std::vector<orchestrator::JournalExtent> extents;
    orchestrator::read_beside_a_run(files_, folder_, [&] {
      const std::int64_t first = orchestrator::journal_epochs(files_, folder_).front();
      if (first > last_.first + 1) {
        if (whole_text())
          lines_.put(fmt::format("{} and those before it were removed", orchestrator::journal_name(first - 1)));
        // The jobs' numbers were given out there.
        if (const auto snapshot = orchestrator::newest_snapshot(files_, folder_)) words_ = EventWords(snapshot->state);
      }
      extents = orchestrator::scan_journals(
          files_, folder_, first, [&](const orchestrator::JournalHeader& header, orchestrator::JournalRecord& record) {
            line(header, record);
          });
    });
    tell_beginning();
    for (const orchestrator::JournalExtent& extent : extents)
      if (extent.dropped_bytes > 0 && whole_text())
        lines_.put(fmt::format("{} bytes after offset {} of {} are no records", extent.dropped_bytes,
                               extent.valid_length, orchestrator::journal_name(extent.header.epoch)));
  }

 private:
  bool is_text() const { return request_.format == LogFormat::kText; }
  bool whole_text() const { return is_text() && request_.job.empty() && request_.detail != LogDetail::kFailures; }

  void line(const orchestrator::JournalHeader& header, const orchestrator::JournalRecord& record) {
    if (std::pair(header.epoch, record.sequence) <= last_) return;
    last_ = {header.epoch, record.sequence};
    words_.learn(record.event);
    if (whole_text() && request_.detail == LogDetail::kImportant && belongs_to_a_beginning(record)) return;
    tell_beginning();
    if (!request_.job.empty() && !words_.is_about(record.event, request_.job)) return;
    if (!is_shown(record.event, request_.detail)) return;
    if (is_text()) return lines_.put(time_text(record.at) + "  " + words_.text(record.event));
    const core::Json json = {{"allocation", allocation_},
                             {"epoch", header.epoch},
                             {"sequence", record.sequence},
                             {"time", time_text(record.at)},
                             {"type", orchestrator::type_name(record.event)},
                             {"event", to_json(record.event)}};
    lines_.put(core::canonical_json(json));
  }

  // The events about every job with which a run begins become one line.
  bool belongs_to_a_beginning(const orchestrator::JournalRecord& record) {
    const auto* succeeded = std::get_if<orchestrator::JobSucceeded>(&record.event);
    const bool known = succeeded != nullptr && succeeded->attempt == 0;
    const auto* kept = std::get_if<orchestrator::JobsKept>(&record.event);
    const bool added = std::holds_alternative<orchestrator::JobAdded>(record.event);
    if (!known && !added && kept == nullptr) return false;
    begun_at_ = record.at;
    jobs_ += kept != nullptr ? count(kept->jobs) : added;
    done_ += kept != nullptr ? count(kept->done) : known;
    return true;
  }
  void tell_beginning() {
    const auto jobs = std::exchange(jobs_, 0), done = std::exchange(done_, 0);
    if (jobs + done == 0) return;
    lines_.put(fmt::format("{}  {} job{} planned, {} with a result already", time_text(begun_at_), jobs,
                           jobs == 1 ? "" : "s", done));
  }

  core::FileSystem& files_;
  std::filesystem::path folder_;
  int allocation_;
  const LogRequest& request_;
  Lines& lines_;
  EventWords words_;
  std::pair<std::int64_t, std::uint64_t> last_;  // record gone through, by epoch: a second look goes on behind it
  orchestrator::Instant begun_at_{};
  std::int64_t jobs_ = 0, done_ = 0;  // of a beginning that was not told yet
};

}  // namespace

void print_log(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
               const LogRequest& request, std::ostream& to) {
  std::vector<std::string> names = orchestrator::run_names(files, store, suite);
  std::erase_if(names, [&](const std::string& name) {
    return orchestrator::journal_epochs(files, store.suite_folder(name)).empty();
  });
  if (names.empty())
    throw core::input_error(fmt::format("suite '{}' has no journal", suite),
                            fmt::format("'{}' holds none", store.suite_folder(suite).string()),
                            "run it first: `resolute suite run`");
  Lines lines(to, request.tail);
  for (const std::string& name : names) {
    const int allocation = *experiments::allocation_of(suite, name);
    if (names.size() > 1 && request.format == LogFormat::kText) lines.begin(fmt::format("allocation {}:", allocation));
    LogPrinter(files, store.suite_folder(name), allocation, request, lines).print();
  }
  lines.finish();
}

}  // namespace resolute::operations
