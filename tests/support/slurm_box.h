#pragma once
//! \file
//! A real SLURM cluster of a test's own (tests/support/slurm-box): slurmctld, slurmd and munged below one short folder,
//! ended and removed with the object, and by a watch of its own if the test is killed. Several may run at once.
//!
//!     SlurmBox box({.nodes = 3, .set = {{"MinJobAge", "5"}}});
//!     const std::string job = box.output({"sbatch", "--parsable", "--wrap", "sleep 1"});
//!     EXPECT_TRUE(box.wait_for_state(job, "COMPLETED"));
//!     box.node_down("n2", SlurmBox::Tell::kNow);

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/process/process.h"
#include "tests/support/folders.h"
#include "tests/support/wait.h"

namespace resolute::tests {

struct SlurmBoxOptions {
  int nodes = 3;  //!< n1, n2, …
  int cpus_per_node = 2;
  std::string gres = {};                                      //!< "gpu:2"
  std::vector<std::pair<std::string, std::string>> set = {};  //!< lines of slurm.conf in place of the box's own
  bool accounting = false;  //!< sacct works; needs `slurm-box install --accounting`, 2 s more
  bool confine = false;     //!< jobs have the processors that they got, and where confines_memory() the memory
};

class SlurmBox {
 public:
  using Fields = std::map<std::string, std::string>;
  using Environment = std::map<std::string, std::string>;

  //! \throws RuntimeError (kEnvironment) with what slurm-box said if the cluster does not come up
  explicit SlurmBox(const SlurmBoxOptions& options = {}) : folder_(new_folder()) {
    std::vector<std::string> words = {"start",
                                      "--dir",
                                      folder(),
                                      "--nodes",
                                      std::to_string(options.nodes),
                                      "--cpus-per-node",
                                      std::to_string(options.cpus_per_node),
                                      "--owner",
                                      std::to_string(::getpid())};
    if (!options.gres.empty()) words.insert(words.end(), {"--gres", options.gres});
    if (options.accounting) words.emplace_back("--accounting");
    if (options.confine) words.emplace_back("--confine");
    for (const auto& [key, value] : options.set) words.insert(words.end(), {"--set", key + "=" + value});
    try {
      tool(words);
    } catch (...) {
      remove();
      throw;
    }
  }
  ~SlurmBox() {
    if (testing::Test::HasFailure()) tell_the_end_of("slurmctld.log");
    core::run_command(tool_request({"stop", folder()}), tests::kPatience);
    remove();
  }
  SlurmBox(const SlurmBox&) = delete;
  SlurmBox& operator=(const SlurmBox&) = delete;

  std::filesystem::path path() const { return folder_ / "box"; }
  //! Whether a job is killed above the memory that it asked for: SlurmBoxOptions::confine, and the machine can.
  bool confines_memory() const {
    std::ifstream file(path() / "box.env");
    return std::string(std::istreambuf_iterator<char>(file), {}).find("MEMORY=1") != std::string::npos;
  }
  //! Of a user who is logged in on a submission node: the cluster's configuration, no SLURM variables besides, Open MPI
  //! told that every node is this machine, no site file.
  Environment environment() const {
    Environment environment = core::current_environment();
    std::erase_if(environment, [](const auto& variable) {
      const std::string& name = variable.first;
      for (const char* prefix : {"SLURM", "SBATCH_", "SQUEUE_", "SCANCEL_", "SACCT_", "SCONTROL_", "PMIX_", "OMPI_"})
        if (name.starts_with(prefix)) return true;
      return false;
    });
    environment.erase("RESOLUTE_SITE");
    environment["XDG_CONFIG_HOME"] = (folder_ / "config").string();
    environment["SLURM_CONF"] = (path() / "slurm.conf").string();
    environment["MUNGE_SOCKET"] = (path() / "m.sock").string();
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
    environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1";
    environment["OMPI_MCA_hwloc_base_binding_policy"] = "none";
    environment["OMPI_MCA_btl_tcp_if_include"] = "lo";
    environment["OMPI_MCA_oob_tcp_if_include"] = "lo";
    return environment;
  }

  //! Any command in environment().
  core::CommandOutput run(std::vector<std::string> arguments, std::chrono::milliseconds limit = kPatience) const {
    core::SpawnRequest request{.arguments = std::move(arguments), .environment = environment()};
    return core::run_command(std::move(request), limit);
  }
  //! Standard output of a command that must succeed, without its last line end. A failure fails the test.
  std::string output(std::vector<std::string> arguments) const {
    const std::string name = arguments.front();
    core::CommandOutput output = run(std::move(arguments));
    const auto* exited = std::get_if<core::Exited>(&output.status);
    EXPECT_TRUE(exited != nullptr && exited->code == 0) << name << ": " << core::describe(output.status) << "\n"
                                                        << output.err;
    if (output.out.ends_with('\n')) output.out.pop_back();
    return output.out;
  }

  //! `squeue` over all states: one line a job (one an array element), newest last.
  std::vector<std::string> squeue(const std::string& format, std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {"squeue", "-h", "-r", "-t", "all", "-S", "i", "-o", format};
    words.insert(words.end(), more.begin(), more.end());
    return lines_of(output(words));
  }
  //! Every job that SLURM knows with a name that begins so, but for those that only wait for another one's end, or
  //! were cancelled before it (`suite submit --continue armed`).
  std::vector<std::string> jobs_named(const std::string& beginning) const { return jobs_by(beginning, false); }
  std::vector<std::string> armed_jobs_named(const std::string& beginning) const { return jobs_by(beginning, true); }
  //! `scontrol show job`, by key: JobState, Restarts, BatchHost, NodeList, …; empty: SLURM does not know it, or the
  //! controller does not answer.
  Fields scontrol_job(const std::string& job) const {
    return fields_of(run({"scontrol", "show", "job", "-o", job}).out);
  }
  //! "" if SLURM does not know it.
  std::string state(const std::string& job) const {
    const Fields fields = scontrol_job(job);
    const auto found = fields.find("JobState");
    return found == fields.end() ? "" : found->second;
  }
  //! \return whether the job came to be in one of the states (separated by '|')
  bool wait_for_state(const std::string& job, const std::string& states, std::chrono::seconds limit = kPatience) const {
    const bool reached =
        wait_for([&] { return ("|" + states + "|").find("|" + state(job) + "|") != std::string::npos; }, limit);
    if (!reached) std::cerr << "job " << job << " is " << state(job) << ", not " << states << "\n";
    return reached;
  }
  //! Asks up to ten times a second.
  static bool wait_for(const std::function<bool()>& holds, std::chrono::seconds limit = kPatience) {
    return wait_until(holds, limit, std::chrono::milliseconds(100));
  }

  enum class Tell { kNow, kTimeout };  //!< the controller hears of it at once, or by SlurmdTimeout
  //! SIGKILL to slurmd and every process of the node.
  void node_down(const std::string& node, Tell tell) const {
    std::vector<std::string> words = {"node-down", folder(), node};
    if (tell == Tell::kNow) words.emplace_back("--tell");
    tool(words);
  }
  //! SIGKILL to slurmd alone: steps and tasks go on.
  void kill_slurmd(const std::string& node, Tell tell) const {
    std::vector<std::string> words = {"node-down", folder(), node, "--slurmd-only"};
    if (tell == Tell::kNow) words.emplace_back("--tell");
    SlurmBox::tool(words);
  }
  enum class Spool { kNew, kKept };
  //! Returns when the node can be used.
  void node_up(const std::string& node, Spool spool = Spool::kNew) const {
    std::vector<std::string> words = {"node-up", folder(), node};
    if (spool == Spool::kKept) words.emplace_back("--dirty");
    tool(words);
  }
  void kill_controller() const { tool({"ctld-kill", folder()}); }            //!< SIGKILL
  void stop_controller() const { tool({"ctld-kill", folder(), "--stop"}); }  //!< SIGSTOP: clients time out
  void start_controller() const { tool({"ctld-start", folder()}); }          //!< after either

  //! The job completion log: JobId, Name, JobState, StartTime, EndTime, NodeList, ExitCode, … of every run of every
  //! job, requeued ones included.
  std::vector<Fields> completions() const {
    std::ifstream file(path() / "jobcomp.log");
    std::vector<Fields> runs;
    for (std::string line; std::getline(file, line);) runs.push_back(fields_of(line));
    return runs;
  }

 private:
  std::vector<std::string> jobs_by(const std::string& beginning, bool armed) const {
    std::vector<std::string> jobs;
    for (const std::string& line : squeue("%j|%N|%A|%T|%r")) {
      if (!line.starts_with(beginning)) continue;
      const std::string rest = line.substr(line.find('|') + 1);  // nodes, id, state, reason
      const bool waits = rest.starts_with("|") &&
                         (rest.ends_with("|PENDING|Dependency") || rest.find("|CANCELLED|") != std::string::npos);
      const auto id = rest.find('|') + 1;
      if (waits == armed) jobs.push_back(rest.substr(id, rest.find('|', id) - id));
    }
    return jobs;
  }

  // Sockets lie in it: a name of at most 70 characters.
  static std::filesystem::path new_folder() {
    const char* variable = std::getenv("TMPDIR");
    std::string base = variable != nullptr && *variable == '/' ? variable : "/tmp";
    if (base.size() > 48 || base.find_first_of(" \t\n") != std::string::npos) base = "/tmp";
    std::string pattern = base + "/slurm-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw core::system_error("cannot make a folder for a cluster", errno);
    return pattern;
  }
  std::string folder() const { return path().string(); }
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  static core::SpawnRequest tool_request(std::vector<std::string> words) {
    core::SpawnRequest request{.arguments = {"bash", tests::source_folder().string() + "/tests/support/slurm-box"}};
    request.arguments.insert(request.arguments.end(), words.begin(), words.end());
    request.environment = core::current_environment();
    for (const char* name : {"SLURM_CONF", "SLURM_CLUSTERS"}) request.environment.erase(name);
    return request;
  }
  static void tool(const std::vector<std::string>& words) {
    const core::CommandOutput output = core::run_command(tool_request(words), tests::kPatience);
    const auto* exited = std::get_if<core::Exited>(&output.status);
    if (exited == nullptr || exited->code != 0)
      throw core::RuntimeError(core::ErrorKind::kEnvironment, "slurm-box " + words.front() + " failed",
                               output.timed_out ? "it did not end in time" : output.err,
                               "tests/support/slurm-box install");
  }
  static std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  // "KEY=VALUE KEY=VALUE"; a word without '=' belongs to the value before it.
  static Fields fields_of(const std::string& text) {
    Fields fields;
    std::istringstream stream(text);
    std::string key;
    for (std::string word; stream >> word;) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        if (!key.empty()) fields[key] += " " + word;
        continue;
      }
      key = word.substr(0, equals);
      fields[key] = word.substr(equals + 1);
    }
    return fields;
  }
  void tell_the_end_of(const char* log) const {
    std::ifstream file(path() / "log" / log);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    std::cerr << "the end of " << log << ":\n";
    for (std::size_t i = lines.size() - std::min<std::size_t>(lines.size(), 40); i < lines.size(); ++i)
      std::cerr << lines[i] << "\n";
  }

  std::filesystem::path folder_;
};

}  // namespace resolute::tests
