#include "orchestrator/coordinator/place_checks.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "core/hash/sha256.h"
#include "orchestrator/coordinator/handover.h"
#include "orchestrator/decisions/burn_in.h"
#include "orchestrator/decisions/failure.h"

namespace resolute::orchestrator {
namespace {

constexpr std::size_t kMostPlaces = 3;  // two that disagree, and one that tells which of them is right
constexpr int kMostLookedAt = 16;       // of what waits, at each launch

bool is_on(const State& state, const BurnedIn& place, const std::string& host) {
  const auto agent = state.agents.find(place.agent);
  return agent != state.agents.end() && agent->second.host == host;
}

bool in_doubt(const std::vector<BurnedIn>& places) {
  return std::ranges::adjacent_find(places, std::not_equal_to(), &BurnedIn::digest) != places.end();
}

// This run may not have heard of the checkpoints of attempts that another run or an earlier one made.
bool begins_anew(const Job& job) { return job.checkpoint < 0 && job.attempts == job.placements; }

// Then another carrier could end in the same way. All other ends come from elsewhere: a signal, an agent, a user, the
// store.
bool may_be_by_the_steps(Cause cause) {
  if (cause == Cause::kUnkillable) return true;
  return !budget_of(cause).renewed && cause != Cause::kCancelled && cause != Cause::kStoreError;
}

std::string text_of(const core::Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

BurnedIn place_with(AgentNumber agent, std::string gpu, std::string digest) {
  return {agent, std::move(gpu), std::move(digest), "", 0, 0, {}};
}

}  // namespace

bool is_repeated(const experiments::JobId& job, double share) {
  constexpr int kDigits = 13;  // 52 bits, which a double holds
  const auto part = static_cast<double>(std::stoull(job.hex.substr(0, kDigits), nullptr, 16));
  return part < share * static_cast<double>(std::uint64_t{1} << (4 * kDigits));
}

bool Repeats::is_candidate(const Job& job) const {
  return share_ > 0 && job.kind == "training" && job.slots == 1 && is_repeated(job.id, share_) &&
         !going_on_.contains(job.id);
}

void Repeats::take(const State& state, const Event& event) {
  if (const auto* placed = std::get_if<Placed>(&event)) {
    const Job& job = job_of(state, placed->job);
    from_first_step_.erase(placed->job);
    if (is_candidate(job) && begins_anew(job)) from_first_step_[placed->job];
  } else if (const auto* exited = std::get_if<RankExited>(&event)) {
    const auto attempt = from_first_step_.find(exited->job);
    if (exited->code == 0 && exited->signal == 0 && attempt != from_first_step_.end()) attempt->second = exited->gpu;
  } else if (const auto* succeeded = std::get_if<JobSucceeded>(&event)) {
    carriers_.erase(succeeded->job);
    const auto attempt = from_first_step_.extract(succeeded->job);
    const Running* running = current(state, succeeded->job, succeeded->attempt);
    if (attempt.empty() || !attempt.mapped() || running == nullptr) return;
    repetitions_[succeeded->job].places = {place_with(running->placement.front().agent, *attempt.mapped(), "")};
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event)) {
    from_first_step_.erase(ended->job);
    const auto carried = carriers_.extract(ended->job);
    if (carried.empty() || may_be_by_the_steps(ended->cause)) return;
    if (const auto found = repetitions_.find(carried.mapped()); found != repetitions_.end()) found->second.waits = true;
  }
}

// \param not_on gets the GPUs of the agent that have computed the steps
bool Repeats::is_new_place(const State& state, const Repetition& repetition, AgentNumber number,
                           std::vector<std::string>& not_on) const {
  const AgentSlots& agent = state.agents.at(number);
  const auto first = state.agents.find(repetition.places.front().agent);
  if (first == state.agents.end() || agent.numeric_class.empty() || agent.numeric_class != first->second.numeric_class)
    return false;
  for (const BurnedIn& place : repetition.places) {
    if (place.gpu.empty() && is_on(state, place, agent.host)) return false;
    if (place.agent == number && !place.gpu.empty()) not_on.push_back(place.gpu);
  }
  const std::vector<std::string> aside = gpus_aside(agent);
  const auto given_out = std::ranges::count_if(
      not_on, [&](const std::string& gpu) { return std::ranges::find(aside, gpu) == aside.end(); });
  return not_on.empty() || width_of(state, number, true) > given_out;
}

// Those in doubt first. Jobs of one length end in one order again and again: a fixed order of what waits would meet the
// same GPU each time.
std::optional<Repeats::Order> Repeats::order_for(const State& state, JobIndex number) {
  const Job& carrier = job_of(state, number);
  const auto* running = std::get_if<Running>(&carrier.state);
  if (running == nullptr || carrier.kind != "training" || carrier.slots != 1) return std::nullopt;
  const AgentNumber agent = running->placement.front().agent;
  Repetition* chosen = nullptr;
  std::tuple<std::size_t, std::string> best;
  Order order;
  JobIndex training;
  int looked_at = 0;
  for (auto& [one, repetition] : repetitions_) {
    const Job& job = job_of(state, one);
    std::vector<std::string> not_on;
    if (!repetition.waits || job.gpus != carrier.gpus || !is_new_place(state, repetition, agent, not_on)) continue;
    std::tuple rank(kMostPlaces - repetition.places.size(), core::sha256_hex(carrier.id.hex + job.id.hex));
    if (chosen == nullptr || rank < best) {
      chosen = &repetition;
      best = std::move(rank);
      order = {job.id, std::move(not_on)};
      training = one;
    }
    if (++looked_at == kMostLookedAt) break;
  }
  if (chosen == nullptr) return std::nullopt;
  chosen->waits = false;
  carriers_[number] = training;
  return order;
}

std::optional<Repeated> Repeats::take_answer(const State& state, JobIndex carrier, const core::Json& line) {
  const auto found = line.find("repeat");
  const auto* running = std::get_if<Running>(&job_of(state, carrier).state);
  if (found == line.end() || !found->is_object() || running == nullptr) return std::nullopt;
  const auto order = carriers_.extract(carrier);
  if (order.empty()) return std::nullopt;
  const JobIndex training = order.mapped();
  const auto repetition = repetitions_.find(training);
  if (found->contains("left_out")) {
    if (repetition != repetitions_.end()) repetition->second.waits = true;
    return std::nullopt;
  }
  const auto took = found->find("took_ms");
  Repeated repeated{training,
                    running->placement.front().agent,
                    text_of(*found, "gpu"),
                    text_of(*found, "recorded"),
                    text_of(*found, "digest"),
                    text_of(*found, "problem"),
                    Milliseconds(took != found->end() && took->is_number_unsigned() ? took->get<std::int64_t>() : 0)};
  repeated.took = std::clamp(repeated.took, Milliseconds(0), kLongestTime);
  if (repeated.problem.empty() && (repeated.recorded.empty() || repeated.digest.empty()))
    repeated.problem = "no digest was told";
  if (repetition == repetitions_.end()) return repeated;  // forgotten meanwhile
  auto& places = repetition->second.places;
  if (repeated.problem.empty()) {
    places.front().digest = repeated.recorded;
    places.push_back(place_with(repeated.agent, repeated.gpu, repeated.digest));
  }
  if (in_doubt(places))
    repetition->second.waits = places.size() < kMostPlaces;
  else
    repetitions_.erase(repetition);
  return repeated;
}

std::optional<Event> Repeats::next_verdict(const State& state) const {
  // A GPU can be set aside once one of its agent is free; until then its host would be taken.
  const auto all_at_work = [&](const BurnedIn& place) {
    const auto agent = state.agents.find(place.agent);
    return !place.gpu.empty() && agent != state.agents.end() && agent->second.gpus > 0 && agent->second.free_gpus == 0;
  };
  for (const auto& [training, repetition] : repetitions_)
    if (in_doubt(repetition.places) && std::ranges::none_of(repetition.places, all_at_work))
      if (auto verdict = orchestrator::next_verdict(
              state, repetition.places,
              fmt::format("repeating job {}", experiments::short_id(job_of(state, training).id))))
        return verdict;
  return std::nullopt;
}

std::size_t Repeats::waiting() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(repetitions_, [](const auto& one) { return one.second.places.size() < kMostPlaces; }));
}

void Repeats::forget(const State& state, const std::string& host) {
  std::erase_if(repetitions_, [&](const auto& one) {
    return std::ranges::any_of(one.second.places, [&](const BurnedIn& place) { return is_on(state, place, host); });
  });
}

std::optional<Event> PlaceChecks::next_verdict(const State& state) const {
  if (auto verdict = orchestrator::next_verdict(state, burn_ins)) return verdict;
  return repeats.next_verdict(state);
}

std::vector<Event> PlaceChecks::take_still_aside(AgentNumber agent, const Join& joined) {
  std::vector<Event> events = gpus_still_aside(still_aside, agent, joined);
  std::erase_if(still_aside, [&](const PlaceAside& place) {
    return place.host == joined.host && std::ranges::count(joined.burn_ins, place.gpu, &BurnIn::gpu) > 0;
  });
  return events;
}

void PlaceChecks::keep(const State& state, AgentNumber agent) {
  std::ranges::move(places_aside(state.agents.at(agent)), std::back_inserter(still_aside));
}

void PlaceChecks::forget(const State& state, const std::string& host) {
  std::erase_if(still_aside, [&](const PlaceAside& one) { return one.host == host; });
  std::erase_if(burn_ins, [&](const BurnedIn& done) { return is_on(state, done, host); });
  repeats.forget(state, host);
}

}  // namespace resolute::orchestrator
