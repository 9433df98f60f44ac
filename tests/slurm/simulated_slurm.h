#pragma once
//! \file
//! A SLURM in this process, behind slurm::Effects, that misbehaves on demand as the real one was seen to: answers that
//! get lost after the job was taken or before, jobs that show up late, a controller that is away, one that forgets its
//! last job and gives the id to the next, and others' jobs in between. Its time is its own; nothing waits.
//!
//! A job whose script asks for singleton begins when no other of its name runs, nor waits with a lower id; it asks only
//! at its first start, not after a requeue. It runs for `job_length`, then it is remembered for `memory`.

#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "slurm/client.h"
#include "slurm/job_record.h"
#include "tests/support/killing_file_system.h"
#include "tests/support/manual_clock.h"

namespace resolute::tests {

using namespace std::chrono_literals;

class SimulatedSlurm {
 public:
  //! How the next sbatch goes.
  enum class Sbatch { kGood, kTakenThenSilent, kSilent, kTakenLate, kRefused, kHanging, kTakenThenHanging };

  struct Job {
    slurm::SlurmJobId id = 0;
    std::string name;
    int generation = -1;  // as its script says
    bool singleton = false;
    slurm::Time submitted{};
    std::chrono::seconds visible{};  // not known to squeue before that
    slurm::JobState state = slurm::JobState::kPending;
    std::chrono::seconds since{};  // in this state
    int restarts = 0;
    slurm::Time began{};
  };

  //! What a process sees of it. \param sleeps told when the process goes to sleep, and when it wakes up
  slurm::Effects effects(Mortal& process, const std::function<void(bool)>& sleeps = {}) {
    return {[this, &process](const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
              process.step();
              auto answer = run(arguments, limit);
              process.step();
              return answer;
            },
            [this, &process, sleeps](std::chrono::milliseconds duration) {
              if (sleeps) sleeps(true);
              advance(duration);
              process.step();
              if (sleeps) sleeps(false);
            },
            &clock_};
  }

  void advance(std::chrono::milliseconds duration) {
    const auto before = now();
    clock_.advance(duration);
    for (auto second = before; second < now(); second += 1s) live();
  }
  std::chrono::seconds now() const {
    return std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch());
  }

  //! The controller dies before it saved the job, and comes back: the next sbatch gets its id.
  void lose(slurm::SlurmJobId id) {
    std::erase_if(jobs, [&](const Job& job) { return job.id == id; });
    next_id_ = std::min(next_id_, id);
  }
  //! scontrol requeue: a new time of submission, as with the real one, which leaves a job that waits as it is.
  void requeue(slurm::SlurmJobId id) {
    Job* job = find(id);
    if (job == nullptr || job->state == slurm::JobState::kPending) return;
    job->state = slurm::JobState::kPending;
    job->submitted = wall();
    job->restarts += 1;
  }
  slurm::SlurmJobId submit_of_others(const std::string& name) { return take(name, -1, false, 0s).id; }
  Job* find(slurm::SlurmJobId id) {
    auto found = std::find_if(jobs.begin(), jobs.end(), [&](const Job& job) { return job.id == id; });
    return found == jobs.end() ? nullptr : &*found;
  }
  //! Of all that was ever taken.
  int taken(int generation) const { return taken_.contains(generation) ? taken_.at(generation) : 0; }
  int calls(const std::string& program) const { return calls_.contains(program) ? calls_.at(program) : 0; }

  std::deque<Sbatch> plan;       // for the next calls of sbatch; then kGood
  std::chrono::seconds late{4};  // of kTakenLate
  std::chrono::seconds away{};   // no answer to anything before this time
  bool hidden = false;           // the partition is: squeue shows its jobs with -a alone
  std::chrono::seconds job_length{1'000'000}, memory{1'000'000};
  std::vector<Job> jobs;
  std::map<std::string, int> most_at_once;  // jobs that ran at once, by name
  std::function<void(const Job&)> starts;   // called when a job begins to run
  std::string refusal = "Invalid partition name specified";

 private:
  slurm::Time wall() const { return slurm::Time(1'800'000'000s + now()); }

  static core::CommandOutput failed(const std::string& program, const std::string& text, int code = 1) {
    return {core::Exited{code}, "", program + ": error: " + text + "\n", false};
  }

  Job& take(const std::string& name, int generation, bool singleton, std::chrono::seconds wait) {
    while (find(next_id_) != nullptr) ++next_id_;
    Job job{next_id_++, name, generation, singleton, wall(), now() + wait};
    job.since = now();
    taken_[generation] += 1;
    return jobs.emplace_back(job);
  }

  core::CommandOutput run(const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
    const std::string program = std::filesystem::path(arguments.at(0)).filename().string();
    calls_[program] += 1;
    advance(20ms);
    if (now() < away) {
      advance(4s);
      if (program == "sbatch") plan.clear();
      return failed(program, "Unable to contact slurm controller (connect failure)");
    }
    if (program == "sbatch") return sbatch(arguments, limit);
    if (program == "squeue") return squeue(arguments);
    if (program == "scontrol") return scontrol(arguments);
    return failed(program, "unexpected command", 255);
  }

  core::CommandOutput sbatch(const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
    const Sbatch how = plan.empty() ? Sbatch::kGood : plan.front();
    if (!plan.empty()) plan.pop_front();
    if (how == Sbatch::kRefused) return failed("sbatch", "Batch job submission failed: " + refusal);
    JobTexts texts = read_script(arguments);
    slurm::SlurmJobId id = 0;
    if (how != Sbatch::kSilent && how != Sbatch::kHanging)
      id = take(texts.name, texts.generation, texts.singleton, how == Sbatch::kTakenLate ? late : 0s).id;
    if (how == Sbatch::kGood) return {core::Exited{0}, std::to_string(id) + "\n", "", false};
    if (how == Sbatch::kHanging || how == Sbatch::kTakenThenHanging) {
      advance(limit);
      return {core::Killed{9}, "", "", true};
    }
    advance(1s);
    return failed("sbatch", "Batch job submission failed: Socket timed out on send/recv operation");
  }

  struct JobTexts {
    std::string name;
    int generation = 0;
    bool singleton = false;
  };
  static JobTexts read_script(const std::vector<std::string>& arguments) {
    std::ifstream file(arguments.back());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto after = [&](const std::string& key) {
      const auto at = text.find(key);
      if (at == std::string::npos) return std::string();
      const auto begin = text.find_first_not_of(" '=", at + key.size());
      return text.substr(begin, text.find_first_of(" '\n", begin) - begin);
    };
    return {after("--job-name"), std::stoi("0" + after("--generation")), text.find("singleton") != std::string::npos};
  }

  core::CommandOutput squeue(const std::vector<std::string>& arguments) {
    std::set<std::string> names;
    const bool all = std::find(arguments.begin(), arguments.end(), "-a") != arguments.end();
    if (hidden && !all) return {core::Exited{0}, "", "", false};
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      std::string list;
      if ((arguments[i] == "-n" || arguments[i] == "--name") && i + 1 < arguments.size()) list = arguments[i + 1];
      if (arguments[i].starts_with("--name=")) list = arguments[i].substr(7);
      std::istringstream words(list);
      for (std::string name; std::getline(words, name, ',');) names.insert(name);
    }
    std::string out;
    for (const Job& job : jobs) {
      if (!names.contains(job.name) || now() < job.visible) continue;
      const bool waits = job.state == slurm::JobState::kPending;
      out += fmt::format("{0}|{0}|N/A|{1}|{2}|{3}|N/A|1|{4}|{5}|None\n", job.id, name_of(job.state),
                         slurm::time_text(job.submitted), waits ? "N/A" : slurm::time_text(job.began),
                         waits ? "" : "n1", job.name);
    }
    return {core::Exited{0}, out, "", false};
  }

  core::CommandOutput scontrol(const std::vector<std::string>& arguments) {
    const Job* job = find(std::stoll("0" + arguments.back()));
    if (job == nullptr || now() < job->visible) return failed("slurm_load_jobs", "Invalid job id specified");
    const bool waits = job->state == slurm::JobState::kPending;
    return {core::Exited{0},
            fmt::format("JobId={} JobName={} UserId=user(1000) GroupId=user(1000) MCS_label=N/A Priority=1 Nice=0 "
                        "Account=(null) QOS=(null) JobState={} Reason=None Dependency=(null) Requeue=1 Restarts={} "
                        "BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:00 TimeLimit=01:00:00 TimeMin=N/A "
                        "SubmitTime={} EligibleTime=Unknown AccrueTime=Unknown StartTime={} EndTime=Unknown "
                        "Deadline=N/A PreemptTime=None SuspendTime=None SecsPreSuspend=0 LastSchedEval=Unknown "
                        "Scheduler=Main Partition=main AllocNode:Sid=login:1000 NodeList={} NumNodes=1 Power= \n",
                        job->id, job->name, name_of(job->state), job->restarts, slurm::time_text(job->submitted),
                        waits ? "Unknown" : slurm::time_text(job->began), waits ? "" : "n1"),
            "", false};
  }

  // A second of the cluster's life.
  void live() {
    for (Job& job : jobs)
      if (job.state == slurm::JobState::kRunning && now() - job.since >= job_length) {
        job.state = slurm::JobState::kCompleted;
        job.since = now();
      }
    std::erase_if(
        jobs, [&](const Job& job) { return job.state == slurm::JobState::kCompleted && now() - job.since >= memory; });
    for (Job& job : jobs) {
      if (job.state != slurm::JobState::kPending || now() < job.visible) continue;
      const auto running = std::count_if(jobs.begin(), jobs.end(), [&](const Job& other) {
        return other.name == job.name && other.state == slurm::JobState::kRunning;
      });
      const bool waits = std::any_of(jobs.begin(), jobs.end(), [&](const Job& other) {
        return other.name == job.name && other.id < job.id && now() >= other.visible &&
               other.state == slurm::JobState::kPending;
      });
      if (job.singleton && job.restarts == 0 && (running > 0 || waits)) continue;
      job.state = slurm::JobState::kRunning;
      job.since = now();
      job.began = wall();
      most_at_once[job.name] = std::max(most_at_once[job.name], static_cast<int>(running) + 1);
      if (starts) starts(job);
    }
  }

  tests::ManualClock clock_;
  slurm::SlurmJobId next_id_ = 100;
  std::map<int, int> taken_;
  std::map<std::string, int> calls_;
};

}  // namespace resolute::tests
