#include "cli/doctor/checks.h"

#include <algorithm>
#include <sstream>

#include "cli/command.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/spawner.h"
#include "orchestrator/launch/bindings.h"
#include "orchestrator/launch/launch.h"

namespace resolute::cli {

namespace {

constexpr std::chrono::seconds kWorkerLimit{30};  // libtorch from a cold network file system
constexpr std::chrono::seconds kMpiLimit{30};
constexpr std::size_t kLongestWhat = 300;

// Frames and stack addresses say nothing to a reader.
bool tells(const std::string& line) {
  return std::ranges::any_of(line, [](unsigned char c) { return std::isalpha(c) != 0; }) &&
         line.find("*** ") == std::string::npos && line.find("] [ ") == std::string::npos;
}

// "srun: error: no such node" → "no such node".
std::string without_program(std::string line) {
  for (const std::string_view mark : {": error: ", ": fatal: "})
    if (const auto at = line.find(mark); at != std::string::npos && line.find(' ') > at)
      return line.substr(at + mark.size());
  for (const std::string_view name : {"resolute-worker: ", "resolute: "})
    if (line.starts_with(name)) line.erase(0, name.size());
  return line;
}

// One line of an error, as problem and suggestion.
std::pair<std::string, std::string> parts_of(const std::string& line) {
  const auto at = line.rfind("; ");
  if (at == std::string::npos) return {line, ""};
  return {line.substr(0, at), line.substr(at + 2)};
}

Finding from_error(const std::string& name, Level level, const std::string& line) {
  auto [what, advice] = parts_of(line);
  return {level, name, what, advice};
}

// The JSON object that `describe` printed; nothing if it is none.
std::optional<core::Json> described(const core::CommandOutput& output) {
  core::Json json = core::Json::parse(output.out, nullptr, false);
  return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

std::string text_in(const core::Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "unknown";
}

core::CommandOutput ask_worker(const fs::path& worker, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), worker.string());
  return run_briefly(std::move(arguments), orchestrator::rank_environment(core::current_environment()), kWorkerLimit);
}

Finding judge_cuda(const core::CommandOutput& output, bool gpus_there) {
  const Level bad = gpus_there ? Level::kFail : Level::kWarn;
  if (!output.succeeded()) return from_error("cuda", bad, failure_text(output, kWorkerLimit));
  const auto json = described(output);
  if (!json) return {bad, "cuda", "`resolute-worker describe cuda` prints no JSON", "build the worker anew"};
  return {
      Level::kOk, "cuda",
      fmt::format("{}, compute capability {}, CUDA {} (needs driver {} or newer, this one serves CUDA {}), cuDNN {}, "
                  "libtorch {}",
                  text_in(*json, "gpu"), text_in(*json, "capability"), text_in(*json, "cuda"),
                  text_in(*json, "driver_needed"), text_in(*json, "driver_serves"), text_in(*json, "cudnn"),
                  text_in(*json, "libtorch")),
      ""};
}

// The module that opens the GPU is linked with NCCL: had it not been loaded, a library would be named.
Finding judge_nccl(const core::CommandOutput& output, bool gpus_there) {
  const std::string why = output.succeeded() ? "" : failure_text(output, kWorkerLimit);
  if (why.empty()) return {Level::kOk, "nccl", "its library loads", ""};
  if (why.find(".so") == std::string::npos && why.find("not available") != std::string::npos)
    return {Level::kOk, "nccl", "its library loads; without a GPU no more can be said", ""};
  return {gpus_there ? Level::kFail : Level::kWarn, "nccl", "not reached: the CUDA libraries do not load",
          "docs/gpus.md tells what is needed"};
}

}  // namespace

core::CommandOutput run_briefly(std::vector<std::string> arguments, Environment environment,
                                std::chrono::milliseconds limit) {
  core::SpawnRequest request;
  request.arguments = std::move(arguments);
  request.environment = std::move(environment);
  try {
    return core::run_command(std::move(request), limit);
  } catch (const core::RuntimeError& error) {
    return {core::Exited{127}, "", std::string(error.what()) + "\n", false};
  }
}

std::string failure_text(const core::CommandOutput& output, std::chrono::milliseconds limit) {
  if (output.timed_out)
    return fmt::format("it did not end within {} s", std::chrono::duration_cast<std::chrono::seconds>(limit).count());
  std::string first;
  std::istringstream lines(output.err + "\n" + output.out);
  for (std::string line; std::getline(lines, line);) {
    // The line of a fatal error says more than the lines before it.
    if (line.find(": fatal: ") != std::string::npos) return without_program(line).substr(0, kLongestWhat);
    if (first.empty() && tells(line)) first = line;
  }
  if (!first.empty()) return without_program(first).substr(0, kLongestWhat);
  return "it ended with " + core::describe(output.status);
}

Findings check_worker(bool submits) {
  // Submitting needs no worker: it must be where the jobs run.
  const Level bad = submits ? Level::kWarn : Level::kFail;
  fs::path worker;
  try {
    worker = worker_program();
  } catch (const core::RuntimeError& error) {
    return {from_error("worker", bad, error.what())};
  }
  const auto output = ask_worker(worker, {"describe"});
  if (!output.succeeded()) {
    Finding finding = from_error("worker", bad, failure_text(output, kWorkerLimit));
    if (finding.advice.empty())
      finding.advice = "install the package anew, or build it anew, with libtorch in its place";
    return {finding};
  }
  const auto json = described(output);
  if (!json) return {{bad, "worker", "`" + worker.string() + " describe` prints no JSON", "build it anew"}};
  return {{Level::kOk, "worker",
           fmt::format("libtorch {}, {} {}", text_in(*json, "libtorch"), text_in(*json, "processor"),
                       text_in(*json, "instructions")),
           ""}};
}

Findings check_gpus(const Environment& environment, bool submits) {
  Findings findings;
  std::size_t gpus = 0;
  try {
    gpus = orchestrator::read_inventory(environment).gpus.size();
  } catch (const core::RuntimeError& error) {
    findings.push_back(from_error("gpus", Level::kFail, error.what()));
  }
  if (gpus > 0)
    findings.push_back({Level::kOk, "gpus", fmt::format("{} seen", gpus), ""});
  else if (findings.empty())
    findings.push_back(
        {Level::kWarn, "gpus",
         environment.contains("CUDA_VISIBLE_DEVICES") ? "none seen (CUDA_VISIBLE_DEVICES limits them)" : "none seen",
         submits                                ? "none is needed to submit"
         : environment.contains("SLURM_JOB_ID") ? "a SLURM job sees those that it asked for: srun --gres=gpu:1"
                                                : "trainings here need device = \"cpu\""});
  try {
    const auto output = ask_worker(worker_program(), {"describe", "cuda"});
    findings.push_back(judge_cuda(output, gpus > 0));
    findings.push_back(judge_nccl(output, gpus > 0));
  } catch (const core::RuntimeError&) {
    findings.push_back(
        {gpus > 0 ? Level::kFail : Level::kWarn, "cuda", "not looked at: there is no worker", "see worker"});
  }
  return findings;
}

Findings check_mpi(const Environment& environment) {
  const auto mpirun = core::program_on_path(environment, "mpirun");
  if (!mpirun)
    return {{Level::kWarn, "mpi", "there is no mpirun on PATH",
             "one machine needs none; for several: apt install openmpi-bin, or load its module (Open MPI 4 or 5), or "
             "use srun --mpi=pmix"}};
  const std::string self = core::own_program().string();
  return {try_ring("mpi", {mpirun->string(), "-np", "2", self, "doctor", "--ring"}, launcher_environment(environment),
                   2, 0, kMpiLimit)};
}

Findings check_processes() {
  const std::string why = orchestrator::why_no_control_groups();
  if (why.empty()) return {{Level::kOk, "processes", "a rank ends with all that it started (cgroup v2)", ""}};
  return {{Level::kOk, "processes", fmt::format("a rank ends with its process group and its orphans ({})", why), ""}};
}

SiteCheck check_site(const Environment& environment) {
  auto& files = core::real_file_system();
  try {
    const auto file = experiments::site_file_to_read(files, environment);
    if (!file) {
      const auto place = experiments::site_file(environment);
      return {{{Level::kOk, "site", place ? "no site file (" + place->string() + ")" : "no site file", ""}}, {}};
    }
    experiments::Site site = experiments::read_site(files, *file, environment);
    Finding finding{Level::kOk, "site", file->string(), ""};
    if (!site.container.empty() && !orchestrator::can_be_run(environment, site.container.front()))
      finding = {Level::kWarn, "site", fmt::format("'{}' of [container] is not on PATH here", site.container.front()),
                 "it must be there on the nodes"};
    else if (!site.container.empty())
      finding.what += "; jobs run in its container: `resolute doctor` in there says what they find";
    return {{finding}, std::move(site)};
  } catch (const core::RuntimeError& error) {
    Finding finding = from_error("site", Level::kFail, error.what());
    if (finding.advice.empty()) finding.advice = "mend what RESOLUTE_SITE or ~/.config/resolute names";
    return {{finding}, {}};
  }
}

bool nothing_failed(const Findings& findings) {
  return std::ranges::none_of(findings, [](const auto& one) { return one.level == Level::kFail; });
}

core::Json findings_json(const Findings& findings) {
  core::Json checks = core::Json::array();
  for (const Finding& finding : findings)
    checks.push_back({{"name", finding.name},
                      {"level", name_of(finding.level)},
                      {"what", finding.what},
                      {"advice", finding.advice}});
  return {{"checks", checks}, {"ok", nothing_failed(findings)}};
}

Findings findings_from_json(const core::Json& json) {
  core::ObjectReader reader(json, "doctor");
  Findings findings;
  for (const core::Json& check : reader.required<std::vector<core::Json>>("checks")) {
    core::ObjectReader one(check, "doctor");
    findings.push_back({settings::required<Level>(one, "level"), one.required<std::string>("name"),
                        one.required<std::string>("what"), one.required<std::string>("advice")});
  }
  return findings;
}

}  // namespace resolute::cli
