#include "orchestrator/agent.h"

#include "core/log.h"

namespace resolute::orchestrator {

namespace {
constexpr Address kCoordinator = 0;
}

Agent::Agent(Transport& transport, Spawner& spawner, const core::Clock& clock, AgentOptions options)
    : transport_(transport), spawner_(spawner), clock_(clock), options_(std::move(options)), heard_(clock.now()) {}

void Agent::send(const Message& message) { transport_.send(kCoordinator, encode(message)); }

bool Agent::step() {
  if (finished_) return false;
  bool busy = false;
  const auto now = clock_.now();
  if (!joined_) {
    joined_ = true;
    next_heartbeat_ = now + options_.heartbeat;
    send(Join{options_.host, options_.slots});
    busy = true;
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
  for (const Message& report : spawner_.reports()) {
    busy = true;
    if (const auto* ended = std::get_if<RankEnded>(&report)) live_.erase({ended->key, ended->process_rank});
    // While it rejoins, its ranks belong to attempts that the coordinator has given up.
    if (!rejoining_ || std::holds_alternative<Leave>(report)) send(report);
    if (std::holds_alternative<Leave>(report)) {
      finished_ = true;
      exit_code_ = 1;
      return true;
    }
  }
  if (rejoining_ && live_.empty()) finish_rejoin();
  // Each heartbeat of an agent that is to rejoin would be answered with the same request again, and a second Join after
  // the first would cost it what was placed on it in between.
  if (!rejoining_ && now >= next_heartbeat_) {
    next_heartbeat_ = now + options_.heartbeat;
    send(Heartbeat{});
  }
  if (now - heard_ > options_.coordinator_limit) {
    core::log_warning("the coordinator has not been heard of for {} s; ending",
                      std::chrono::duration_cast<std::chrono::seconds>(now - heard_).count());
    finished_ = true;
  }
  return busy;
}

void Agent::finish_rejoin() {
  rejoining_ = false;
  send(Join{options_.host, options_.slots});
}

void Agent::handle(const Message& message) {
  if (const auto* launch = std::get_if<Launch>(&message)) {
    for (const RankCommand& rank : launch->ranks) live_.emplace(launch->key, rank.process_rank);
    spawner_.command(message);
  } else if (std::holds_alternative<Prepare>(message) || std::holds_alternative<Kill>(message)) {
    spawner_.command(message);
  } else if (std::holds_alternative<Rejoin>(message)) {
    if (rejoining_) return;
    rejoining_ = true;
    std::set<AttemptKey> keys;
    for (const auto& [key, rank] : live_) keys.insert(key);
    for (const AttemptKey& key : keys) spawner_.command(Kill{key, 0});
  } else if (const auto* shutdown = std::get_if<Shutdown>(&message)) {
    finished_ = true;
    orderly_ = shutdown->orderly;
    exit_code_ = shutdown->exit_code;
  }
}

}  // namespace resolute::orchestrator
