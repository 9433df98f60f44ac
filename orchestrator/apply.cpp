#include "orchestrator/apply.h"

#include <algorithm>

namespace resolute::orchestrator {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw core::corrupt_error(fmt::format("an event cannot be: {}", what), why,
                            "the journal was not written by a run of resolute");
}

void require(bool holds, const std::string& what, const std::string& why) {
  if (!holds) refuse(what, why);
}

class Applier {
 public:
  explicit Applier(State& state) : state_(state) {}

  void operator()(const RunStarted& event) {
    for (Job& job : state_.jobs) {
      job.wanted = false;
      job.state = Waiting{};
      job.crashes = 0;
      job.fruitless = 0;
      job.passed = 0;
      job.counted = false;
    }
    state_.agents.clear();
    state_.ready.clear();
    state_.resting.clear();
    state_.running.clear();
    state_.attention.clear();
    state_.doomed.clear();
    state_.largest_capacity = 0;
    state_.placed_jobs = 0;
    state_.stop.reset();
    state_.end.reset();
    state_.run = event;
  }

  void operator()(const JobAdded& event) {
    const auto size = static_cast<int>(state_.jobs.size());
    require(event.job.value <= size, fmt::format("job {} added", event.job.value),
            fmt::format("{} jobs are known", size));
    require(event.slots > 0, fmt::format("job {} added with {} slots", event.job.value, event.slots),
            "a job needs one");
    if (event.job.value == size) {
      require(state_.numbers.emplace(event.id.hex, event.job).second, fmt::format("job {} added", event.job.value),
              "its id has another number");
      state_.jobs.emplace_back().id = event.id;
    }
    Job& job = at(event.job);
    require(job.id == event.id && !job.wanted, fmt::format("job {} added", event.job.value),
            "the number is another job's");
    job.kind = event.kind;
    job.label = event.label;
    job.slots = event.slots;
    job.attempts = std::max(job.attempts, event.attempts);
    int unmet = 0;
    for (JobNumber need : event.after) {
      require(at(need).wanted, fmt::format("job {} added", event.job.value),
              fmt::format("it needs job {}, which was not added before it", need.value));
      auto& users = at(need).needed_by;
      if (std::find(users.begin(), users.end(), event.job) == users.end()) users.push_back(event.job);
      if (!std::holds_alternative<Succeeded>(at(need).state)) ++unmet;
    }
    job.after = event.after;
    job.wanted = true;
    job.state = Waiting{unmet};
    if (unmet == 0) move_to(event.job, Ready{});
  }

  void operator()(const AgentJoined& event) {
    require(event.slots > 0, fmt::format("agent {} joined with {} slots", event.agent.value, event.slots),
            "it needs one");
    require(event.agent.value >= state_.next_agent, fmt::format("agent {} joined", event.agent.value),
            "the number was used");
    state_.agents[event.agent] = AgentSlots{event.host, event.slots, event.slots};
    state_.next_agent = event.agent.value + 1;
    state_.largest_capacity = std::max(state_.largest_capacity, capacity(state_));
  }

  void operator()(const AgentLost& event) {
    auto lost = state_.agents.find(event.agent);
    if (lost == state_.agents.end()) return;
    std::string evidence = fmt::format("agent {} on {} was lost: {}", event.agent.value, lost->second.host, event.why);
    state_.agents.erase(lost);
    for (JobNumber number : std::vector<JobNumber>(state_.running.begin(), state_.running.end())) {
      auto& running = std::get<Running>(at(number).state);
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
      if (hit) end_with(number, running, Cause::kAgentLost, evidence);
    }
  }

  void operator()(const Placed& event) {
    Job& job = at(event.job);
    const std::string what = fmt::format("job {} attempt {} placed", event.job.value, event.attempt);
    require(job.wanted && std::holds_alternative<Ready>(job.state), what, fmt::format("it is {}", name_of(job.state)));
    require(event.attempt > job.attempts, what, fmt::format("attempt {} was before it", job.attempts));
    int slots = 0;
    for (const Share& share : event.placement) {
      auto agent = state_.agents.find(share.agent);
      require(agent != state_.agents.end(), what, fmt::format("agent {} is not there", share.agent.value));
      require(share.slots > 0 && share.slots <= agent->second.free, what,
              fmt::format("agent {} has {} slots free, not {}", share.agent.value, agent->second.free, share.slots));
      agent->second.free -= share.slots;
      slots += share.slots;
    }
    require(slots == job.slots, what, fmt::format("it got {} slots and needs {}", slots, job.slots));
    if (!job.counted) ++state_.placed_jobs;
    job.counted = true;
    job.attempts = event.attempt;
    job.passed = 0;
    if (event.past >= 0) ++at({event.past}).passed;
    Running running;
    running.attempt = event.attempt;
    running.placement = event.placement;
    running.ended.assign(static_cast<std::size_t>(slots), false);
    running.alive = slots;
    move_to(event.job, std::move(running));
  }

  void operator()(const Started& event) {
    if (Running* running = find(event.job, event.attempt)) running->started = true;
  }

  void operator()(const Progressed& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr || event.checkpoint <= at(event.job).checkpoint) return;
    at(event.job).checkpoint = event.checkpoint;
    running->progressed = true;
  }

  void operator()(const RankExited& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr || event.process_rank < 0) return;
    const auto rank = static_cast<std::size_t>(event.process_rank);
    if (rank >= running->ended.size() || running->ended[rank]) return;
    running->ended[rank] = true;
    --running->alive;
    if (event.code == 0 && event.signal == 0) return;
    Cause cause = event.signal != 0  ? Cause::kCrash
                  : event.code == 2  ? Cause::kConfiguration
                  : event.code == 75 ? Cause::kInterrupted
                                     : Cause::kCrash;
    auto how =
        event.signal != 0 ? fmt::format("killed by signal {}", event.signal) : fmt::format("exit code {}", event.code);
    end_with(event.job, *running, cause,
             fmt::format("process rank {}: {}{}{}", event.process_rank, how, event.evidence.empty() ? "" : ": ",
                         event.evidence));
  }

  void operator()(const ResultMissing& event) {
    Running* running = find(event.job, event.attempt);
    if (running != nullptr && running->alive == 0)
      end_with(event.job, *running, Cause::kCrash,
               "every process rank ended with exit code 0, but there is no result.json");
  }

  void operator()(const AttemptStopped& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr) return;
    running->stopping = true;
    end_with(event.job, *running, event.cause, event.why);
  }

  void operator()(const AttemptEnded& event) {
    Running* running = find(event.job, event.attempt);
    if (running == nullptr) return;
    require(running->alive == 0, fmt::format("job {} attempt {} ended", event.job.value, event.attempt),
            fmt::format("{} of its ranks run", running->alive));
    Job& job = at(event.job);
    if (event.cause == Cause::kCrash) ++job.crashes;
    if (event.cause == Cause::kAgentLost || (event.cause == Cause::kInterrupted && !state_.stop))
      job.fruitless = running->progressed ? 0 : job.fruitless + 1;
    if (event.retry)
      move_to(event.job, Ready{event.not_before});
    else
      give_up(event.job, Failed{event.cause, event.evidence});
  }

  void operator()(const JobSucceeded& event) {
    Job& job = at(event.job);
    require(job.wanted, fmt::format("job {} succeeded", event.job.value), "it is not in the plan");
    if (std::holds_alternative<Succeeded>(job.state)) return;
    if (const auto* running = std::get_if<Running>(&job.state))
      require(running->alive == 0, fmt::format("job {} succeeded", event.job.value), "its ranks run");
    move_to(event.job, Succeeded{event.attempt});
    for (JobNumber user : at(event.job).needed_by) {
      auto* waiting = at(user).wanted ? std::get_if<Waiting>(&at(user).state) : nullptr;
      if (waiting == nullptr) continue;
      if (waiting->unmet > 1)
        --waiting->unmet;
      else
        move_to(user, Ready{});
    }
  }

  void operator()(const JobFailed& event) {
    require(at(event.job).wanted && !std::holds_alternative<Running>(at(event.job).state),
            fmt::format("job {} failed", event.job.value), fmt::format("it is {}", name_of(at(event.job).state)));
    give_up(event.job, Failed{event.cause, event.why});
  }

  void operator()(const JobCancelled& event) {
    require(at(event.job).wanted && !std::holds_alternative<Running>(at(event.job).state),
            fmt::format("job {} cancelled", event.job.value), fmt::format("it is {}", name_of(at(event.job).state)));
    give_up(event.job, Cancelled{event.why});
  }

  void operator()(const StopRequested& event) {
    if (!state_.stop) state_.stop = event.why;
  }

  void operator()(const RunEnded& event) { state_.end = event.end; }

 private:
  Job& at(JobNumber number) {
    require(number.value >= 0 && static_cast<std::size_t>(number.value) < state_.jobs.size(),
            fmt::format("job {} named", number.value), fmt::format("{} jobs are known", state_.jobs.size()));
    return state_.jobs[static_cast<std::size_t>(number.value)];
  }

  Running* find(JobNumber number, int attempt) {
    return current(state_, number, attempt) == nullptr ? nullptr : &std::get<Running>(at(number).state);
  }

  void end_with(JobNumber number, Running& running, Cause cause, const std::string& evidence) {
    if (!running.ending) running.ending = Ending{cause, evidence};
    state_.attention.insert(number);
  }

  void give_up(JobNumber number, JobState ended) {
    move_to(number, std::move(ended));
    for (JobNumber user : at(number).needed_by)
      if (at(user).wanted && std::holds_alternative<Waiting>(at(user).state)) state_.doomed.insert(user);
  }

  void move_to(JobNumber number, JobState next) {
    Job& job = at(number);
    std::visit(Overload{[&](const Waiting&) { state_.doomed.erase(number); },
                        [&](const Ready& ready) {
                          state_.resting.erase({ready.not_before, number});
                          auto queue = state_.ready.find(job.slots);
                          if (queue == state_.ready.end()) return;
                          queue->second.erase(number);
                          if (queue->second.empty()) state_.ready.erase(queue);
                        },
                        [&](const Running& running) {
                          state_.running.erase(number);
                          state_.attention.erase(number);
                          for (const Share& share : running.placement) {
                            auto agent = state_.agents.find(share.agent);
                            if (agent != state_.agents.end()) agent->second.free += share.slots;
                          }
                        },
                        [](const Succeeded&) {}, [](const Failed&) {}, [](const Cancelled&) {}},
               job.state);
    job.state = std::move(next);
    if (const auto* ready = std::get_if<Ready>(&job.state)) {
      if (ready->not_before == Instant{})
        state_.ready[job.slots].insert(number);
      else
        state_.resting.emplace(ready->not_before, number);
    }
    if (std::holds_alternative<Running>(job.state)) state_.running.insert(number);
  }

  State& state_;
};

}  // namespace

void apply(State& state, const Event& event) { std::visit(Applier(state), event); }

}  // namespace resolute::orchestrator
