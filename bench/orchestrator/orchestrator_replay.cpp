//! \file
//! How much processor time a suite's past takes to replay, for `script/bench orchestrator`: a journal of 1,000,000
//! events of a run that does 200,000 jobs on 1,250 agents of 8 GPUs, in the files that such a run leaves. Prints one
//! JSON document.
//!
//! bench_orchestrator_replay FOLDER [EVENTS]    an empty folder for some 100 MB; about so many events

#include <chrono>
#include <deque>
#include <iostream>
#include <string>

#include "bench/guarded_main.h"
#include "bench/turns.h"
#include "core/error.h"
#include "core/numbers.h"
#include "orchestrator/decisions/apply.h"
#include "orchestrator/journal/epoch.h"
#include "tests/support/equal.h"

namespace resolute::orchestrator {
namespace {

constexpr int kEvents = 1'000'000;
constexpr int kEventsOfJob = 5;
constexpr int kAgents = 1'250;
constexpr int kGpus = 8;
const std::string kRun = "000102030405060708090a0b0c0d0e0f";

// Writes as the coordinator does, but for the fsyncs between, and goes on in another file where it would.
class Recorder {
 public:
  explicit Recorder(const std::filesystem::path& folder)
      : folder_(folder), bytes_(encode_header({1, 0, kRun, Instant{}, 0})) {}
  void record(const Event& event) {
    append_record(bytes_, ++sequence_, Instant(Milliseconds(++events_)), event);
    orchestrator::apply(state_, event);
    if (bytes_.size() >= kEpochLength) next();
  }
  const State& finish() {
    next();
    return state_;
  }
  std::int64_t events() const { return events_; }
  std::uint64_t length() const { return length_; }

 private:
  void next() {
    core::write_atomic(core::real_file_system(), folder_ / journal_name(epoch_), bytes_);
    length_ += bytes_.size();
    const std::uint64_t sealed = bytes_.size();
    ++epoch_;
    bytes_ = encode_header({epoch_, sealed, kRun, Instant{}, 1});
    sequence_ = 0;
  }

  std::filesystem::path folder_;
  State state_;
  std::int64_t epoch_ = 1, events_ = 0;
  std::uint64_t sequence_ = 0, length_ = 0;
  core::Bytes bytes_;
};

JobAdded job_added(int number) {
  JobAdded job;
  job.job = {number};
  job.id.hex = fmt::format("{:064x}", number);
  job.kind = "training";
  job.label = fmt::format("training of row {} trial 0", number);
  job.gpus = true;
  job.expected_ms = 60'000 + number % 1000;
  job.path_ms = job.expected_ms;
  if (number >= 1000) job.after.push_back({number - 1000});
  return job;
}

// Each job on one GPU, in turn; five events for its being added, placed, started, ended and done.
const State& record_run(Recorder& recorder, int jobs) {
  RunStarted started;
  started.epoch = 1;
  started.run = kRun;
  started.host = "node-0000";
  recorder.record(started);
  for (int i = 0; i < kAgents; ++i)
    recorder.record(AgentJoined{{i}, fmt::format("node-{:04}", i), kGpus, kGpus, 0, ""});
  for (int i = 0; i < jobs; ++i) recorder.record(job_added(i));
  std::deque<int> running;
  auto end_one = [&] {
    const JobIndex job{running.front()};
    running.pop_front();
    recorder.record(RankExited{job, 1, 0, 0, 0, "", false});
    recorder.record(JobSucceeded{job, 1});
  };
  for (int i = 0; i < jobs; ++i) {
    if (running.size() == 1000) end_one();
    const AgentNumber agent{i % kAgents};
    recorder.record(Placed{{i},
                           1,
                           {{agent, 1}},
                           -1,
                           "longest path first; 240 of 10000 free GPUs",
                           Instant(Milliseconds(recorder.events()))});
    recorder.record(Started{{i}, 1});
    running.push_back(i);
  }
  while (!running.empty()) end_one();
  return recorder.finish();
}

void run(const std::filesystem::path& folder, int events) {
  if (folder.empty() || events < kEventsOfJob)
    throw core::input_error("usage: bench_orchestrator_replay FOLDER [EVENTS]");
  core::real_file_system().create_directories(folder);
  Recorder recorder(folder);
  const State& expected = record_run(recorder, events / kEventsOfJob);
  const auto begin = std::chrono::steady_clock::now();
  const double processor_begin = thread_seconds();
  const Past past = read_past(core::real_file_system(), folder);
  const double seconds = thread_seconds() - processor_begin;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  if (past.state != expected) throw core::input_error("the replayed state differs from the run's");
  std::cout << fmt::format("{{\"seconds\": {}, \"wall_seconds\": {}, \"events\": {}, \"bytes\": {}, \"epochs\": {}}}",
                           seconds, wall.count(), recorder.events(), recorder.length(), past.epoch)
            << std::endl;
}

}  // namespace
}  // namespace resolute::orchestrator

int main(int argc, char** argv) {
  using namespace resolute;
  return guarded_main("bench_orchestrator_replay", [&] {
    const auto events = argc > 2 ? core::number_of<int>(argv[2]) : orchestrator::kEvents;
    orchestrator::run(argc > 1 ? argv[1] : "", events.value_or(0));
  });
}
