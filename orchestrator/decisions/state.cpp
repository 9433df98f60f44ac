#include "orchestrator/decisions/state.h"

#include <algorithm>

#include "core/overloaded.h"

namespace resolute::orchestrator {

std::string_view name_of(const JobState& state) {
  return std::visit(core::Overloaded{[](const Waiting&) { return std::string_view("waiting"); },
                                     [](const Ready&) { return std::string_view("ready"); },
                                     [](const Running&) { return std::string_view("running"); },
                                     [](const Succeeded&) { return std::string_view("succeeded"); },
                                     [](const Failed&) { return std::string_view("failed"); },
                                     [](const Cancelled&) { return std::string_view("cancelled"); }},
                    state);
}

const Job& job_of(const State& state, JobIndex number) {
  RESOLUTE_EXPECT(number.value >= 0 && static_cast<std::size_t>(number.value) < state.jobs.size(), "no such job");
  return state.jobs[static_cast<std::size_t>(number.value)];
}

Job& job_of(State& state, JobIndex number) { return const_cast<Job&>(job_of(std::as_const(state), number)); }

bool ended_badly(const Job& job) {
  return std::holds_alternative<Failed>(job.state) || std::holds_alternative<Cancelled>(job.state);
}

bool has_ended(const Job& job) { return ended_badly(job) || std::holds_alternative<Succeeded>(job.state); }

const Running* current(const State& state, JobIndex number, int attempt) {
  if (number.value < 0 || static_cast<std::size_t>(number.value) >= state.jobs.size()) return nullptr;
  const Job& job = job_of(state, number);
  const auto* running = job.wanted ? std::get_if<Running>(&job.state) : nullptr;
  return running != nullptr && running->attempt == attempt ? running : nullptr;
}

AgentNumber agent_of(const Placement& placement, int process_rank) {
  for (const Share& share : placement) {
    if (process_rank < share.slots) return share.agent;
    process_rank -= share.slots;
  }
  throw core::ContractError("a process rank outside its placement");
}

int capacity(const State& state, bool gpus, int MachineClass::*counted) {
  int slots = 0;
  for (const auto& [numeric_class, machine_class] : state.machine_classes.at(gpus)) slots += machine_class.*counted;
  return slots;
}

int free_slots(const State& state, bool gpus) { return capacity(state, gpus, &MachineClass::free); }

bool usable(const State& state, const AgentSlots& agent) {
  if (agent.leaving) return false;
  const auto host = state.hosts.find(agent.host);
  return host == state.hosts.end() ||
         (!host->second.drained && !host->second.excluded && !host->second.place.is_aside());
}

bool is_excluded(const State& state, const std::string& host) {
  const auto record = state.hosts.find(host);
  return record != state.hosts.end() && record->second.excluded;
}

std::vector<std::string> gpus_aside(const AgentSlots& agent) {
  std::vector<std::string> aside;
  for (const auto& [gpu, record] : agent.gpu_records)
    if (record.is_aside()) aside.push_back(gpu);
  return aside;
}

bool is_slow(std::int64_t speed, std::int64_t median) {
  constexpr double kSlow = 0.7;
  return static_cast<double>(speed) < kSlow * static_cast<double>(median);
}

std::int64_t median_of(const std::vector<std::int64_t>& ascending) {
  return ascending.empty() ? 0 : ascending[ascending.size() / 2];
}

namespace {

std::int64_t class_median(const State& state, AgentNumber number, bool gpus) {
  return median_of(state.class_speeds.at(gpus).at(state.agents.at(number).numeric_class));
}

}  // namespace

bool is_slow_gpu(const State& state, AgentNumber number, const std::string& gpu) {
  const auto speeds = state.speeds.find(number);
  if (speeds == state.speeds.end()) return false;
  const auto speed = speeds->second.find(gpu);
  return speed != speeds->second.end() && is_slow(speed->second, class_median(state, number, true));
}

int slow_count(const State& state, AgentNumber number, bool gpus) {
  const auto speeds = state.speeds.find(number);
  if (speeds == state.speeds.end() || speeds->second.begin()->first.empty() == gpus) return 0;
  const std::int64_t median = class_median(state, number, gpus);
  int slow = 0;
  for (const auto& [gpu, speed] : speeds->second)
    if (is_slow(speed, median)) slow += gpus ? places_of(state, number, gpu) : state.agents.at(number).slots;
  return slow;
}

int free_fast(const State& state, AgentNumber number, bool gpus) {
  const AgentSlots& agent = state.agents.at(number);
  const int free = gpus ? agent.free_gpus : agent.free;
  int slow = slow_count(state, number, gpus);
  if (slow == 0 || !gpus) return slow == 0 ? free : 0;
  if (state.shared.contains(number)) return room_for(state, number, GangNeed{true, 1, 0, {}}, true);
  if (const auto taken = state.on_slow.find(number); taken != state.on_slow.end())
    for (const auto& [job, count] : taken->second) slow -= count;
  return std::clamp(free - slow, 0, free);
}

std::string host_of(const State& state, const Placement& placement) {
  std::string host;
  for (const Share& share : placement) {
    const auto agent = state.agents.find(share.agent);
    if (agent == state.agents.end() || (!host.empty() && agent->second.host != host)) return {};
    host = agent->second.host;
  }
  return host;
}

std::string numeric_class_of(const State& state, const Placement& placement) {
  for (const Share& share : placement) {
    const auto agent = state.agents.find(share.agent);
    if (agent != state.agents.end() && !agent->second.numeric_class.empty()) return agent->second.numeric_class;
  }
  return {};
}

GangNeed need_of(const Job& job) {
  GangNeed need{job.gpus, job.slots, job.memory_mib, {}, job.priority, job.placements == 0};
  for (const auto& [host, causes] : job.failed_on) need.not_on.push_back(host);
  need.alone = job.ends.at(static_cast<std::size_t>(Cause::kOutOfMemory)) > 0;
  if (job.checkpoint >= 0) need.numeric_class = job.numeric_class;
  if (need.numeric_class.empty()) need.row_class = job.row.numeric_class;
  if (need.numeric_class.empty() && need.row_class.empty()) need.beside = job.row.beside;
  return need;
}

int priority_of(std::string_view kind, bool told_first) {
  return (told_first ? 2 : 0) + (kind == "evaluation" ? 1 : 0);
}

std::int64_t expected_left(const Job& job) {
  if (job.expected_ms == 0 || job.steps <= 0 || job.checkpoint <= 0) return job.expected_ms;
  const auto undone = static_cast<double>(job.steps - std::min(job.checkpoint, job.steps));
  return 1 + static_cast<std::int64_t>(static_cast<double>(job.expected_ms) * undone / static_cast<double>(job.steps));
}

Counts count(const State& state) {
  Counts counts;
  for (const Job& job : state.jobs) {
    if (!job.wanted) continue;
    std::visit(
        core::Overloaded{[&](const Waiting&) { ++counts.waiting; }, [&](const Ready&) { ++counts.ready; },
                         [&](const Running&) { ++counts.running; }, [&](const Succeeded&) { ++counts.succeeded; },
                         [&](const Failed&) { ++counts.failed; }, [&](const Cancelled&) { ++counts.cancelled; }},
        job.state);
  }
  return counts;
}

namespace {

struct Used {
  int slots = 0, gpus = 0;
  std::int64_t memory_mib = 0;
};

void check_running(const State& state, JobIndex number, const Job& job, const Running& running,
                   std::map<AgentNumber, Used>& used) {
  int slots = 0;
  int rank = 0;
  std::string numeric_class;
  for (const Share& share : running.placement) {
    RESOLUTE_EXPECT(share.slots > 0, fmt::format("job {} has an empty share", number.value));
    slots += share.slots;
    (job.gpus ? used[share.agent].gpus : used[share.agent].slots) += share.slots;
    used[share.agent].memory_mib += share.slots * job.memory_mib;
    if (const auto shared = state.shared.find(share.agent); job.gpus && shared != state.shared.end())
      RESOLUTE_EXPECT(
          std::ranges::count_if(shared->second.at_work, [&](const auto& gpu) { return gpu.second.contains(number); }) ==
              share.slots,
          fmt::format("job {} has not a GPU for each rank", number.value));
    const auto agent = state.agents.find(share.agent);
    for (int i = 0; i < share.slots; ++i, ++rank)
      RESOLUTE_EXPECT(agent != state.agents.end() || running.ended.at(static_cast<std::size_t>(rank)),
                      fmt::format("job {} has a live rank on an agent that is gone", number.value));
    if (agent == state.agents.end() || agent->second.numeric_class.empty()) continue;
    RESOLUTE_EXPECT(numeric_class.empty() || numeric_class == agent->second.numeric_class,
                    fmt::format("job {} runs on two numeric classes", number.value));
    numeric_class = agent->second.numeric_class;
  }
  RESOLUTE_EXPECT(slots == job.slots, fmt::format("job {} has {} of {} slots", number.value, slots, job.slots));
  RESOLUTE_EXPECT(running.ended.size() == static_cast<std::size_t>(job.slots), "one flag per rank");
  auto alive = std::ranges::count(running.ended, false);
  RESOLUTE_EXPECT(alive == running.alive, fmt::format("job {} counts its live ranks wrongly", number.value));
  RESOLUTE_EXPECT(running.attempt == job.attempts, fmt::format("job {} runs an old attempt", number.value));
}

void check_jobs(const State& state, std::map<AgentNumber, Used>& used) {
  int placed = 0;
  for (int i = 0; i < static_cast<int>(state.jobs.size()); ++i) {
    JobIndex number{i};
    const Job& job = job_of(state, number);
    if (!job.wanted) continue;
    if (job.placements > 0) ++placed;
    int unmet = 0;
    for (JobIndex need : job.after) {
      const Job& needed = job_of(state, need);
      RESOLUTE_EXPECT(needed.wanted, fmt::format("job {} needs one outside the plan", i));
      if (!std::holds_alternative<Succeeded>(needed.state)) ++unmet;
    }
    if (const auto* waiting = std::get_if<Waiting>(&job.state)) {
      RESOLUTE_EXPECT(waiting->unmet == unmet && unmet > 0,
                      fmt::format("job {} waits for {} of {}", i, waiting->unmet, unmet));
    } else if (std::holds_alternative<Ready>(job.state)) {
      RESOLUTE_EXPECT(unmet == 0, fmt::format("job {} is ready with {} needs unmet", i, unmet));
    } else if (const auto* runs = std::get_if<Running>(&job.state)) {
      RESOLUTE_EXPECT(unmet == 0, fmt::format("job {} runs with {} needs unmet", i, unmet));
      check_running(state, number, job, *runs, used);
    }
  }
  RESOLUTE_EXPECT(placed == state.placed_jobs, "the jobs placed in this run are counted wrongly");
}

}  // namespace

void check_invariants(const State& state) {
  std::map<AgentNumber, Used> used;
  check_jobs(state, used);
  for (const auto& [number, agent] : state.agents) {
    const Used taken = used.contains(number) ? used.at(number) : Used{};
    RESOLUTE_EXPECT(agent.free == agent.slots - taken.slots && agent.free >= 0,
                    fmt::format("agent {} has {} of {} slots free with {} taken", number.value, agent.free, agent.slots,
                                taken.slots));
    const auto shared = count_places(state, number);
    const GpuPlaces places = shared.value_or(GpuPlaces{agent.gpus, agent.gpus - taken.gpus});
    RESOLUTE_EXPECT(agent.gpus == places.all && agent.free_gpus == places.free && agent.free_gpus >= 0,
                    fmt::format("agent {} has {} of {} GPUs free with {} taken", number.value, agent.free_gpus,
                                agent.gpus, taken.gpus));
    RESOLUTE_EXPECT(agent.memory_mib == 0 ||
                        (agent.free_memory_mib == agent.memory_mib - taken.memory_mib && agent.free_memory_mib >= 0),
                    fmt::format("agent {} has {} of {} MiB free with {} taken", number.value, agent.free_memory_mib,
                                agent.memory_mib, taken.memory_mib));
  }
  State derived = state;
  build_indexes(derived);
  const Indexes& kept = state;
  const Indexes& made = derived;
  RESOLUTE_EXPECT(kept.ready == made.ready && kept.resting == made.resting, "the ready index differs from the jobs");
  RESOLUTE_EXPECT(kept.running == made.running && kept.attention == made.attention && kept.stopping == made.stopping &&
                      kept.ends == made.ends,
                  "the running index differs from the jobs");
  RESOLUTE_EXPECT(kept.doomed == made.doomed, "the doomed index differs from the jobs");
  RESOLUTE_EXPECT(kept == made, "an index of the agents differs from them");
}

}  // namespace resolute::orchestrator
