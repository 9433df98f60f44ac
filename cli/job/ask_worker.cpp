#include "cli/job/ask_worker.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "cli/command.h"
#include "core/error.h"
#include "core/process/process.h"
#include "orchestrator/agent/spawner.h"

namespace resolute::cli {

namespace {

constexpr auto kLongest = std::chrono::hours(1);

}  // namespace

WorkerAnswer ask_worker(std::vector<std::string> arguments) {
  core::SpawnRequest request;
  arguments.insert(arguments.begin(), worker_program().string());
  request.arguments = std::move(arguments);
  request.environment = orchestrator::rank_environment(core::current_environment());
  const core::CommandOutput output = core::run_command(std::move(request), kLongest);
  WorkerAnswer answer;
  const auto* exited = std::get_if<core::Exited>(&output.status);
  if (output.timed_out || exited == nullptr)
    throw core::RuntimeError(core::ErrorKind::kEnvironment, "the worker program did not finish",
                             output.timed_out ? "it took over an hour" : core::describe(output.status));
  answer.code = exited->code;
  if (!output.out.empty()) answer.report = core::parse_json(output.out, "the worker's report");
  answer.error = output.last_error_line();
  constexpr std::string_view kName = "resolute-worker: ";
  if (answer.error.starts_with(kName)) answer.error.erase(0, kName.size());
  return answer;
}

void fail_as(const WorkerAnswer& answer) {
  throw core::RuntimeError(
      answer.code == 2 ? core::ErrorKind::kInput : core::ErrorKind::kEnvironment,
      answer.error.empty() ? fmt::format("the worker program ended with exit code {}", answer.code) : answer.error);
}

}  // namespace resolute::cli
