#include "orchestrator/decisions/placement.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <tuple>

namespace resolute::orchestrator {
namespace {

using MachineClasses = std::map<std::string, MachineClass>;
// Classes whose agents one gang may use together: those of one numeric class, and those of unknown class.
using Domain = std::vector<const MachineClass*>;

// The class of its row, or of one that it stands beside; null: it has none, or that is gone.
const MachineClass* find_class(const State& state, const GangNeed& need) {
  const MachineClasses& classes = state.machine_classes.at(need.gpus);
  const auto found = classes.find(need.row_class.empty() ? need.beside : need.row_class);
  return found == classes.end() || found->first.empty() ? nullptr : &found->second;
}

std::vector<Domain> domains_of(const State& state, const GangNeed& need) {
  const MachineClasses& classes = state.machine_classes.at(need.gpus);
  const auto unknown = classes.find("");
  std::vector<Domain> domains;
  auto add = [&](const MachineClass* machine_class) {
    domains.push_back({machine_class});
    if (unknown != classes.end()) domains.back().push_back(&unknown->second);
  };
  if (const auto wanted = classes.find(need.numeric_class); wanted != classes.end() && !need.numeric_class.empty()) {
    add(&wanted->second);
    return domains;
  }
  const MachineClass* of_row = find_class(state, need);
  if (of_row != nullptr) add(of_row);
  for (const auto& [numeric_class, machine_class] : classes)
    if (!numeric_class.empty() && &machine_class != of_row) add(&machine_class);
  if (domains.empty() && unknown != classes.end()) domains.push_back({&unknown->second});
  return domains;
}

bool contains(const std::vector<std::string>& hosts, const std::string& host) {
  return std::ranges::find(hosts, host) != hosts.end();
}

// Ranks that memory lets in.
int let_in(std::int64_t memory_mib, std::int64_t each) {
  return static_cast<int>(std::min<std::int64_t>(memory_mib / each, std::numeric_limits<int>::max()));
}

bool has_work(const State& state, const std::string& host) {
  const auto host_agents = state.on_host.find(host);
  return host_agents != state.on_host.end() &&
         std::ranges::any_of(host_agents->second, [&](AgentNumber agent) { return state.at_work.contains(agent); });
}

// Nothing where the agent is gone.
void add_host(const State& state, AgentNumber agent, std::vector<std::string>& hosts) {
  if (const auto found = state.agents.find(agent); found != state.agents.end()) hosts.push_back(found->second.host);
}

// One search for one gang.
class Search {
 public:
  Search(const State& state, const GangNeed& need, const std::vector<std::string>& barred)
      : state_(state), need_(need), barred_(barred) {}

  //! \param fast slow places count as taken
  Placement run(const Domain& domain, bool fast) {
    fast_ = fast;
    int free = 0;
    for (const MachineClass* machine_class : domain) free += places_of(*machine_class).free;
    if (free < need_.slots) return {};
    placement_.clear();
    used_.clear();
    std::vector<Descent> descents;
    for (const MachineClass* machine_class : domain) descents.emplace_back(places_of(*machine_class));
    for (int left = need_.slots; left > 0;) {
      AgentNumber machine = tightest(domain, left);
      if (machine.value < 0) machine = largest(descents);
      if (machine.value < 0) return {};
      left -= take(machine, left);
      used_.push_back(machine);
    }
    return std::move(placement_);
  }

  int hosts() const { return static_cast<int>(used_.size()); }

 private:
  const FreePlaces& places_of(const MachineClass& machine_class) const {
    return fast_ && machine_class.slow > 0 ? machine_class.fast : machine_class;
  }

  // A class's machines from the one with the most free; of equals the lowest number first.
  struct Descent {
    explicit Descent(const FreePlaces& places)
        : all(&places.machines), level_begin(all->end()), at(all->end()), level_end(at) {
      next_level();
    }
    bool done() const { return at == all->end(); }
    void next() {
      if (++at == level_end) next_level();
    }
    void next_level() {
      level_end = level_begin;
      if (level_end == all->begin()) {
        at = all->end();
        return;
      }
      level_begin = all->lower_bound({std::prev(level_end)->first, AgentNumber{-1}});
      at = level_begin;
    }
    const std::set<std::pair<int, AgentNumber>>* all;
    std::set<std::pair<int, AgentNumber>>::const_iterator level_begin, at, level_end;
  };

  int fit(AgentNumber number) const {
    const AgentSlots& agent = state_.agents.at(number);
    const int free = room_for(state_, number, need_, fast_);
    if (need_.memory_mib == 0 || agent.memory_mib == 0) return free;
    return std::min(free, let_in(agent.free_memory_mib, need_.memory_mib));
  }

  // Ranks that fit on a machine of which so much is free.
  int machine_fit(AgentNumber machine, int free) const {
    const bool counts_gpus = need_.gpus && !state_.shared.empty() && (need_.slots > 1 || need_.alone);
    const bool counts = need_.memory_mib > 0 || counts_gpus;
    if (!counts && barred_.empty()) return free;
    if (contains(barred_, state_.agents.at(machine).host)) return 0;
    if (!counts) return free;
    int ranks = 0;
    for (AgentNumber agent : state_.machines.at(machine).agents) ranks += fit(agent);
    return ranks;
  }

  bool is_used(AgentNumber machine) const { return std::ranges::find(used_, machine) != used_.end(); }

  // The machine that `ranks` fill best, if they fit on one.
  AgentNumber tightest(const Domain& domain, int ranks) const {
    std::pair<int, AgentNumber> best{0, {-1}};
    for (const MachineClass* machine_class : domain) {
      const auto& machines = places_of(*machine_class).machines;
      for (auto it = machines.lower_bound({ranks, AgentNumber{-1}}); it != machines.end(); ++it) {
        if (best.second.value >= 0 && *it > best) break;
        if (machine_fit(it->second, it->first) < ranks || is_used(it->second)) continue;
        best = *it;
        break;
      }
    }
    return best.second;
  }

  // The next of those with the most free.
  AgentNumber largest(std::vector<Descent>& descents) const {
    while (true) {
      Descent* best = nullptr;
      for (Descent& descent : descents) {
        if (descent.done()) continue;
        if (best == nullptr || descent.at->first > best->at->first ||
            (descent.at->first == best->at->first && descent.at->second < best->at->second))
          best = &descent;
      }
      if (best == nullptr) return {-1};
      const auto [free, machine] = *best->at;
      best->next();
      if (machine_fit(machine, free) > 0) return machine;
    }
  }

  // Gives up to `wanted` ranks to a machine's agents: to the one that they fill best, else to the largest first.
  int take(AgentNumber machine, int wanted) {
    const std::set<AgentNumber>& all = state_.machines.at(machine).agents;
    if (all.size() == 1) {
      placement_.push_back({machine, std::min(fit(machine), wanted)});
      return placement_.back().slots;
    }
    std::vector<Share> agents;
    for (AgentNumber agent : all)
      if (const int ranks = fit(agent); ranks > 0) agents.push_back({agent, ranks});
    int taken = 0;
    while (taken < wanted && !agents.empty()) {
      const int left = wanted - taken;
      auto better = [&](const Share& a, const Share& b) {
        const bool a_fits = a.slots >= left;
        const bool b_fits = b.slots >= left;
        if (a_fits != b_fits) return a_fits;
        return a_fits ? a.slots < b.slots : a.slots > b.slots;
      };
      const auto best = std::ranges::min_element(agents, better);
      placement_.push_back({best->agent, std::min(best->slots, left)});
      taken += placement_.back().slots;
      agents.erase(best);
    }
    return taken;
  }

  const State& state_;
  const GangNeed& need_;
  const std::vector<std::string>& barred_;
  bool fast_ = false;
  Placement placement_;
  std::vector<AgentNumber> used_;
};

}  // namespace

Placement choose_placement(const State& state, const GangNeed& need) {
  std::vector<std::string> barred = barred_hosts(state, need);
  for (const std::string& host : state.hosts_on_trial)
    if (has_work(state, host)) barred.push_back(host);
  for (const AgentNumber agent : state.alone_at_work) add_host(state, agent, barred);
  if (need.alone && !need.gpus)
    for (const auto& [agent, jobs] : state.at_work) add_host(state, agent, barred);
  Search search(state, need, barred);
  Placement best;
  std::tuple<bool, int, int> least{};  // takes slow places, hosts, and the most free slots: a row has room there
  for (const Domain& domain : domains_of(state, need)) {
    Placement placement = search.run(domain, true);
    const bool slow = placement.empty() && std::ranges::any_of(domain, [](const auto* one) { return one->slow > 0; });
    if (slow) placement = search.run(domain, false);
    if (placement.empty()) continue;
    if (domain.front() == find_class(state, need)) return placement;
    const std::tuple cost{slow, search.hosts(), -domain.front()->free};
    if (!best.empty() && cost >= least) continue;
    best = std::move(placement);
    least = cost;
  }
  return best;
}

int most_ranks(const State& state, const GangNeed& need) {
  return most_ranks_without(state, need, barred_hosts(state, need));
}

std::vector<std::string> barred_hosts(const State& state, const GangNeed& need) {
  const bool held = !need.not_on.empty() && most_ranks_without(state, need, need.not_on) == need.slots;
  return held ? need.not_on : std::vector<std::string>{};
}

int most_ranks_without(const State& state, const GangNeed& need, const std::vector<std::string>& hosts) {
  std::map<std::string_view, int> by_class;
  for (const auto& [numeric_class, machine_class] : state.machine_classes.at(need.gpus))
    if (class_fits(state, need, numeric_class)) by_class[numeric_class] = machine_class.width;
  for (const std::string& host : hosts)
    if (const auto agents = state.on_host.find(host); agents != state.on_host.end())
      for (AgentNumber number : agents->second)
        if (const AgentSlots& agent = state.agents.at(number);
            state.machine_of.contains(number) && by_class.contains(agent.numeric_class))
          by_class[agent.numeric_class] -= width_of(state, number, need.gpus);
  auto most = [&] {
    const auto unknown = by_class.find("");
    int ranks = 0;
    for (const auto& [numeric_class, in_class] : by_class)
      ranks = std::max(ranks, in_class + (numeric_class.empty() || unknown == by_class.end() ? 0 : unknown->second));
    return std::min(ranks, need.slots);
  };
  if (need.memory_mib == 0 || most() < need.slots) return most();
  by_class.clear();
  for (const auto& [number, first] : state.machine_of) {
    const AgentSlots& agent = state.agents.at(number);
    if (contains(hosts, agent.host) || !class_fits(state, need, agent.numeric_class)) continue;
    const int ranks = width_of(state, number, need.gpus);
    by_class[agent.numeric_class] +=
        agent.memory_mib > 0 ? std::min(ranks, let_in(agent.memory_mib, need.memory_mib)) : ranks;
  }
  return most();
}

bool class_fits(const State& state, const GangNeed& need, const std::string& numeric_class) {
  return need.numeric_class.empty() || numeric_class.empty() || numeric_class == need.numeric_class ||
         !state.machine_classes.at(need.gpus).contains(need.numeric_class);
}

}  // namespace resolute::orchestrator
