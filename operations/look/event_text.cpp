#include "operations/look/event_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "operations/look/explain.h"

namespace resolute::operations {
namespace {

using orchestrator::Cause;
using orchestrator::Event;

// True for an event that tells of a failure. The end of a rank is told with its attempt's end.
struct WentWrong {
  bool operator()(const orchestrator::AttemptEnded& e) const { return !is_no_failure(e.cause); }
  bool operator()(const orchestrator::JobFailed&) const { return true; }
  bool operator()(const orchestrator::JobCancelled&) const { return true; }
  bool operator()(const orchestrator::ResultMissing&) const { return true; }
  bool operator()(const orchestrator::Stalled&) const { return true; }
  bool operator()(const orchestrator::ClaimLost&) const { return true; }
  bool operator()(const orchestrator::RanksGivenUp&) const { return true; }
  bool operator()(const orchestrator::HostExcluded&) const { return true; }
  bool operator()(const orchestrator::GpuSetAside&) const { return true; }
  bool operator()(const orchestrator::HostSetAside&) const { return true; }
  bool operator()(const orchestrator::AgentLost&) const { return true; }
  bool operator()(const orchestrator::Repeated& e) const { return orchestrator::is_doubted(e); }
  bool operator()(const auto&) const { return false; }
};

struct Important {
  bool operator()(const orchestrator::JobAdded&) const { return false; }
  bool operator()(const orchestrator::JobsKept&) const { return false; }
  bool operator()(const orchestrator::JobSucceeded& e) const { return e.attempt > 0; }
  bool operator()(const orchestrator::RankExited& e) const { return e.signal != 0 || e.code != 0; }
  bool operator()(const auto&) const { return true; }
};

std::string number_text(orchestrator::JobIndex job) { return fmt::format("job {} ", job.value); }

}  // namespace

bool is_no_failure(Cause cause) {
  return cause == Cause::kInterrupted || cause == Cause::kPreempted || cause == Cause::kWalltime ||
         cause == Cause::kCancelled;
}

bool is_shown(const Event& event, LogDetail detail) {
  return detail == LogDetail::kAll ||
         (detail == LogDetail::kFailures ? std::visit(WentWrong(), event) : std::visit(Important(), event));
}

EventWords::EventWords(const orchestrator::State& known) {
  for (const auto& [id, number] : known.numbers) jobs_[number] = {id, orchestrator::job_of(known, number).label};
  for (const auto& [agent, slots] : known.agents) hosts_[agent] = slots.host;
}

void EventWords::learn(const Event& event) {
  if (const auto* added = std::get_if<orchestrator::JobAdded>(&event))
    jobs_[added->job] = {added->id.hex, added->label};
  if (const auto* joined = std::get_if<orchestrator::AgentJoined>(&event)) hosts_[joined->agent] = joined->host;
}

std::string EventWords::hosts_of(const orchestrator::Placement& placement) const {
  std::string text;
  for (const orchestrator::Share& share : placement) {
    const auto host = hosts_.find(share.agent);
    text += fmt::format("{}{} (agent {}, {} slot{})", text.empty() ? "" : ", ",
                        host == hosts_.end() ? "a host that is gone" : host->second, share.agent.value, share.slots,
                        share.slots == 1 ? "" : "s");
  }
  return text;
}

std::string EventWords::text_without_job(const Event& event) const {
  if (const auto* placed = std::get_if<orchestrator::Placed>(&event))
    return fmt::format("attempt {} placed on {}{}", placed->attempt, hosts_of(placed->placement),
                       placed->why.empty() ? "" : ": " + placed->why);
  std::string text = describe(event);
  if (const auto job = job_number(event))
    if (const std::string number = number_text(*job); text.starts_with(number)) text.erase(0, number.size());
  return text;
}

// An agent's end by its host.
std::string EventWords::agent_text(const Event& event) const {
  std::string text = describe(event);
  const auto* lost = std::get_if<orchestrator::AgentLost>(&event);
  const auto* leaving = std::get_if<orchestrator::AgentLeaving>(&event);
  if (lost == nullptr && leaving == nullptr) return text;
  const orchestrator::AgentNumber agent = lost != nullptr ? lost->agent : leaving->agent;
  const std::string number = fmt::format("agent {} ", agent.value);
  if (const auto host = hosts_.find(agent); host != hosts_.end() && text.starts_with(number))
    text.insert(number.size(), fmt::format("on {} ", host->second));
  return text;
}

std::string EventWords::text(const Event& event) const {
  const auto job = job_number(event);
  if (!job) return agent_text(event);
  if (std::holds_alternative<orchestrator::JobAdded>(event)) return describe(event);
  const auto name = jobs_.find(*job);
  if (name == jobs_.end()) return number_text(*job) + text_without_job(event);
  return fmt::format("{} ({}) {}", name->second.label, experiments::short_id({name->second.id}),
                     text_without_job(event));
}

bool EventWords::is_about(const Event& event, std::string_view digits) const {
  if (const auto* kept = std::get_if<orchestrator::JobsKept>(&event))
    return std::ranges::any_of(jobs_, [&](const auto& named) {
      return named.second.id.starts_with(digits) && contains(kept->jobs, named.first);
    });
  const auto job = job_number(event);
  const auto named = job ? jobs_.find(*job) : jobs_.end();
  return named != jobs_.end() && named->second.id.starts_with(digits);
}

}  // namespace resolute::operations
