#include "orchestrator/launch/launch.h"

#include <cerrno>

#include "core/process/process.h"

namespace resolute::orchestrator {
namespace {

std::string log_name(const char* stream, int process_rank) {
  return process_rank == 0 ? std::string(stream) : fmt::format("{}-{}", stream, process_rank);
}

}  // namespace

std::set<experiments::JobId> jobs_on_gpus(const std::vector<experiments::PlannedJob>& jobs) {
  std::set<experiments::JobId> found;
  for (const auto& job : jobs) {  // trainings come before what evaluates them
    const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification);
    const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification);
    if ((training != nullptr && training->device == experiments::Device::kCuda) ||
        (evaluation != nullptr && evaluation->protocol.device == settings::EvaluationDevice::kTraining &&
         found.contains(evaluation->training)))
      found.insert(job.id);
  }
  return found;
}

RankCommand rank_command(const experiments::StoreLayout& store, const experiments::PlannedJob& job,
                         const AttemptOfJob& attempt, int process_rank, const Rendezvous* rendezvous,
                         const WorkerCommands& commands) {
  const auto* shard = std::get_if<experiments::ShardSpecification>(&job.specification);
  const bool packing = shard != nullptr || std::holds_alternative<experiments::SealSpecification>(job.specification);
  RankCommand command;
  command.process_rank = process_rank;
  command.arguments = packing || commands.external.empty() ? commands.worker : commands.external;
  auto add = [&](const std::string& name, std::string value) {
    command.arguments.push_back(name);
    command.arguments.push_back(std::move(value));
  };
  command.arguments.push_back(commands.command);
  add("--store", store.root().string());
  add("--job", job.id.hex);
  add("--attempt", std::to_string(attempt.number));
  add("--process-rank", std::to_string(process_rank));
  add("--process-ranks", std::to_string(job.slots));
  if (rendezvous != nullptr) {
    const std::string& host = rendezvous->host;
    const bool is_ipv6 = host.find(':') != std::string::npos;
    add("--rendezvous", fmt::format("{}:{}", is_ipv6 ? "[" + host + "]" : host, rendezvous->port));
    add("--secret-fd", std::to_string(kSecretDescriptor));
    command.listener = process_rank == 0;
    if (command.listener) add("--rendezvous-fd", std::to_string(kListenerDescriptor));
  }
  if (shard != nullptr) {
    auto root = commands.raw_roots.find(shard->pack.name);
    if (root != commands.raw_roots.end()) {
      add("--raw-root", root->second.folder.string());
      if (root->second.follow_links) command.arguments.emplace_back("--follow-links");
    }
  }
  const bool training = std::holds_alternative<experiments::TrainingSpecification>(job.specification);
  if (commands.checkpoint_every > 0 && training) add("--checkpoint-every", std::to_string(commands.checkpoint_every));
  if (commands.evaluate_every > 0 && training) add("--evaluate-every", std::to_string(commands.evaluate_every));
  if (training && commands.external.empty()) {  // another program may not know these
    if (attempt.in_less_memory) command.arguments.emplace_back("--recompute");
    if (job.keeps_state) command.arguments.emplace_back("--keep-state");
    if (job.goes_on) add("--go-on-from", job.goes_on->from.hex);
    if (commands.through_host && job.slots > 1) command.arguments.emplace_back("--through-host");
  }
  add("--progress-fd", std::to_string(kProgressDescriptor));
  command.progress = true;
  command.memory_mib = commands.memory_mib;
  command.out = store.attempt_file(job.id, attempt.number, log_name("stdout", process_rank)).string();
  command.err = store.attempt_file(job.id, attempt.number, log_name("stderr", process_rank)).string();
  return command;
}

std::vector<std::string> repeat_command(const experiments::StoreLayout& store, const experiments::JobId& training,
                                        int steps, const std::vector<std::string>& not_on,
                                        std::vector<std::string> program) {
  for (std::string word : {std::string("repro"), training.hex, std::string("--store"), store.root().string(),
                           std::string("--steps"), std::to_string(steps)})
    program.push_back(std::move(word));
  if (!not_on.empty()) program.insert(program.end(), {"--not-on", fmt::format("{}", fmt::join(not_on, ","))});
  program.emplace_back("--then");
  return program;
}

bool AttemptFolders::prepare_job(const experiments::PlannedJob& job) {
  {
    std::lock_guard lock(mutex_);
    if (prepared_.contains(job.id.hex)) return false;
  }
  const std::string text = experiments::canonical_text(job.specification);
  const fs::path path = store_.specification_file(job.id);
  const bool fresh = files_.make_folder(path.parent_path());
  // A worker reads it only after its coordinator has seen all of it, so that in a folder of our own it needs no other
  // name first.
  if (!fresh || !create(path, text))
    if (core::read_text_if_exists(files_, path) != text)
      core::replace_unsynced(files_, path, text, core::Folders::kMustExist);
  std::lock_guard lock(mutex_);
  prepared_.insert(job.id.hex);
  return fresh;
}

void AttemptFolders::forget(const experiments::JobId& job) {
  std::lock_guard lock(mutex_);
  prepared_.erase(job.hex);
}

// \return false if another run came first
bool AttemptFolders::create(const fs::path& path, const std::string& text) {
  try {
    const auto file = files_.open_for_write(path, core::OpenMode::kCreateNew);
    file->write(core::as_byte_span(text));
    file->close();
    return true;
  } catch (const core::RuntimeError& error) {
    if (error.error_number() != EEXIST) throw;
    return false;
  }
}

bool can_be_run(const std::map<std::string, std::string>& environment, const std::string& program) {
  return program.find('/') != std::string::npos ? core::is_executable(program)
                                                : core::program_on_path(environment, program).has_value();
}

void require_program(const std::vector<std::string>& command) {
  const std::string suggestion = "build it, or give the path of another";
  if (command.empty() || command.front().empty())
    throw core::input_error("no worker program is named", "jobs are run by one", suggestion);
  const std::string& program = command.front();
  if (can_be_run(core::current_environment(), program)) return;
  const bool is_path = program.find('/') != std::string::npos;
  throw core::input_error(fmt::format("worker '{}' cannot be run", program),
                          is_path ? "no such file, or it is not executable" : "it is not on PATH", suggestion);
}

}  // namespace resolute::orchestrator
