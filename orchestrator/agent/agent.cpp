#include "orchestrator/agent/agent.h"

#include <algorithm>
#include <set>
#include <thread>

#include "core/hash/sha256.h"
#include "core/log.h"
#include "orchestrator/agent/burn_ins.h"
#include "orchestrator/decisions/failure.h"
#include "orchestrator/launch/gpu_fault.h"

namespace resolute::orchestrator {

namespace {
constexpr Address kCoordinator = 0;
constexpr auto kDescribeLimit = std::chrono::seconds(20);  // less than the coordinator waits for agents

// An assertion in the program's own kernel speaks of CUDA too.
RankEnded with_word_of_gpu(AskedGpu asked) {
  using namespace std::chrono_literals;
  const bool hangs = asked.fault.wait_for(0s) != std::future_status::ready;
  const std::optional<std::string> fault = hangs ? "nvidia-smi cannot be ended" : asked.fault.get();
  if (fault && fault->empty())
    asked.ended.evidence = std::string(kGpuIsSound) + asked.ended.evidence;
  else if (fault)
    asked.ended.evidence = fmt::format("{}{}; {}", kGpuIsBroken, *fault, asked.ended.evidence);
  return std::move(asked.ended);
}

// A process that a driver holds outlives SIGKILL: nobody waits for the thread.
AskedGpu ask_gpu(const RankEnded& ended, std::chrono::milliseconds limit, core::MonotonicTime now) {
  std::promise<std::optional<std::string>> answer;
  AskedGpu asked{ended, answer.get_future(), now + 2 * limit};
  std::thread([gpu = ended.gpu, limit, answer = std::move(answer)]() mutable {
    answer.set_value(gpu_fault(gpu, limit));
  }).detach();
  return asked;
}
}  // namespace

Agent::Agent(Transport& transport, Spawner& spawner, const core::Clock& clock, AgentOptions options)
    : transport_(transport),
      spawner_(spawner),
      clock_(clock),
      options_(std::move(options)),
      bindings_(slowest_last(options_.inventory, options_.burn_ins), options_.cpu, options_.jobs_per_gpu),
      heard_(clock.now()),
      last_step_(heard_) {}

void Agent::send(const Message& message) { transport_.send(kCoordinator, encode(message)); }

bool Agent::step() {
  if (finished_) return false;
  const auto now = clock_.now();
  // While it was stopped (SIGSTOP, a suspended allocation) it could hear nothing.
  if (const auto away = now - last_step_; away > options_.coordinator_limit / 4) heard_ += away;
  last_step_ = now;
  bool busy = !joined_;
  if (!joined_) {
    joined_ = true;
    next_heartbeat_ = now + options_.heartbeat;
    join();
  }
  while (auto delivery = transport_.receive()) {
    busy = true;
    if (delivery->from != kCoordinator) continue;
    heard_ = now;
    try {
      handle(decode(delivery->bytes));
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kInput) throw;
      core::log_warning("a message of the coordinator was refused: {}", error.what());
    }
    if (finished_) return true;
  }
  busy |= pass_on_reports();
  if (finished_) return true;
  if (rejoining_ && live_.empty()) {
    rejoining_ = false;
    join();
  }
  // Each heartbeat of an agent that is to rejoin would be answered with the same request again, and a second Join after
  // the first would cost it what was placed on it in between.
  if (!rejoining_ && now >= next_heartbeat_) {
    next_heartbeat_ = now + options_.heartbeat;
    send(Heartbeat{});
  }
  if (now - heard_ > options_.coordinator_limit * (coordinator_stalls_ ? kStallFactor : 1)) {
    core::log_warning("the coordinator has not been heard of for {} s; ending",
                      std::chrono::duration_cast<std::chrono::seconds>(now - heard_).count());
    finished_ = true;
    // An agent that is still to rejoin sends nothing, so that nothing answers: a rank that cannot be killed keeps it
    // from that.
    coordinator_lost_ = !rejoining_;
  }
  return busy;
}

// \return whether there was any report; one that the spawner has gone ends the agent
bool Agent::pass_on_reports() {
  bool any = false;
  for (const Message& report : reports()) {
    any = true;
    if (const auto* ended = std::get_if<RankEnded>(&report)) {
      const auto rank = live_.find({ended->key, ended->process_rank});
      if (rank != live_.end()) {
        bindings_.give_back(rank->second);
        live_.erase(rank);
      }
    }
    // While it rejoins, its ranks belong to attempts that the coordinator has given up.
    if (!rejoining_ || std::holds_alternative<Leave>(report)) send(report);
    if (std::holds_alternative<Leave>(report)) {
      finished_ = true;
      exit_code_ = 1;
      break;
    }
  }
  return any;
}

// Those of the spawner, but for ends whose GPUs are asked, and of these the ones that have been.
std::vector<Message> Agent::reports() {
  std::vector<Message> reports;
  for (Message& report : spawner_.reports()) {
    auto* ended = std::get_if<RankEnded>(&report);
    if (ended != nullptr)
      if (const auto rank = live_.find({ended->key, ended->process_rank}); rank != live_.end())
        ended->gpu = rank->second.gpu.value_or("");
    if (ended != nullptr && can_be_asked(ended->gpu) && accuses_gpu(exited({}, *ended)))
      asked_.push_back(ask_gpu(*ended, options_.gpu_limit, clock_.now()));
    else
      reports.push_back(std::move(report));
  }
  const auto answered = std::stable_partition(asked_.begin(), asked_.end(), [&](const AskedGpu& asked) {
    return asked.no_later > clock_.now() && asked.fault.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  });
  for (auto asked = answered; asked != asked_.end(); ++asked) reports.emplace_back(with_word_of_gpu(std::move(*asked)));
  asked_.erase(answered, asked_.end());
  return reports;
}

// Numbers are nvidia-smi's where the driver's entry is known, and slices have none.
bool Agent::can_be_asked(const std::string& gpu) const {
  const Inventory& all = options_.inventory;
  const auto place = static_cast<std::size_t>(std::ranges::find(all.gpus, gpu) - all.gpus.begin());
  return gpu.starts_with("GPU-") || (place < all.models.size() && !all.models[place].empty());
}

void Agent::join() {
  Join message{options_.host,
               options_.slots,
               static_cast<int>(options_.inventory.gpus.size()),
               options_.inventory.memory_mib,
               options_.numeric_class,
               options_.burn_ins};
  if (message.burn_ins.empty())
    for (const std::string& gpu : options_.inventory.gpus) message.burn_ins.push_back({gpu, "", "", 0, 0, {}});
  send(message);
  for (BurnIn& done : options_.burn_ins) done.took = {};
}

void Agent::launch(Launch message) {
  std::vector<RankCommand> ranks;
  for (RankCommand& rank : message.ranks) {
    try {
      Binding binding = bindings_.take(rank.gpu, message.gpus_aside);
      if (binding.gpu) message.gpus_aside.push_back(*binding.gpu);  // NCCL takes no two ranks on one
      rank.visible_gpus = binding.gpu.value_or("");
      rank.processors = binding.processors;
      live_.emplace(std::pair(message.key, rank.process_rank), std::move(binding));
      ranks.push_back(std::move(rank));
    } catch (const core::RuntimeError& error) {
      send(RankEnded{message.key, rank.process_rank, core::exit_code(error.kind()), 0, error.what()});
    }
  }
  message.ranks = std::move(ranks);
  spawner_.command(message);
}

void Agent::handle(const Message& message) {
  if (const auto* launch = std::get_if<Launch>(&message)) {
    this->launch(*launch);
  } else if (std::holds_alternative<Prepare>(message) || std::holds_alternative<Kill>(message)) {
    spawner_.command(message);
  } else if (std::holds_alternative<Rejoin>(message)) {
    if (rejoining_) return;
    rejoining_ = true;
    std::set<AttemptKey> keys;
    for (const auto& [rank, binding] : live_) keys.insert(rank.first);
    for (const AttemptKey& key : keys) spawner_.command(Kill{key, 0});
  } else if (const auto* answer = std::get_if<HeartbeatAnswer>(&message)) {
    coordinator_stalls_ = answer->stalls;
  } else if (const auto* shutdown = std::get_if<Shutdown>(&message)) {
    finished_ = true;
    orderly_ = shutdown->orderly;
    exit_code_ = shutdown->exit_code;
  }
}

std::string find_numeric_class(const std::vector<std::string>& worker, const std::optional<std::string>& gpu) {
  try {
    core::SpawnRequest request;
    request.arguments = worker;
    request.arguments.emplace_back("describe");
    if (gpu) request.arguments.emplace_back("cuda");
    request.environment = rank_environment(core::current_environment());
    if (gpu) request.environment["CUDA_VISIBLE_DEVICES"] = *gpu;
    core::CommandOutput output = core::run_command(request, kDescribeLimit);
    // A batch system's notice goes to every process of a job, also to one that does not know what it means.
    if (const auto* killed = std::get_if<core::Killed>(&output.status); killed != nullptr && !output.timed_out)
      output = core::run_command(request, kDescribeLimit);
    if (output.succeeded() && !output.out.empty()) {
      // Our worker tells of the driver too, on which no bit depends. Another program's word counts whole.
      const core::Json answer = core::Json::parse(output.out, nullptr, false);
      const auto named = answer.is_object() ? answer.find("numeric_class") : answer.end();
      return core::sha256_hex(named != answer.end() && named->is_string() ? named->get<std::string>() : output.out);
    }
    core::log_warning(
        "'{} describe{}' did not say this machine's numeric class ({}): it is taken for that of the others",
        worker.front(), gpu ? " cuda" : "", output.timed_out ? "no answer" : core::describe(output.status));
  } catch (const core::RuntimeError& error) {
    core::log_warning("this machine's numeric class is not known and taken for that of the others ({})", error.what());
  }
  return {};
}

}  // namespace resolute::orchestrator
