#include "slurm/client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/files/ownership.h"

namespace resolute::slurm {
namespace {

using core::ErrorKind;
using core::RuntimeError;
using std::chrono::milliseconds;

constexpr const char* kClusters = "SLURM_CLUSTERS";
// The most that a captured output can have: one of this length may have lost its end.
constexpr std::size_t kMostOutput = std::size_t{32} << 20;
// The kernel takes 128 KiB in one argument.
constexpr std::size_t kMostNames = 100'000;

RuntimeError missing_error(const std::string& program, const RuntimeError& error) {
  const bool absent = std::string_view(error.what()).find("is not on PATH") != std::string_view::npos;
  return unavailable_error(program, absent ? "it is not on PATH" : error.what());
}

RuntimeError refused_error(const std::string& program, const Refused& refused) {
  return {ErrorKind::kEnvironment, fmt::format("SLURM refuses '{}'", program), refused.why};
}

// SLURM's commands take a user's name; a container may have only the number.
std::string effective_user() { return core::user_name(::geteuid()).value_or(std::to_string(::geteuid())); }

// The names joined by commas, in as many lists as arguments are needed; nearly always one.
std::vector<std::string> lists_of(const std::vector<std::string>& names) {
  std::vector<std::string> lists;
  for (const std::string& name : names) {
    RESOLUTE_EXPECT(is_job_name(name), "a job's name needs no quoting");
    if (lists.empty() || lists.back().size() + name.size() >= kMostNames)
      lists.push_back(name);
    else
      lists.back() += "," + name;
  }
  return lists;
}

std::string reference(SlurmJobId id) {
  RESOLUTE_EXPECT(id > 0, "jobs are numbered from 1");
  return std::to_string(id);
}

}  // namespace

Effects real_effects(std::map<std::string, std::string> inherited) {
  Effects effects;
  effects.run = [inherited = std::move(inherited)](const std::vector<std::string>& arguments, milliseconds limit) {
    const std::string& program = arguments.front();
    const auto current = core::current_environment();
    core::SpawnRequest request;
    request.arguments = arguments;
    request.environment = command_environment(program == "sbatch" && !inherited.empty() ? inherited : current, program);
    request.environment.erase(kClusters);
    if (!core::program_on_path(request.environment, program))
      if (const auto found = core::program_on_path(current, program)) request.arguments.front() = found->string();
    return core::run_command(std::move(request), limit);
  };
  effects.sleep = [](milliseconds time) { std::this_thread::sleep_for(time); };
  effects.clock = &core::monotonic_clock();
  return effects;
}

std::vector<std::string> at_cluster(std::vector<std::string> command, const std::string& cluster) {
  if (!cluster.empty()) command.insert(command.begin() + 1, {"-M", cluster});
  return command;
}

std::map<std::string, std::string> job_environment(std::map<std::string, std::string> born,
                                                   const std::map<std::string, std::string>& current) {
  for (const char* given : {"CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"})
    born.erase(given);
  for (const auto& [name, value] : current)
    if (names_cluster(name)) born[name] = value;
  return born;
}

std::string cluster_variable(const std::map<std::string, std::string>& environment) {
  return core::variable_in(environment, kClusters).empty() ? "SBATCH_CLUSTERS" : kClusters;
}

bool names_cluster(std::string_view variable) {
  for (const char* name : {"SLURM_CONF", "SLURM_CONF_SERVER", kClusters, "SLURM_JWT"})
    if (variable == name) return true;
  return false;
}

std::map<std::string, std::string> command_environment(std::map<std::string, std::string> environment,
                                                       std::string_view program) {
  std::erase_if(environment, [](const auto& variable) {
    const std::string& name = variable.first;
    if (names_cluster(name)) return false;
    for (const char* prefix : {"SLURM_", "SBATCH_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_", "SINFO_"})
      if (name.starts_with(prefix)) return true;
    return false;
  });
  if (program == "sbatch") return environment;
  environment["TZ"] = "UTC0";
  environment["LC_ALL"] = "C";
  return environment;
}

RuntimeError unavailable_error(const std::string& program, const std::string& why) {
  return core::input_error(fmt::format("SLURM is not available here: '{}' cannot be used", program), why,
                           "use a submission node of a cluster, where 'sinfo' lists its partitions (at some sites "
                           "after 'module load slurm')");
}

Client::Client(Effects effects, ClientOptions options) : effects_(std::move(effects)), options_(options) {}

Client Client::at(const std::string& cluster) const {
  Client other = *this;
  other.cluster_ = cluster;
  return other;
}

core::CommandOutput Client::run(const std::vector<std::string>& arguments) const {
  return effects_.run(at_cluster(arguments, cluster_), options_.command_limit);
}

std::variant<Accepted, Refused, Unclear> Client::submit(const std::filesystem::path& script) {
  core::CommandOutput output;
  try {
    // An absolute path is never taken for an option.
    output = run({"sbatch", "--parsable", std::filesystem::absolute(script).string()});
  } catch (const RuntimeError& error) {
    if (error.kind() == ErrorKind::kInput) throw missing_error("sbatch", error);
    if (error.kind() == ErrorKind::kTransient) return Unclear{error.what()};
    throw;
  }
  if (output.succeeded()) {
    if (std::optional<Accepted> accepted = parse_accepted(output.out)) return *accepted;
    return Unclear{"sbatch printed no job id"};
  }
  const std::string why = complaint(output);
  // A printed word may be the id of a job.
  if (output.out.find_first_not_of(" \t\r\n") != std::string::npos) return Unclear{why};
  switch (classify(output)) {
    case Trouble::kMissing:
      throw unavailable_error("sbatch", why);
    case Trouble::kUnknownJob:  // of a dependency
    case Trouble::kRefused:
      return Refused{why};
    case Trouble::kTransient:
      break;
  }
  return Unclear{why};
}

std::vector<QueuedJob> Client::find(const std::vector<std::string>& names) {
  std::vector<QueuedJob> jobs;
  for (const std::string& list : lists_of(names)) {
    std::vector<QueuedJob> found;
    // Without -a it says nothing of jobs in a hidden partition, and succeeds.
    const auto answer =
        ask({"squeue", "-h", "-r", "-a", "-t", "all", "--me", "-n", list, "-o", std::string(kQueueFormat)},
            [&](const std::string& output) { found = parse_queue(output); });
    if (const auto* refused = std::get_if<Refused>(&answer)) throw refused_error("squeue", *refused);
    // squeue, asked by name, never says that it knows no such job. This answer is no "none": a second job would be
    // submitted.
    if (std::holds_alternative<Gone>(answer)) throw refused_error("squeue", {"Invalid job id specified"});
    jobs.insert(jobs.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  std::erase_if(jobs, [&](const QueuedJob& job) { return std::ranges::find(names, job.name) == names.end(); });
  return jobs;
}

std::variant<ShownJob, AnotherJob, Gone> Client::show(SlurmJobId id, const std::string& name) {
  std::variant<ShownJob, AnotherJob> job;
  const auto answer = ask({"scontrol", "show", "job", "-o", reference(id)},
                          [&](const std::string& output) { job = parse_shown_job(output, id, name); });
  if (const auto* refused = std::get_if<Refused>(&answer)) throw refused_error("scontrol show job", *refused);
  if (std::holds_alternative<Gone>(answer)) return Gone{};
  return std::visit([](auto& known) -> std::variant<ShownJob, AnotherJob, Gone> { return std::move(known); }, job);
}

void Client::cancel(const std::string& name, CancelScope scope) {
  RESOLUTE_EXPECT(is_job_name(name), "a job's name needs no quoting");
  std::vector<std::string> arguments = {"scancel", "--user=" + effective_user(), "--name=" + name};
  if (scope == CancelScope::kWaiting) arguments.emplace_back("--state=PENDING");
  cancel_by(arguments);
}

void Client::cancel(SlurmJobId id) { cancel_by({"scancel", reference(id)}); }

void Client::cancel_by(const std::vector<std::string>& arguments) {
  const auto answer = ask(arguments, {});
  const auto* refused = std::get_if<Refused>(&answer);
  if (refused != nullptr && refused->why.find("already completing or completed") == std::string::npos)
    throw refused_error("scancel", *refused);
}

std::variant<Done, Refused, Gone> Client::requeue(SlurmJobId id) {
  auto answer = ask({"scontrol", "requeue", reference(id)}, {});
  const auto* refused = std::get_if<Refused>(&answer);
  // SLURM says so too if an earlier try reached the controller and its answer was lost.
  if (refused != nullptr && refused->why.find("Job is pending execution") != std::string::npos) return Done{};
  return answer;
}

std::variant<Done, Refused, Gone> Client::release(SlurmJobId id) {
  return ask({"scontrol", "release", reference(id)}, {});
}

std::variant<Done, Refused, Gone> Client::ask(const std::vector<std::string>& arguments, const Reader& read) {
  const core::MonotonicTime begin = effects_.clock->now();
  milliseconds pause = std::max(options_.first_pause, milliseconds(1));
  milliseconds paused{0};
  for (int tries = 1;; ++tries) {
    std::string why;
    if (auto answer = ask_once(arguments, read, why)) return *answer;
    // The pauses count too: a clock that stands still must not make it wait for ever.
    const auto taken = std::max(std::chrono::duration_cast<milliseconds>(effects_.clock->now() - begin), paused);
    if (taken >= options_.patience)
      throw RuntimeError(ErrorKind::kTransient, fmt::format("SLURM's '{}' did not answer", arguments.front()),
                         fmt::format("{}; tries: {}, in {} s", why, tries, taken.count() / 1000),
                         "try again later; 'scontrol ping' tells whether the controller is up");
    const milliseconds next = std::min(pause, options_.patience - taken);
    effects_.sleep(next);
    paused += next;
    pause = std::max(pause, std::min(2 * pause, options_.longest_pause));
  }
}

std::optional<std::variant<Done, Refused, Gone>> Client::ask_once(const std::vector<std::string>& arguments,
                                                                  const Reader& read, std::string& why) {
  try {
    const core::CommandOutput output = run(arguments);
    if (output.succeeded()) {
      if (output.out.size() >= kMostOutput)
        throw RuntimeError(ErrorKind::kTransient, fmt::format("{} or more bytes of output", kMostOutput));
      if (read) read(output.out);
      return Done{};
    }
    why = complaint(output);
    switch (classify(output)) {
      case Trouble::kMissing:
        throw RuntimeError(ErrorKind::kInput, why);
      case Trouble::kUnknownJob:
        return Gone{};
      case Trouble::kRefused:
        return Refused{why};
      case Trouble::kTransient:
        break;
    }
  } catch (const RuntimeError& error) {
    if (error.kind() == ErrorKind::kInput) throw missing_error(arguments.front(), error);
    if (error.kind() != ErrorKind::kTransient) throw;
    why = error.what();
    // The error's own suggestion would stand before ours.
    if (const std::size_t end = why.find("); "); end != std::string::npos) why.resize(end + 1);
  }
  return std::nullopt;
}

}  // namespace resolute::slurm
