#include "orchestrator/decisions/apply.h"

#include <algorithm>
#include <csignal>
#include <limits>
#include <tuple>

#include "core/members.h"
#include "orchestrator/decisions/apply_parts.h"
#include "orchestrator/decisions/failure.h"

namespace resolute::orchestrator {
namespace {

[[noreturn]] void refuse(const std::string& summary, const std::string& why) {
  throw core::corrupt_error(fmt::format("an event of the journal is impossible: {}", summary), why,
                            "the journal was not written by a run of resolute");
}

void require(bool holds, const std::string& summary, const std::string& why) {
  if (!holds) refuse(summary, why);
}

// The members of a job that a plan decides.
template <class T>
auto planned(T& one) {
  return std::tie(one.kind, one.label, one.after, one.slots, one.gpus, one.memory_mib, one.priority, one.steps,
                  one.elsewhere);
}
template <class T>
auto durations(T& one) {
  return std::tie(one.expected_ms, one.path_ms, one.checkpoint_ms);
}

class Applier {
 public:
  explicit Applier(State& state) : state_(state) {}

  void operator()(const RunStarted& event) {
    for (Job& job : state_.jobs) {
      job.wanted = false;
      job.state = Waiting{};
      job.needed_by.clear();
      job.ends.fill(0);
      job.fruitless = 0;
      job.failed_on.clear();
      job.unwanted.reset();
      job.passed = 0;
      job.placements = 0;
    }
    static_cast<Speeds&>(state_) = {};
    state_.shared.clear();
    state_.agents.clear();
    state_.hosts.clear();
    state_.agents_gone = false;
    state_.placed_jobs = 0;
    state_.last_placed = {};
    state_.stop.reset();
    state_.stop_cause = Cause::kInterrupted;
    state_.end.reset();
    state_.run = event;
    build_indexes(state_);
  }

  void operator()(const JobAdded& event) {
    const auto size = static_cast<int>(state_.jobs.size());
    auto summary = [&] { return fmt::format("job {} added", event.job.value); };
    if (event.job.value > size) refuse(summary(), fmt::format("{} jobs are known", size));
    if (event.job.value == size) {
      if (!state_.numbers.emplace(event.id.hex, event.job).second) refuse(summary(), "its id has another number");
      state_.jobs.emplace_back().id = event.id;
    }
    Job& job = at(event.job);
    if (job.id != event.id || job.wanted) refuse(summary(), "the number is another job's");
    planned(job) = planned(event);
    durations(job) = durations(event);
    job.row.number = event.row;
    job.row.compared_with = event.compared_with;
    if (!event.numeric_class.empty()) job.numeric_class = event.numeric_class;
    job.attempts = std::max(job.attempts, event.attempts);
    want(event.job);
  }

  void operator()(const JobsKept& event) {
    for_each_of(event.jobs, [&](JobIndex number) {
      require(!at(number).wanted, fmt::format("job {} kept", number.value), "it was added before");
      want(number);
    });
    for_each_of(event.done, [&](JobIndex number) {
      require(!std::holds_alternative<Succeeded>(at(number).state), fmt::format("job {} kept", number.value),
              "its result is known already");
      (*this)(JobSucceeded{number, 0});
    });
  }

  void operator()(const AgentJoined& event) {
    const std::string summary = fmt::format("agent {} joined", event.agent.value);
    require(event.slots + event.gpus > 0, summary, "it has neither slots nor GPUs");
    require(event.agent.value >= state_.next_agent && event.agent.value < std::numeric_limits<int>::max(), summary,
            "the number was given out before");
    require(state_.agents.size() < kMostAgents, summary, fmt::format("there are {} already", kMostAgents));
    const std::size_t classes = machine_classes();
    unindex_host(state_, event.host);
    AgentSlots& agent = state_.agents[event.agent];
    agent.host = event.host;
    agent.slots = agent.free = event.slots;
    agent.gpus = agent.free_gpus = event.gpus;
    agent.memory_mib = agent.free_memory_mib = event.memory_mib;
    agent.numeric_class = event.numeric_class;
    state_.on_host[event.host].insert(event.agent);
    index_host(state_, event.host);
    state_.next_agent = event.agent.value + 1;
    if (machine_classes() > classes) give_classes_of_done(state_);
  }

  void operator()(const AgentLost& event) {
    const auto lost = state_.agents.find(event.agent);
    if (lost == state_.agents.end()) return;
    const std::string host = lost->second.host;
    const std::string evidence = fmt::format("agent {} on {} was lost: {}", event.agent.value, host, event.why);
    forget_speeds(state_, event.agent);
    unindex_host(state_, host);
    state_.agents.erase(lost);
    state_.shared.erase(event.agent);
    auto& host_agents = state_.on_host.at(host);
    host_agents.erase(event.agent);
    if (host_agents.empty()) state_.on_host.erase(host);
    index_host(state_, host);
    refresh_gpus(state_, event.agent);
    state_.agents_gone = true;
    for_each_at_work(event.agent, [&](JobIndex number, Running& running) {
      bool hit = false;
      std::size_t rank = 0;
      for (const Share& share : running.placement) {
        for (int i = 0; i < share.slots; ++i, ++rank) {
          if (share.agent != event.agent || running.ended[rank]) continue;
          running.ended[rank] = true;
          --running.alive;
          hit = true;
        }
      }
      if (hit) end_with(number, running, {Cause::kAgentLost, evidence, {}});
    });
  }

  void operator()(const AgentLeaving& event) {
    const auto leaving = state_.agents.find(event.agent);
    if (leaving == state_.agents.end() || leaving->second.leaving) return;
    AgentSlots& agent = leaving->second;
    unindex_host(state_, agent.host);
    agent.leaving = true;
    index_host(state_, agent.host);
    state_.agents_gone = true;
    for_each_at_work(event.agent, [&](JobIndex number, Running& running) {
      end_with(
          number, running,
          {Cause::kPreempted, fmt::format("agent {} on {} leaves: {}", event.agent.value, agent.host, event.why), {}});
    });
  }

  void operator()(const Placed& event) {
    Job& job = at(event.job);
    auto summary = [&] { return fmt::format("job {} attempt {} placed", event.job.value, event.attempt); };
    if (!job.wanted || !std::holds_alternative<Ready>(job.state) || job.unwanted)
      refuse(summary(), fmt::format("it is {}", name_of(job.state)));
    if (job.elsewhere) refuse(summary(), "other allocations run jobs of its kind");
    if (event.attempt <= job.attempts) refuse(summary(), fmt::format("attempt {} was before it", job.attempts));
    unindex_job(state_, event.job);
    int slots = 0;
    std::string numeric_class;
    for (const Share& share : event.placement) {
      take(share, event.job, numeric_class, summary);
      slots += share.slots;
    }
    if (slots != job.slots) refuse(summary(), fmt::format("it got {} slots and needs {}", slots, job.slots));
    if (!numeric_class.empty() && !job.numeric_class.empty() && numeric_class != job.numeric_class) {
      job.checkpoint = -1;  // no agent here can go on from it
      job.numeric_class.clear();
    }
    if (job.placements++ == 0) ++state_.placed_jobs;
    job.attempts = event.attempt;
    job.passed = 0;
    if (event.past >= 0) ++at({event.past}).passed;
    Running running;
    running.attempt = event.attempt;
    running.placement = event.placement;
    running.ended.assign(static_cast<std::size_t>(slots), false);
    running.alive = slots;
    running.placed_at = event.at;
    if (event.at != Instant{} && job.expected_ms > 0)
      running.expected_end = event.at + Milliseconds(expected_left(job));
    job.state = std::move(running);
    index_job(state_, event.job);
    if (job.row.number >= 0 && job.row.numeric_class.empty() && !numeric_class.empty() &&
        state_.machine_classes.at(job.gpus).size() > 1)
      give_class(state_, job.row, numeric_class);
    if (event.at > state_.last_placed) {
      state_.last_placed = event.at;
      wake_resting(state_, event.at);
    }
  }

  void operator()(const HeldElsewhere& event) {
    if (find(event.job, event.attempt) == nullptr) return;
    take_back(event.job, event.attempt, event.until,
              [&] { return fmt::format("job {} attempt {} held elsewhere", event.job.value, event.attempt); });
  }

  void operator()(const Started& event) {
    if (Running* running = find(event.job, event.attempt)) running->started = true;
  }

  void operator()(const Progressed& event) {
    Running* running = find(event.job, event.attempt);
    Job* job = running == nullptr ? nullptr : &at(event.job);
    if (job == nullptr || event.checkpoint <= job->checkpoint) return;
    job->checkpoint = event.checkpoint;
    if (std::string wrote = numeric_class_of(state_, running->placement); !wrote.empty())
      job->numeric_class = std::move(wrote);
    running->progressed = true;
    acquit(state_, event.job, running->placement);
    if (job->gpus) give_back_of_gpus_aside(state_);
  }

  void operator()(const RankExited& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr || event.process_rank < 0) return;
    const auto rank = static_cast<std::size_t>(event.process_rank);
    if (rank >= running->ended.size() || running->ended[rank]) return;
    running->ended[rank] = true;
    --running->alive;
    judge_gpu(*running, event);
    if ((event.code != 0 || event.signal != 0) && !is_our_doing(*running, event)) {
      auto end_text = event.signal != 0 ? fmt::format("killed by signal {}", event.signal)
                                        : fmt::format("exit code {}", event.code);
      if (event.out_of_memory) end_text = "out of memory, " + end_text;
      const auto agent = state_.agents.find(agent_of(running->placement, event.process_rank));
      end_with(event.job, *running,
               {cause_of(event),
                fmt::format("process rank {}: {}{}{}", event.process_rank, end_text, event.evidence.empty() ? "" : ": ",
                            event.evidence),
                agent == state_.agents.end() ? std::string() : agent->second.host});
    }
    refresh_attention(state_, event.job);
  }

  void operator()(const ResultMissing& event) {
    Running* running = find(event.job, event.attempt);
    if (running != nullptr && running->alive == 0)
      end_with(event.job, *running,
               {Cause::kExitCode, "every process rank ended with exit code 0, but there is no result.json",
                host_of(state_, running->placement)});
  }

  void operator()(const Stalled& event) {
    if (Running* running = find(event.job, event.attempt))
      end_with(event.job, *running, {Cause::kNoProgress, event.evidence, host_of(state_, running->placement)});
  }

  void operator()(const ClaimLost& event) {
    if (Running* running = find(event.job, event.attempt))
      end_with(event.job, *running, {Cause::kClaimLost, "another run works on it: this one stood still", {}});
  }

  void operator()(const AttemptStopped& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr) return;
    unindex_job(state_, event.job);
    if (!running->ending) running->ending = AttemptEnding{event.cause, event.why, {}};
    running->stopping = true;
    if (event.at != Instant{}) running->stop_by = event.at + event.grace;
    index_job(state_, event.job);
  }

  void operator()(const RanksGivenUp& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr) return;
    require(running->stopping, fmt::format("job {} attempt {} given up", event.job.value, event.attempt),
            "it was not stopped before");
    std::fill(running->ended.begin(), running->ended.end(), true);
    running->alive = 0;
    end_with(event.job, *running, {Cause::kUnkillable, event.why, {}});
  }

  void operator()(const AttemptEnded& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr) return;
    auto summary = [&] { return fmt::format("job {} attempt {} ended", event.job.value, event.attempt); };
    Job& job = at(event.job);
    if (event.cause == Cause::kStoreError && running->alive == job.slots) {
      require(event.retry, summary(), "an attempt that never started cannot be given up");
      ++job.ends.at(static_cast<std::size_t>(event.cause));
      take_back(event.job, event.attempt, event.not_before, summary);
      return;
    }
    require(running->alive == 0, summary(), fmt::format("{} of its process ranks still run", running->alive));
    const Budget budget = budget_of(event.cause);
    if (!budget.renewed) ++job.ends.at(static_cast<std::size_t>(event.cause));
    if (running->progressed)
      job.fruitless = 0;
    else if (budget.renewed && !state_.stop)
      ++job.fruitless;
    // A job that is given up for its configuration at once tells of no host.
    const bool tried_elsewhere = event.cause != Cause::kConfiguration || event.retry || !job.failed_on.empty();
    if (budget.elsewhere && tried_elsewhere && running->ending && !running->ending->host.empty())
      accuse(state_, event.job, {event.cause, event.evidence, running->ending->host}, running->progressed);
    if (event.retry)
      move_to(event.job, Ready{event.not_before});
    else if (event.cause == Cause::kCancelled)
      give_up(event.job, Cancelled{event.evidence});
    else
      give_up(event.job, Failed{event.cause, event.evidence});
  }

  void operator()(const JobSucceeded& event) {
    Job& job = at(event.job);
    require(job.wanted, fmt::format("job {} succeeded", event.job.value), "it is not in the plan");
    if (std::holds_alternative<Succeeded>(job.state)) return;
    if (const auto* running = std::get_if<Running>(&job.state)) {
      require(running->alive == 0, fmt::format("job {} succeeded", event.job.value), "its process ranks still run");
      acquit(state_, event.job, running->placement);
      if (job.gpus) give_back_of_gpus_aside(state_);
      if (std::string made_in = numeric_class_of(state_, running->placement); !made_in.empty())
        job.numeric_class = std::move(made_in);
    }
    move_to(event.job, Succeeded{event.attempt});
    job.checkpoint = -1;  // whoever makes it anew begins anew, in any class
    for (JobIndex user : at(event.job).needed_by) {
      auto* waiting = std::get_if<Waiting>(&at(user).state);
      if (waiting == nullptr) continue;
      if (waiting->unmet > 1)
        --waiting->unmet;
      else
        move_to(user, Ready{});
    }
  }

  void operator()(const JobFailed& event) {
    require_idle(event.job, "failed");
    give_up(event.job, Failed{event.cause, event.why});
  }

  void operator()(const JobCancelled& event) {
    require_idle(event.job, "cancelled");
    give_up(event.job, Cancelled{event.why});
  }

  void operator()(const CancelRequested& event) {
    Job& job = at(event.job);
    if (!job.wanted || job.unwanted) return;
    unindex_job(state_, event.job);
    job.unwanted = event.why;
    index_job(state_, event.job);
    if (auto* running = std::get_if<Running>(&job.state))
      end_with(event.job, *running, {Cause::kCancelled, event.why, {}});
  }

  void operator()(const HostDrained& event) {
    unindex_host(state_, event.host);
    HostRecord& record = state_.hosts[event.host];
    if (event.on)
      record.drained = event.why;
    else
      record = {};
    refresh_host_record(state_, event.host);
    index_host(state_, event.host);
    const auto host_agents = state_.on_host.find(event.host);
    if (event.on || host_agents == state_.on_host.end()) return;
    for (AgentNumber number : host_agents->second)
      for (const std::string& gpu : gpus_aside(state_.agents.at(number))) give_out_again(state_, number, gpu);
  }

  void operator()(const HostExcluded& event) { exclude(state_, event.host, event.why); }

  void operator()(const HostSetAside& event) {
    require(event.until != Instant{}, fmt::format("host {} set aside", event.host), "for no time");
    set_host_aside(state_, event.host, event.until, event.why);
  }

  void operator()(const HostReturned& event) {
    const auto record = state_.hosts.find(event.host);
    require(record != state_.hosts.end() && record->second.place.is_aside(),
            fmt::format("host {} given out again", event.host), "it is not set aside");
    set_host_aside(state_, event.host, Instant{}, "");
  }

  void operator()(const GpuSetAside& event) {
    const auto agent = state_.agents.find(event.agent);
    if (agent == state_.agents.end()) return;
    const auto summary = [&] { return fmt::format("GPU {} of agent {} set aside", event.gpu, event.agent.value); };
    const auto record = agent->second.gpu_records.find(event.gpu);
    const bool again = record != agent->second.gpu_records.end() && record->second.is_aside();
    require(again || agent->second.free_gpus > 0, summary(), "every GPU is taken");
    require(event.until != Instant{}, summary(), "for no time");
    set_aside(state_, event.agent, event.gpu, event.until, event.why);
  }

  void operator()(const GpuReturned& event) {
    const AgentSlots* agent = with_gpu(event.agent, event.gpu);
    if (agent == nullptr) return;
    require(agent->gpu_records.at(event.gpu).is_aside(),
            fmt::format("GPU {} of agent {} returned", event.gpu, event.agent.value), "it is not set aside");
    give_out_again(state_, event.agent, event.gpu);
  }

  void operator()(const StopRequested& event) {
    if (state_.stop) {  // ranks have been told to end, for the first cause
      if (cancels_more(*state_.stop, event.why)) state_.stop = event.why;
      return;
    }
    state_.stop = event.why;
    state_.stop_cause = event.cause;
    for (JobIndex number : state_.running) refresh_attention(state_, number);
  }

  void operator()(const RunEnded& event) { state_.end = event.end; }

  // The coordinator has the bits of all, and judges them (burn_in.h).
  void operator()(const BurnedIn& event) {
    if (event.problem.empty() && state_.agents.contains(event.agent))
      add_speed(state_, event.agent, event.gpu, event.images_a_minute);
  }

  void operator()(const GpusShared& event) {
    const auto agent = state_.agents.find(event.agent);
    if (agent == state_.agents.end()) return;
    const std::set<std::string> names(event.gpus.begin(), event.gpus.end());
    require(names.size() == event.gpus.size() && std::ssize(event.gpus) == agent->second.free_gpus &&
                agent->second.gpu_records.empty() && !state_.shared.contains(event.agent),
            fmt::format("GPUs of agent {} shared", event.agent.value), "it did not join just now with these");
    unindex_host(state_, agent->second.host);
    state_.shared[event.agent] = {event.jobs, event.gpus};
    recount_gpus(state_, event.agent);
    index_host(state_, agent->second.host);
  }

  // As for BurnedIn, the coordinator judges the bits (place_checks.h).
  void operator()(const Repeated& event) { std::ignore = at(event.job); }

 private:
  // The job is in this run's plan, as its members say.
  void want(JobIndex number) {
    Job& job = at(number);
    int unmet = 0;
    for (JobIndex need : job.after) {
      if (!at(need).wanted)
        refuse(fmt::format("job {} added", number.value),
               fmt::format("it needs job {}, which was not added before it", need.value));
      at(need).needed_by.push_back(number);
      if (!std::holds_alternative<Succeeded>(at(need).state)) ++unmet;
    }
    job.wanted = true;
    job.state = Waiting{unmet};
    if (unmet == 0) job.state = Ready{};
    index_job(state_, number);
  }

  // A number that is not known ends it: no range is longer than the list of jobs.
  template <class Visit>
  void for_each_of(const std::vector<JobRange>& ranges, Visit visit) {
    for (const JobRange& range : ranges)
      for (int number = range.least.value; number <= range.most.value; ++number) visit(JobIndex{number});
  }

  std::size_t machine_classes() const { return state_.machine_classes[0].size() + state_.machine_classes[1].size(); }

  // Nothing of the attempt was started: its number is free again, to be used from `from` on.
  template <class Summary>
  void take_back(JobIndex number, int attempt, Instant from, const Summary& summary) {
    Job& job = at(number);
    require(std::get<Running>(job.state).alive == job.slots, summary(), "some of its process ranks ran");
    if (--job.placements == 0) --state_.placed_jobs;
    job.attempts = attempt - 1;
    move_to(number, Ready{from});
  }

  // Null if the agent is gone.
  const AgentSlots* with_gpu(AgentNumber number, const std::string& gpu) {
    const auto agent = state_.agents.find(number);
    if (agent == state_.agents.end()) return nullptr;
    if (!agent->second.gpu_records.contains(gpu))
      refuse(fmt::format("GPU {} of agent {} named", gpu, number.value), "nothing is held against it");
    return &agent->second;
  }

  // A rank that hung is ended by us, and tells of its GPU all the same.
  void judge_gpu(const Running& running, const RankExited& event) {
    const AgentNumber number = agent_of(running.placement, event.process_rank);
    if (event.gpu.empty() || !state_.agents.contains(number)) return;
    if (running.progressed || (event.code == 0 && event.signal == 0))
      acquit_gpu(state_, number, event.gpu);
    else if (running.stopping && running.ending->cause == Cause::kNoProgress)
      accuse_gpu(state_, event.job, number, event.gpu, Cause::kNoProgress, running.ending->evidence);
    else if (!is_our_doing(running, event) && !is_by_a_neighbour(event, number))
      accuse_gpu(state_, event.job, number, event.gpu, cause_of(event), event.evidence);
  }

  // The memory of a GPU that jobs share is short for all of them.
  bool is_by_a_neighbour(const RankExited& event, AgentNumber number) {
    return cause_of(event) == Cause::kOutOfMemory && shares_gpu(state_, number, event.gpu, event.job);
  }

  // A job that has trained is set up well: its program met something else then, as a mount that has gone. One rank has
  // no peer to lose.
  Cause cause_of(const RankExited& event) {
    const Cause cause = classify(event);
    const Job& job = at(event.job);
    const bool no_such =
        (cause == Cause::kConfiguration && job.checkpoint >= 0) || (cause == Cause::kPeerLost && job.slots == 1);
    return no_such ? classify_without_words(event) : cause;
  }

  Job& at(JobIndex number) {
    if (number.value < 0 || static_cast<std::size_t>(number.value) >= state_.jobs.size())
      refuse(fmt::format("job {} named", number.value), fmt::format("{} jobs are known", state_.jobs.size()));
    return state_.jobs[static_cast<std::size_t>(number.value)];
  }

  Running* find(JobIndex number, int attempt) {
    return current(state_, number, attempt) == nullptr ? nullptr : &std::get<Running>(at(number).state);
  }

  template <class F>
  void for_each_at_work(AgentNumber agent, F&& change) {
    const auto agent_jobs = state_.at_work.find(agent);
    if (agent_jobs == state_.at_work.end()) return;
    for (JobIndex number : agent_jobs->second) change(number, std::get<Running>(at(number).state));
  }

  void require_idle(JobIndex number, std::string_view change) {
    const Job& job = at(number);
    const bool idle = std::holds_alternative<Waiting>(job.state) || std::holds_alternative<Ready>(job.state);
    if (!job.wanted || !idle)
      refuse(fmt::format("job {} {}", number.value, change), fmt::format("it is {}", name_of(job.state)));
  }

  // The gang's numeric class is that of the first of its agents of which it is known.
  template <class Summary>
  void take(const Share& share, JobIndex number, std::string& numeric_class, const Summary& summary) {
    const Job& job = at(number);
    const auto found = state_.agents.find(share.agent);
    if (found == state_.agents.end() || !usable(state_, found->second))
      refuse(summary(), fmt::format("agent {} does not take it", share.agent.value));
    AgentSlots& agent = found->second;
    const int free = room_for(state_, share.agent, need_of(job), false);
    if (share.slots <= 0 || share.slots > free)
      refuse(summary(), fmt::format("agent {} has {} slots free, not {}", share.agent.value, free, share.slots));
    if (agent.memory_mib > 0 && share.slots * job.memory_mib > agent.free_memory_mib)
      refuse(summary(), fmt::format("agent {} has {} MiB free", share.agent.value, agent.free_memory_mib));
    if (numeric_class.empty()) numeric_class = agent.numeric_class;
    if (!agent.numeric_class.empty() && agent.numeric_class != numeric_class)
      refuse(summary(), "its agents are of two numeric classes");
    change_free(state_, share.agent, agent, number, -share.slots);
  }

  // Once the attempt is being stopped its ranks end because we want it; but where it is stopped because one of them
  // lost a peer, that peer's own end may come after.
  static bool is_our_doing(const Running& running, const RankExited& event) {
    if (!running.stopping || event.out_of_memory) return false;
    return running.ending->cause != Cause::kPeerLost || event.signal == SIGKILL || event.signal == SIGTERM ||
           event.code == 75;
  }

  void end_with(JobIndex number, Running& running, AttemptEnding ending) {
    if (!running.ending || weight_of(ending.cause) > weight_of(running.ending->cause))
      running.ending = std::move(ending);
    refresh_attention(state_, number);
  }

  void give_up(JobIndex number, JobState ended) {
    move_to(number, std::move(ended));
    for (JobIndex user : at(number).needed_by)
      if (std::holds_alternative<Waiting>(at(user).state)) state_.doomed.insert(user);
  }

  void move_to(JobIndex number, JobState next) {
    Job& job = at(number);
    unindex_job(state_, number);
    if (const auto* running = std::get_if<Running>(&job.state))
      for (const Share& share : running->placement)
        if (const auto agent = state_.agents.find(share.agent); agent != state_.agents.end())
          change_free(state_, share.agent, agent->second, number, share.slots);
    job.state = std::move(next);
    index_job(state_, number);
  }

  State& state_;
};

}  // namespace

bool is_kept(const Job& job, const JobAdded& added, bool done) {
  static_assert(core::kMembers<JobAdded> == 18, "a new member is compared here");
  return job.id == added.id && planned(job) == planned(added) && job.row.number == added.row &&
         job.row.compared_with == added.compared_with && (done || durations(job) == durations(added)) &&
         added.attempts <= job.attempts && (added.numeric_class.empty() || added.numeric_class == job.numeric_class);
}

void apply(State& state, const Event& event) {
  if (const std::string wrong = out_of_range(event); !wrong.empty()) refuse(std::string(type_name(event)), wrong);
  std::visit(Applier(state), event);
}

}  // namespace resolute::orchestrator
