// What the coordinator does once its decisions are on disk.
#include <algorithm>

#include "core/log.h"
#include "orchestrator/coordinator.h"

namespace resolute::orchestrator {

void Coordinator::make_decisions() {
  Policy policy = options_.policy;
  policy.agents_pending = agents_pending_;
  std::vector<Event> carried_out;
  while (true) {
    dirty_ = false;
    std::vector<Event> decisions = decide(state_, policy, now());
    if (decisions.empty()) break;
    for (Event& decision : decisions) {
      record(decision);
      carried_out.push_back(std::move(decision));
    }
  }
  epoch_.journal->sync();
  for (const Event& decision : carried_out) act(decision);
}

void Coordinator::act(const Event& decision) {
  if (const auto* placed = std::get_if<Placed>(&decision)) {
    // It may have been followed by its own end within one batch of decisions.
    if (current(state_, placed->job, placed->attempt) != nullptr) start_attempt(*placed);
  } else if (const auto* stopped = std::get_if<AttemptStopped>(&decision)) {
    const Running* running = current(state_, stopped->job, stopped->attempt);
    if (running == nullptr) return;
    abandon_preparation(stopped->job, stopped->attempt, stopped->why);
    for (const Share& share : running->placement)
      if (Address to = address_of(share.agent); to >= 0)
        send(to, Kill{key_of(stopped->job, stopped->attempt), stopped->grace.count()});
  } else if (const auto* ended = std::get_if<RunEnded>(&decision)) {
    end_why_ = ended->why;
    finished_ = true;
  }
}

void Coordinator::start_attempt(const Placed& placed) {
  const Running& running = *current(state_, placed.job, placed.attempt);
  const Job& job = job_of(state_, placed.job);
  prepare_attempt(files_, store_, jobs_.at(job.id.hex), placed.attempt);
  if (job.slots == 1) {
    launch(placed.job, running, 0);
    return;
  }
  preparing_.emplace(placed.job, placed.attempt);
  const std::string& host = state_.agents.at(running.placement.front().agent).host;
  const bool one_host = std::all_of(running.placement.begin(), running.placement.end(),
                                    [&](const Share& share) { return state_.agents.at(share.agent).host == host; });
  send(address_of(running.placement.front().agent), Prepare{key_of(placed.job, placed.attempt), !one_host});
}

void Coordinator::launch(JobNumber number, const Running& running, int port) {
  const Job& job = job_of(state_, number);
  Rendezvous rendezvous;
  if (port != 0) {
    const std::string& host = state_.agents.at(running.placement.front().agent).host;
    const bool one_host = std::all_of(running.placement.begin(), running.placement.end(), [&](const Share& share) {
      auto agent = state_.agents.find(share.agent);
      return agent != state_.agents.end() && agent->second.host == host;
    });
    rendezvous = {one_host ? std::string("127.0.0.1") : host, port, random_token(16)};
  }
  int rank = 0;
  for (const Share& share : running.placement) {
    Launch message{key_of(number, running.attempt), {}};
    for (int i = 0; i < share.slots; ++i, ++rank)
      message.ranks.push_back(rank_command(store_, jobs_.at(job.id.hex), running.attempt, rank,
                                           port != 0 ? &rendezvous : nullptr, commands_));
    if (Address to = address_of(share.agent); to >= 0) send(to, message);
  }
}

// The ranks of a gang that waits for its port were never started: nobody else will report their end.
void Coordinator::abandon_preparation(JobNumber number, int attempt, const std::string& evidence) {
  if (preparing_.erase({number, attempt}) == 0) return;
  const Running* running = current(state_, number, attempt);
  if (running == nullptr) return;
  for (std::size_t rank = 0; rank < running->ended.size(); ++rank)
    if (!running->ended[rank])
      to_record_.push_back(RankExited{number, attempt, static_cast<int>(rank), 1, 0, evidence});
  to_settle_.push_back(number);
}

void Coordinator::say(const Event& event) {
  auto label = [&](JobNumber number) -> const std::string& { return job_of(state_, number).label; };
  if (const auto* succeeded = std::get_if<JobSucceeded>(&event)) {
    progress_.update(static_cast<std::uint64_t>(++done_));
    if (!options_.quiet) core::log_info("{}/{} done: {}", done_, total_, label(succeeded->job));
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event)) {
    if (ended->retry)
      core::log_warning("{}: attempt {} ended, to be run again ({}: {})", label(ended->job), ended->attempt,
                        name_of(ended->cause), ended->evidence);
    else
      core::log_error("{}: given up after attempt {} ({}: {})", label(ended->job), ended->attempt,
                      name_of(ended->cause), ended->evidence);
  } else if (const auto* failed = std::get_if<JobFailed>(&event)) {
    core::log_error("{}: cannot be run ({})", label(failed->job), failed->why);
  } else if (const auto* run = std::get_if<RunEnded>(&event)) {
    core::log_debug("run ended: {} ({})", name_of(run->end), run->why);
  }
}

}  // namespace resolute::orchestrator
