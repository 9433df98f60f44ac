#include <algorithm>
#include <utility>

#include "orchestrator/decisions/apply_parts.h"
#include "orchestrator/decisions/failure.h"

namespace resolute::orchestrator {
namespace {

bool may_be_the_gpus(Cause cause) {
  const Budget budget = budget_of(cause);
  return budget.elsewhere && !budget.renewed && !is_of_the_host(cause);
}

// By such causes, in this run.
int ends_of(const Job& job) {
  int ends = 0;
  for (std::size_t cause = 0; cause < kCauses; ++cause)
    if (may_be_the_gpus(static_cast<Cause>(cause))) ends += job.ends.at(cause);
  return ends;
}

// \param by GPUs that are given out then, where jobs do not share them
template <class Change>
void change(State& state, AgentNumber number, int by, Change&& change_records) {
  AgentSlots& agent = state.agents.at(number);
  unindex_host(state, agent.host);
  change_records(agent.gpu_records);
  if (!recount_gpus(state, number)) {
    agent.gpus += by;
    agent.free_gpus += by;
  }
  index_host(state, agent.host);
  refresh_gpus(state, number);
}

const SharedGpus* find_shared(const State& state, AgentNumber number) {
  const auto found = state.shared.find(number);
  return found == state.shared.end() ? nullptr : &found->second;
}

int taken_of(const SharedGpus& shared, const std::string& gpu) {
  int taken = 0;
  if (const auto jobs = shared.at_work.find(gpu); jobs != shared.at_work.end())
    for (const auto& [job, places] : jobs->second) taken += places;
  return taken;
}

int room_on(const State& state, AgentNumber number, const std::string& gpu) {
  return std::max(0, places_of(state, number, gpu) - taken_of(state.shared.at(number), gpu));
}

// On each a rank finds room: fast ones first, then those with the least to do.
std::vector<std::string> gpus_with_room(const State& state, AgentNumber number, const GangNeed& need, bool fast) {
  const SharedGpus& shared = state.shared.at(number);
  std::vector<std::string> gpus;
  for (const std::string& gpu : shared.names)
    if (room_on(state, number, gpu) > 0 && !(need.alone && taken_of(shared, gpu) > 0) &&
        !(fast && is_slow_gpu(state, number, gpu)))
      gpus.push_back(gpu);
  std::ranges::stable_sort(gpus, {}, [&](const std::string& gpu) {
    return std::pair(is_slow_gpu(state, number, gpu), taken_of(shared, gpu));
  });
  return gpus;
}

}  // namespace

void accuse_gpu(State& state, JobIndex number, AgentNumber agent, const std::string& gpu, Cause cause,
                const std::string& evidence) {
  if (!may_be_the_gpus(cause)) return;
  auto& ends = state.agents.at(agent).gpu_records[gpu].ends;
  const auto of_job = [&](const PlaceEnd& end) { return end.job == number; };
  if (ends_of(job_of(state, number)) == std::ranges::count_if(ends, of_job)) {
    ends.push_back({number, cause, evidence});
    return refresh_gpus(state, agent);
  }
  for (auto& [other, slots] : state.agents) {
    for (auto& [name, record] : slots.gpu_records) std::erase_if(record.ends, of_job);
    refresh_gpus(state, other);
  }
}

void acquit_gpu(State& state, AgentNumber agent, const std::string& gpu) {
  const auto& records = state.agents.at(agent).gpu_records;
  const auto record = records.find(gpu);
  // No job shows that its bits are right.
  if (record == records.end() || record->second.aside_until == kForGood) return;
  const int by = record->second.is_aside() ? 1 : 0;
  change(state, agent, by, [&](auto& all) { all.erase(gpu); });
}

void give_back_of_gpus_aside(State& state) {
  for (const auto& [until, number, gpu] : state.gpus_aside) {
    AgentSlots& agent = state.agents.at(number);
    for (const PlaceEnd& end : std::exchange(agent.gpu_records.at(gpu).ends, {}))
      give_back(state, end.job, agent.host, end.cause);
  }
}

void set_aside(State& state, AgentNumber agent, const std::string& gpu, Instant until, const std::string& why) {
  const auto& records = state.agents.at(agent).gpu_records;
  const auto found = records.find(gpu);
  const int by = found == records.end() || !found->second.is_aside() ? -1 : 0;
  change(state, agent, by, [&](auto& all) {
    PlaceRecord& record = all[gpu];
    record.aside_until = until;
    ++record.times_aside;
    record.why = why;
  });
}

void give_out_again(State& state, AgentNumber agent, const std::string& gpu) {
  change(state, agent, 1, [&](auto& all) {
    all.at(gpu).aside_until = Instant{};
    all.at(gpu).ends.clear();
  });
}

int places_of(const State& state, AgentNumber number, const std::string& gpu) {
  const auto& records = state.agents.at(number).gpu_records;
  const auto record = records.find(gpu);
  if (record != records.end() && record->second.is_aside()) return 0;
  const SharedGpus* shared = find_shared(state, number);
  const bool on_trial = record != records.end() && record->second.times_aside > 0;
  return shared == nullptr || on_trial ? 1 : shared->jobs;
}

int width_of(const State& state, AgentNumber number, bool gpus) {
  const AgentSlots& agent = state.agents.at(number);
  const SharedGpus* shared = gpus ? find_shared(state, number) : nullptr;
  if (shared == nullptr) return gpus ? agent.gpus : agent.slots;
  return static_cast<int>(
      std::ranges::count_if(shared->names, [&](const std::string& gpu) { return places_of(state, number, gpu) > 0; }));
}

int room_for(const State& state, AgentNumber number, const GangNeed& need, bool fast) {
  const AgentSlots& agent = state.agents.at(number);
  const SharedGpus* shared = need.gpus ? find_shared(state, number) : nullptr;
  if (shared == nullptr) return fast ? free_fast(state, number, need.gpus) : need.gpus ? agent.free_gpus : agent.free;
  const std::vector<std::string> gpus = gpus_with_room(state, number, need, fast);
  if (need.slots > 1 || need.alone) return static_cast<int>(gpus.size());
  int room = 0;
  for (const std::string& gpu : gpus) room += room_on(state, number, gpu);
  return room;
}

int idle_gpus(const State& state, AgentNumber number) {
  const SharedGpus* shared = find_shared(state, number);
  if (shared == nullptr) return state.agents.at(number).free_gpus;
  return static_cast<int>(std::ranges::count_if(shared->names, [&](const std::string& gpu) {
    return places_of(state, number, gpu) > 0 && taken_of(*shared, gpu) == 0;
  }));
}

std::vector<std::string> gpus_kept_from(const State& state, AgentNumber number, JobIndex job) {
  const SharedGpus* shared = find_shared(state, number);
  if (shared == nullptr) return gpus_aside(state.agents.at(number));
  std::vector<std::string> kept;
  for (const std::string& gpu : shared->names)
    if (const auto jobs = shared->at_work.find(gpu); jobs == shared->at_work.end() || !jobs->second.contains(job))
      kept.push_back(gpu);
  return kept;
}

bool shares_gpu(const State& state, AgentNumber number, const std::string& gpu, JobIndex job) {
  const SharedGpus* shared = find_shared(state, number);
  if (shared == nullptr) return false;
  const auto jobs = shared->at_work.find(gpu);
  if (jobs == shared->at_work.end() || !jobs->second.contains(job)) return false;
  return jobs->second.at(job) < places_of(state, number, gpu);
}

void take_gpus(State& state, AgentNumber number, JobIndex job, int ranks) {
  const auto found = state.shared.find(number);
  if (found == state.shared.end()) return;
  const GangNeed need = need_of(job_of(state, job));
  const std::vector<std::string> gpus = gpus_with_room(state, number, need, false);
  RESOLUTE_EXPECT(std::ssize(gpus) >= ranks, "a gang was placed where it has not a GPU for each rank");
  for (int i = 0; i < ranks; ++i)
    found->second.at_work[gpus[static_cast<std::size_t>(i)]][job] = need.alone ? found->second.jobs : 1;
}

void release_gpus(State& state, AgentNumber number, JobIndex job) {
  const auto found = state.shared.find(number);
  if (found == state.shared.end()) return;
  for (auto& [gpu, jobs] : found->second.at_work) jobs.erase(job);
  std::erase_if(found->second.at_work, [](const auto& gpu) { return gpu.second.empty(); });
}

std::optional<GpuPlaces> count_places(const State& state, AgentNumber number) {
  const SharedGpus* shared = find_shared(state, number);
  if (shared == nullptr) return std::nullopt;
  GpuPlaces places;
  for (const std::string& gpu : shared->names) {
    places.all += places_of(state, number, gpu);
    places.free += room_on(state, number, gpu);
  }
  return places;
}

bool recount_gpus(State& state, AgentNumber number) {
  const auto places = count_places(state, number);
  if (!places) return false;
  AgentSlots& agent = state.agents.at(number);
  agent.gpus = places->all;
  agent.free_gpus = places->free;
  return true;
}

}  // namespace resolute::orchestrator
