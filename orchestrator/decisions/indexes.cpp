#include <algorithm>

#include "orchestrator/decisions/apply_parts.h"

namespace resolute::orchestrator {
namespace {

bool is_doomed(const State& state, const Job& job) {
  if (job.unwanted) return true;
  return std::holds_alternative<Waiting>(job.state) &&
         std::ranges::any_of(job.after, [&](JobIndex need) { return ended_badly(job_of(state, need)); });
}

bool needs_decision(const State& state, const Running& running) {
  if (running.alive == 0) return running.ending.has_value();
  return !running.stopping && (running.ending.has_value() || state.stop.has_value());
}

bool is_accused(const HostRecord& record) { return !record.evidence.empty() && !record.excluded; }

// Two ends in a row; after it was set aside, one job is a trial.
bool is_failing(const PlaceRecord& record) { return record.ends.size() >= (record.times_aside > 0 ? 1U : 2U); }

LeastNeed shape_of(const Job& job) { return {job.slots, job.gpus, job.memory_mib}; }

void enqueue(State& state, JobIndex number, const Job& job) {
  const GangNeed need = need_of(job);
  if (!need.beside.empty()) ++state.beginning[job.row.number];
  Queue& queue = state.ready[need];
  queue.by_path.emplace(~job.path_ms, number);
  queue.by_left.emplace(expected_left(job), number);
  queue.by_checkpoint.emplace(job.checkpoint_ms, number);
}

void dequeue(State& state, JobIndex number, const Job& job) {
  const auto queue = state.ready.find(need_of(job));
  if (!queue->first.beside.empty())
    if (const auto row = state.beginning.find(job.row.number); --row->second == 0) state.beginning.erase(row);
  queue->second.by_path.erase({~job.path_ms, number});
  queue->second.by_left.erase({expected_left(job), number});
  queue->second.by_checkpoint.erase({job.checkpoint_ms, number});
  if (queue->second.by_path.empty()) state.ready.erase(queue);
}

void index_running(State& state, JobIndex number, const Job& job, const Running& running) {
  state.running.insert(number);
  if (needs_decision(state, running)) state.attention.insert(number);
  if (running.stop_by != Instant{}) state.stopping.emplace(running.stop_by, number);
  for (const Share& share : running.placement) {
    auto& agent_jobs = state.at_work[share.agent];
    const auto place = std::ranges::lower_bound(agent_jobs, number);
    if (place == agent_jobs.end() || *place != number) agent_jobs.insert(place, number);
    if (!job.gpus && need_of(job).alone) state.alone_at_work.insert(share.agent);
  }
  if (running.expected_end != Instant{})
    state.ends.at(job.gpus).emplace(std::pair(running.expected_end, number), job.slots);
}

void unindex_running(State& state, JobIndex number, const Job& job, const Running& running) {
  state.running.erase(number);
  state.attention.erase(number);
  state.stopping.erase({running.stop_by, number});
  for (const Share& share : running.placement) {
    const auto agent_jobs = state.at_work.find(share.agent);
    if (agent_jobs == state.at_work.end()) continue;
    std::erase(agent_jobs->second, number);
    state.alone_at_work.erase(share.agent);
    if (agent_jobs->second.empty()) state.at_work.erase(agent_jobs);
  }
  state.ends.at(job.gpus).erase({running.expected_end, number});
}

void add(FreePlaces& places, int free, AgentNumber machine) {
  if (free == 0) return;
  places.free += free;
  places.machines.emplace(free, machine);
}

void remove(FreePlaces& places, int free, AgentNumber machine) {
  places.free -= free;
  places.machines.erase({free, machine});
}

void add_machine(State& state, AgentNumber number, const std::string& numeric_class) {
  const Machine& machine = state.machines.at(number);
  for (std::size_t pool : {0U, 1U}) {
    const auto found = state.machine_classes.at(pool).find(numeric_class);
    if (found == state.machine_classes.at(pool).end()) continue;
    MachineClass& machine_class = found->second;
    const bool first_slow = machine_class.slow == 0 && machine.slow.at(pool) > 0;
    machine_class.slow += machine.slow.at(pool);
    add(machine_class, machine.free.at(pool), number);
    if (first_slow)
      for (const auto& [free, other] : machine_class.machines)
        add(machine_class.fast, state.machines.at(other).fast.at(pool), other);
    else if (machine_class.slow > 0)
      add(machine_class.fast, machine.fast.at(pool), number);
  }
}

void remove_machine(State& state, AgentNumber number, const std::string& numeric_class) {
  const Machine& machine = state.machines.at(number);
  for (std::size_t pool : {0U, 1U}) {
    const auto found = state.machine_classes.at(pool).find(numeric_class);
    if (found == state.machine_classes.at(pool).end()) continue;
    MachineClass& machine_class = found->second;
    remove(machine_class, machine.free.at(pool), number);
    if (machine_class.slow > 0) remove(machine_class.fast, machine.fast.at(pool), number);
    machine_class.slow -= machine.slow.at(pool);
    if (machine_class.slow == 0) machine_class.fast = {};
  }
  state.machines.erase(number);
}

// So many, from the first, are slow.
std::ptrdiff_t slow_of(const std::vector<std::int64_t>& speeds) {
  const std::int64_t median = median_of(speeds);
  return std::partition_point(speeds.begin(), speeds.end(), [&](auto speed) { return is_slow(speed, median); }) -
         speeds.begin();
}

// The same without one of this speed.
std::ptrdiff_t slow_besides(const std::vector<std::int64_t>& speeds, std::int64_t speed) {
  return slow_of(speeds) - (is_slow(speed, median_of(speeds)) ? 1 : 0);
}

// \param all whether another's speed made others slow, or fast
void refresh_machines(State& state, const std::string& host, bool all) {
  const auto refresh = [&](const std::string& one) {
    unindex_host(state, one);
    index_host(state, one);
  };
  if (!all) return refresh(host);
  for (const auto& [one, agents] : state.on_host) refresh(one);
}

}  // namespace

void index_job(State& state, JobIndex number) {
  const Job& job = job_of(state, number);
  if (!job.wanted || has_ended(job)) return;
  if (!job.elsewhere) ++state.unfinished[shape_of(job)];
  if (const auto* running = std::get_if<Running>(&job.state)) {
    index_running(state, number, job, *running);
    return;
  }
  const auto* ready = job.elsewhere ? nullptr : std::get_if<Ready>(&job.state);
  if (is_doomed(state, job))
    state.doomed.insert(number);
  else if (ready != nullptr && ready->not_before <= state.last_placed)
    enqueue(state, number, job);
  else if (ready != nullptr)
    state.resting.emplace(ready->not_before, number);
}

void unindex_job(State& state, JobIndex number) {
  const Job& job = job_of(state, number);
  if (!job.wanted || has_ended(job)) return;
  if (!job.elsewhere)
    if (const auto alike = state.unfinished.find(shape_of(job)); --alike->second == 0) state.unfinished.erase(alike);
  if (const auto* running = std::get_if<Running>(&job.state)) {
    unindex_running(state, number, job, *running);
  } else if (state.doomed.erase(number) == 0) {
    if (const auto* ready = std::get_if<Ready>(&job.state); ready != nullptr && !job.elsewhere)
      if (state.resting.erase({ready->not_before, number}) == 0) dequeue(state, number, job);
  }
}

void refresh_attention(State& state, JobIndex number) {
  const auto* running = std::get_if<Running>(&job_of(state, number).state);
  if (running != nullptr && needs_decision(state, *running))
    state.attention.insert(number);
  else
    state.attention.erase(number);
}

void index_host(State& state, const std::string& host) {
  const auto host_agents = state.on_host.find(host);
  if (host_agents == state.on_host.end()) return;
  std::map<std::string, AgentNumber> lowest;  // by numeric class
  for (AgentNumber number : host_agents->second) {
    const AgentSlots& agent = state.agents.at(number);
    if (!usable(state, agent)) continue;
    const AgentNumber first = lowest.emplace(agent.numeric_class, number).first->second;
    Machine& machine = state.machines[first];
    machine.agents.insert(number);
    machine.free[0] += agent.free;
    machine.free[1] += agent.free_gpus;
    for (std::size_t pool : {0U, 1U}) {
      machine.fast.at(pool) += free_fast(state, number, pool == 1);
      machine.slow.at(pool) += slow_count(state, number, pool == 1);
    }
    state.machine_of[number] = first;
    for (const bool gpus : {false, true}) {
      const int places = gpus ? agent.gpus : agent.slots;
      if (places == 0) continue;
      MachineClass& machine_class = state.machine_classes.at(gpus)[agent.numeric_class];
      machine_class.capacity += places;
      machine_class.width += width_of(state, number, gpus);
    }
  }
  for (const auto& [numeric_class, first] : lowest) add_machine(state, first, numeric_class);
}

void unindex_host(State& state, const std::string& host) {
  const auto host_agents = state.on_host.find(host);
  if (host_agents == state.on_host.end()) return;
  for (AgentNumber number : host_agents->second) {
    const auto first = state.machine_of.find(number);
    if (first == state.machine_of.end()) continue;
    const AgentSlots& agent = state.agents.at(number);
    if (first->second == number) remove_machine(state, number, agent.numeric_class);
    for (const bool gpus : {false, true})
      if (const auto machine_class = state.machine_classes.at(gpus).find(agent.numeric_class);
          machine_class != state.machine_classes.at(gpus).end()) {
        machine_class->second.capacity -= gpus ? agent.gpus : agent.slots;
        machine_class->second.width -= width_of(state, number, gpus);
      }
    state.machine_of.erase(first);
  }
  for (auto& classes : state.machine_classes)
    std::erase_if(classes, [](const auto& machine_class) { return machine_class.second.capacity == 0; });
}

void change_free(State& state, AgentNumber number, AgentSlots& agent, JobIndex worker, int slots) {
  const Job& job = job_of(state, worker);
  const int fast_before = free_fast(state, number, job.gpus);
  int& free = job.gpus ? agent.free_gpus : agent.free;
  const int free_before = free;
  free += slots;
  if (agent.memory_mib > 0) agent.free_memory_mib += slots * job.memory_mib;
  if (job.gpus && state.shared.contains(number)) {
    slots < 0 ? take_gpus(state, number, worker, -slots) : release_gpus(state, number, worker);
    recount_gpus(state, number);
  } else if (job.gpus && -slots > fast_before) {
    state.on_slow[number][worker] += -slots - fast_before;
  } else if (const auto taken = state.on_slow.find(number); slots > 0 && taken != state.on_slow.end()) {
    taken->second.erase(worker);
  }
  const int freer = free - free_before;
  const int faster = free_fast(state, number, job.gpus) - fast_before;
  auto machine = state.machines.find(number);  // most machines have one agent
  if (machine == state.machines.end()) {
    const auto first = state.machine_of.find(number);
    if (first == state.machine_of.end()) return;
    machine = state.machines.find(first->second);
  }
  MachineClass& machine_class = state.machine_classes.at(job.gpus).find(agent.numeric_class)->second;
  const auto change = [&](FreePlaces& places, int& all, int by) {
    remove(places, all, machine->first);
    all += by;
    add(places, all, machine->first);
  };
  change(machine_class, machine->second.free.at(job.gpus), freer);
  if (machine_class.slow > 0)
    change(machine_class.fast, machine->second.fast.at(job.gpus), faster);
  else
    machine->second.fast.at(job.gpus) += faster;
}

void add_speed(State& state, AgentNumber number, const std::string& gpu, std::int64_t speed) {
  const AgentSlots& agent = state.agents.at(number);
  if (agent.numeric_class.empty() || !state.speeds[number].emplace(gpu, speed).second) return;
  auto& speeds = state.class_speeds.at(!gpu.empty())[agent.numeric_class];
  const auto slow_before = slow_of(speeds);
  speeds.insert(std::ranges::upper_bound(speeds, speed), speed);
  refresh_machines(state, agent.host, slow_besides(speeds, speed) != slow_before);
}

void forget_speeds(State& state, AgentNumber number) {
  const auto found = state.speeds.find(number);
  if (found == state.speeds.end()) return;
  const AgentSlots& agent = state.agents.at(number);
  bool all = false;
  for (const auto& [gpu, speed] : found->second) {
    auto& speeds = state.class_speeds.at(!gpu.empty()).at(agent.numeric_class);
    const auto slow_before = slow_besides(speeds, speed);
    speeds.erase(std::ranges::lower_bound(speeds, speed));
    all = all || slow_of(speeds) != slow_before;
    if (speeds.empty()) state.class_speeds.at(!gpu.empty()).erase(agent.numeric_class);
  }
  state.speeds.erase(found);
  state.on_slow.erase(number);
  refresh_machines(state, agent.host, all);
}

void refresh_gpus(State& state, AgentNumber number) {
  std::erase_if(state.accused_gpus, [&](const auto& gpu) { return gpu.first == number; });
  std::erase_if(state.gpus_aside, [&](const auto& gpu) { return std::get<AgentNumber>(gpu) == number; });
  const auto agent = state.agents.find(number);
  if (agent == state.agents.end()) return;
  for (const auto& [gpu, record] : agent->second.gpu_records)
    if (record.is_aside())
      state.gpus_aside.emplace(record.aside_until, number, gpu);
    else if (is_failing(record))
      state.accused_gpus.emplace(number, gpu);
}

void refresh_host_record(State& state, const std::string& host) {
  const auto record = state.hosts.find(host);
  if (record != state.hosts.end() && record->second == HostRecord{}) state.hosts.erase(record);
  const auto left = state.hosts.find(host);
  state.accused.erase(host);
  state.failing_hosts.erase(host);
  state.hosts_on_trial.erase(host);
  std::erase_if(state.hosts_aside, [&](const auto& aside) { return aside.second == host; });
  if (left == state.hosts.end()) return;
  const PlaceRecord& place = left->second.place;
  if (is_accused(left->second)) state.accused.insert(host);
  if (place.is_aside())
    state.hosts_aside.emplace(place.aside_until, host);
  else if (place.times_aside > 0)
    state.hosts_on_trial.insert(host);
  if (!place.is_aside() && is_failing(place)) state.failing_hosts.insert(host);
}

void wake_resting(State& state, Instant now) {
  while (!state.resting.empty() && state.resting.begin()->first <= now) {
    const JobIndex number = state.resting.begin()->second;
    state.resting.erase(state.resting.begin());
    enqueue(state, number, job_of(state, number));
  }
}

void build_indexes(State& state) {
  static_cast<Indexes&>(state) = {};
  for (int i = 0; i < static_cast<int>(state.jobs.size()); ++i) {
    state.numbers.emplace(job_of(state, {i}).id.hex, JobIndex{i});
    index_job(state, {i});
  }
  for (const auto& [number, agent] : state.agents) state.on_host[agent.host].insert(number);
  for (const auto& [number, by_gpu] : state.speeds)
    for (const auto& [gpu, speed] : by_gpu)
      state.class_speeds.at(!gpu.empty())[state.agents.at(number).numeric_class].push_back(speed);
  for (auto& classes : state.class_speeds)
    for (auto& [numeric_class, speeds] : classes) std::ranges::sort(speeds);
  for (const auto& [host, agents] : state.on_host) index_host(state, host);
  std::vector<std::string> remembered;
  for (const auto& [host, record] : state.hosts) remembered.push_back(host);
  for (const std::string& host : remembered) refresh_host_record(state, host);
  for (const auto& [number, agent] : state.agents) refresh_gpus(state, number);
}

}  // namespace resolute::orchestrator
