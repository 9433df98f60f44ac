#pragma once
//! \file
//! A suite that is handed to a SLURM cluster of the test's own and disturbed there; afterwards it must look as if
//! nobody had disturbed it: the tables of a calm local run to the byte, no published job run again, nothing missing.
//!
//!     DisturbedSuite suite;
//!     suite.submit({"--nodes", "3"});
//!     ASSERT_TRUE(suite.wait_for_a_checkpoint());
//!     … harm …
//!     suite.expect_complete(1, "complete");

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "slurm/allocation.h"
#include "slurm/submission.h"
#include "tests/support/folders.h"
#include "tests/support/slurm_box.h"
#include "tests/system/program.h"

namespace resolute::system_test {

using tests::SlurmBox;
using tests::SlurmBoxOptions;

//! What is submitted: tiny.toml with more steps, or, where RESOLUTE_SLURM_SUITE says so (label `long`), the quickstart.
struct Workload {
  std::string name;
  fs::path file;
  std::vector<std::string> plan_arguments;
  int trainings;
  //! With a whole disturbed run. Now and then MPI crashes in a process that starts again on a node, and its peers wait:
  //! the allocation ends that after a quarter of its half an hour.
  std::chrono::seconds patience;
};
inline const Workload& workload() {
  static const Workload kWorkload = [] {
    const fs::path sources = tests::source_folder().string();
    const char* wanted = std::getenv("RESOLUTE_SLURM_SUITE");
    if (wanted != nullptr && std::string(wanted) == "quickstart")
      return Workload{"quickstart", sources / "experiments/suites/quickstart.toml", {}, 8, std::chrono::minutes(20)};
    return Workload{"tiny", kTinySuite, {"--set", "train.steps=120"}, 4, std::chrono::minutes(12)};
  }();
  return kWorkload;
}

//! Every file below `folder` by its name there.
inline std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->is_regular_file()) files[fs::relative(it->path(), folder).string()] = text_of(it->path());
  return files;
}
inline fs::path tables_folder(const fs::path& store) { return store / "suites" / workload().name / "tables"; }

//! What a local run that nobody disturbed leaves behind.
struct Calm {
  std::map<std::string, std::string> tables;
  std::size_t results = 0;
};
inline std::size_t count_results(const fs::path& store) {
  std::size_t count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(store / "jobs", error), end; !error && it != end; it.increment(error))
    if (it->path().filename() == "result.json") ++count;
  return count;
}
//! The queue and every log of the store's submissions, on standard error: for a test that failed.
inline void tell_queue_and_logs(const SlurmBox& box, const fs::path& store) {
  for (const std::string& line : box.squeue("%A %T %r %j %N")) std::cerr << line << "\n";
  std::error_code error;
  for (fs::recursive_directory_iterator it(store / "suites", error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".log") std::cerr << "--- " << it->path() << "\n" << text_of(it->path());
}
inline void run_calmly(const fs::path& store) {
  const Words words{kBin / "resolute", "suite", "run", workload().file, "--store", store, "--slots", "2"};
  succeeded(core::run_command(program(joined(words, workload().plan_arguments)), workload().patience));
}
//! Under ctest one run serves all programs: system/slurm_calm_test makes it in the folder RESOLUTE_CALM_STORE.
inline const Calm& calm_run() {
  static const Calm kCalm = [] {
    const char* made = std::getenv("RESOLUTE_CALM_STORE");
    const ScratchFolder scratch;
    const fs::path store = made != nullptr ? fs::path(made) : scratch / "store";
    if (made == nullptr) run_calmly(store);
    return Calm{files_in(tables_folder(store)), count_results(store)};
  }();
  return kCalm;
}

class DisturbedSuite {
 public:
  explicit DisturbedSuite(const SlurmBoxOptions& options = {}) : box(options) { calm_run(); }

  SlurmBox box;
  fs::path store() const { return scratch_ / "store"; }
  fs::path scratch() const { return scratch_.path(); }
  //! A folder before PATH of every command of resolute's: for a test's own sbatch, squeue, …
  fs::path wrappers() const {
    fs::create_directories(scratch_ / "bin");
    return scratch_ / "bin";
  }
  //! Puts a program of bash before the real one of that name; $real is the real one.
  void wrap(const std::string& command, const std::string& body) const {
    const fs::path file = wrappers() / command;
    std::ofstream(file) << "#!/bin/bash\nreal=$(PATH=" << std::getenv("PATH") << " type -P " << command << ")\n"
                        << body << "\n";
    fs::permissions(file, fs::perms::owner_all);
  }

  //! `resolute` with these words, as a user on the submission node.
  CommandOutput resolute(std::vector<std::string> words) const {
    core::SpawnRequest request =
        program(joined({"env", "-C", scratch_.path(), kBin / "resolute"}, words), box.environment());
    request.environment["PATH"] = wrappers().string() + ":" + request.environment["PATH"];
    return core::run_command(std::move(request), tests::kPatience);
  }
  //! `resolute suite COMMAND` on the workload and store.
  CommandOutput suite(const std::string& command, const std::vector<std::string>& more = {}) const {
    const Words words{"suite", command, workload().file, "--store", store()};
    return resolute(joined(joined(words, workload().plan_arguments), more));
  }
  //! `suite submit`: checkpoints every five steps. SLURM gives one processor of each node, so an agent has one slot.
  CommandOutput try_submit(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"--checkpoint-every", "5"};
    if (std::find(more.begin(), more.end(), "--time") == more.end()) words.insert(words.end(), {"--time", "30"});
    words.insert(words.end(), more.begin(), more.end());
    return suite("submit", words);
  }
  void submit(const std::vector<std::string>& more) const { succeeded(try_submit(more)); }

  //! SLURM's ids of everything of this suite that SLURM still knows, oldest first.
  std::vector<std::string> jobs() const { return box.jobs_named("resolute-" + workload().name + "-"); }
  //! The newest of them; "" if there is none.
  std::string job() const {
    const auto all = jobs();
    return all.empty() ? "" : all.back();
  }
  std::string batch_host() const { return box.scontrol_job(job())["BatchHost"]; }

  //! A training that has a checkpoint and no result is at work. Not one of `but`.
  std::optional<fs::path> interruptible_training(const std::set<fs::path>& but = {}) {
    look();
    std::error_code error;
    for (fs::recursive_directory_iterator it(store() / "jobs", error), end; !error && it != end; it.increment(error)) {
      const fs::path folder = it->path().parent_path();
      if (it->path().filename() != "checkpoints" || but.contains(folder) || fs::exists(folder / "result.json"))
        continue;
      for (const std::string& name : core::real_file_system().list(it->path()))
        if (name.starts_with("step-")) return folder;
    }
    return std::nullopt;
  }
  bool wait_for_a_checkpoint(std::chrono::seconds limit = tests::kPatience) {
    const bool found = wait_for([&] { return interruptible_training().has_value(); }, limit);
    if (!found) tell();
    return found;
  }
  //! \return whether the suite's results are all there and SLURM has no job of it that waits or runs
  bool wait_until_complete() {
    const bool done = wait_for([&] { return complete() && at_rest(); }, workload().patience);
    if (!done) tell();
    return done;
  }
  bool complete() { return results() == calm_run().results; }
  bool at_rest() const {
    for (const std::string& line : box.squeue("%T %j"))
      if (line.find(" resolute-") != std::string::npos)
        for (const char* state : {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING"})
          if (line.starts_with(state)) return false;
    return true;
  }
  //! How many results there are.
  std::size_t results() {
    look();
    return results_.size();
  }
  //! Polls, and notes each result when it is first there.
  bool wait_for(const std::function<bool()>& holds, std::chrono::seconds limit = tests::kPatience) {
    return SlurmBox::wait_for([&] { return look(), holds(); }, limit);
  }

  //! One start of a batch script each, over all submissions and batches, in order of begin.
  std::vector<slurm::ScriptStart> starts() const {
    std::vector<slurm::ScriptStart> all;
    for (const slurm::SubmissionFolder& folder : submissions())
      for (const slurm::Batch& batch : folder.request().batches)
        for (slurm::ScriptStart& run : slurm::read_runs(core::real_file_system(), folder.batch_folder(batch)))
          all.push_back(std::move(run));
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
    return all;
  }
  //! "cause, cause, …" of starts(); "-" of one that was ended without a word.
  std::string causes_of_starts() const {
    std::string text;
    for (const slurm::ScriptStart& run : starts())
      text += (text.empty() ? "" : ", ") + (run.cause ? std::string(slurm::name_of(*run.cause)) : "-");
    return text;
  }
  std::vector<slurm::SubmissionFolder> submissions() const {
    return slurm::submissions(core::real_file_system(), store() / "suites" / workload().name);
  }
  //! Every event of the journals.
  std::vector<core::Json> events() const {
    std::vector<core::Json> events;
    for (const std::string& line : lines_of(suite_log().out)) events.push_back(core::parse_json(line, "event"));
    return events;
  }
  int count_of(const std::string& type) const {
    const auto all = events();
    return static_cast<int>(
        std::count_if(all.begin(), all.end(), [&](const core::Json& event) { return event.at("type") == type; }));
  }
  //! Causes by which attempts of jobs ended without a result.
  std::multiset<std::string> causes_of_attempts() const {
    std::multiset<std::string> causes;
    for (const core::Json& event : events())
      if (event.at("type") == "attempt-ended") causes.insert(event.at("event").at("cause").get<std::string>());
    return causes;
  }

  //! Waits until the suite is complete, as calm, by so many SLURM jobs whose starts ended so.
  void expect_complete(std::size_t count, const std::string& causes) {
    ASSERT_TRUE(wait_until_complete());
    expect_as_calm();
    EXPECT_EQ(jobs().size(), count);
    EXPECT_EQ(causes_of_starts(), causes);
  }
  //! The tables of the calm run, and each job's result published once and never touched or made again.
  void expect_as_calm() {
    EXPECT_TRUE(complete());
    const core::Json status = core::parse_json(suite("status", {"--json"}).out, "status");
    EXPECT_EQ(status.at("jobs").at("succeeded"), calm_run().results);
    EXPECT_EQ(files_in(tables_folder(store())), calm_run().tables);
    for (const auto& [file, seen] : results_) EXPECT_EQ(stamp_of(file), seen) << file << " was replaced";
    // Nothing of a job was started once its result was there.
    std::map<std::pair<int, int>, std::string> ids;  // (allocation, number) → id
    std::set<std::pair<std::string, int>> started;   // (id, attempt); one that another allocation was at never starts
    std::map<std::string, int> successes;
    std::string last_run;  // when it started
    for (const core::Json& event : events()) {
      const int allocation = event.value("allocation", 1);
      const core::Json& what = event.at("event");
      const std::string type = event.at("type");
      if (type == "job-added") ids[{allocation, what.at("job").get<int>()}] = what.at("id").get<std::string>();
      if (type == "run-started") {
        started.clear();
        last_run = std::max(last_run, event.at("time").get<std::string>());
      }
      if (type != "started" && type != "job-succeeded") continue;
      const std::string& id = ids.at({allocation, what.at("job").get<int>()});
      const std::pair<std::string, int> attempt{id, what.at("attempt").get<int>()};
      if (type == "job-succeeded") successes[id] += started.contains(attempt) ? 1 : 0;
      if (type != "started") continue;
      started.insert(attempt);
      EXPECT_LE(event.at("time").get<std::string>(), time_text(result_of(id), std::chrono::milliseconds(500)))
          << id << " was started again after its result";
    }
    for (const auto& [id, count] : successes) {
      EXPECT_LE(count, 1) << id << " succeeded more than once";
      EXPECT_TRUE(results_.contains(result_of(id))) << id << " succeeded and has no result";
    }
    // A result published in the moment of a kill has no success in a journal: the run after that found the job done.
    for (const auto& [file, seen] : results_)
      if (!successes.contains(file.parent_path().filename().string())) {
        EXPECT_LT(time_text(file, std::chrono::milliseconds(0)), last_run) << file << " has no success";
      }
    // No process is left on any node.
    EXPECT_TRUE(wait_until([&] { return processes_with({store().string()}).empty(); }));
    if (testing::Test::HasFailure()) tell();
  }
  //! What is known of the suite, on standard error: for a test that failed.
  void tell() const {
    std::cerr << suite("status").out << suite("status").err;
    for (const slurm::ScriptStart& run : starts())
      std::cerr << "start of job " << run.job << ", restart " << run.restart << " on " << run.node_list << ": "
                << (run.cause ? slurm::name_of(*run.cause) : "no end") << "; " << run.verdict << "\n";
    tell_queue_and_logs(box, store());
  }

 private:
  using Stamp = std::pair<ino_t, std::pair<std::int64_t, std::int64_t>>;  // file number; time of the last change
  static Stamp stamp_of(const fs::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return {};
    return {status.st_ino, {status.st_mtim.tv_sec, status.st_mtim.tv_nsec}};
  }
  fs::path result_of(const std::string& id) const { return store() / "jobs" / id.substr(0, 2) / id / "result.json"; }
  // A file's time and `later`, as the journal writes times.
  static std::string time_text(const fs::path& file, std::chrono::milliseconds later) {
    const auto [seconds, nanoseconds] = stamp_of(file).second;
    const std::int64_t milliseconds = seconds * 1000 + nanoseconds / 1'000'000 + later.count();
    const std::time_t whole = milliseconds / 1000;
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds % 1000);
  }
  void look() {
    std::error_code error;
    for (fs::recursive_directory_iterator it(store() / "jobs", error), end; !error && it != end; it.increment(error))
      if (it->path().filename() == "result.json") results_.try_emplace(it->path(), stamp_of(it->path()));
  }
  CommandOutput suite_log() const {
    // It takes no --set: a journal is the suite's.
    return resolute({"suite", "log", workload().file, "--store", store(), "--json"});
  }

  ScratchFolder scratch_;
  std::map<fs::path, Stamp> results_;
};

}  // namespace resolute::system_test
