#include "orchestrator/decisions/dispatch.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "core/quantity_text.h"
#include "orchestrator/decisions/placement.h"

namespace resolute::orchestrator {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr JobIndex kAfterAll{std::numeric_limits<int>::max()};
// So wide may a gang be, for each evaluation that waits, to start after them.
constexpr int kSlotsAnEvaluation = 2;

// Milliseconds until the run tells everything to checkpoint.
std::int64_t time_left(const State& state, const Policy& policy, Instant now) {
  if (state.run.ends_at == Instant{}) return kNever;
  return (state.run.ends_at - policy.stop_lead - now).count();
}

// A ready job that may be next. Its Job is looked at for few of them: most are not in the processor's cache.
struct Candidate {
  JobIndex number;
  std::int64_t path_ms = 0;
  const GangNeed* need = nullptr;
};

bool comes_before(const Candidate& a, const Candidate& b) {
  if (a.need->priority != b.need->priority) return a.need->priority > b.need->priority;
  return std::pair(~a.path_ms, a.number) < std::pair(~b.path_ms, b.number);
}

bool is_evaluation(const GangNeed& need) { return need.priority == priority_of("evaluation", false); }

// When the first job that waits is expected to start, and how much it then leaves free.
struct Reservation {
  std::int64_t in_ms = 0;
  int spare = 0;
};

// One look at one pool: slots, or GPUs; at all that is ready, or as if no evaluation were.
class Dispatch {
 public:
  Dispatch(const State& state, const Policy& policy, Instant now, bool gpus, bool with_evaluations = true)
      : state_(state),
        policy_(policy),
        now_(now),
        gpus_(gpus),
        with_evaluations_(with_evaluations),
        left_(time_left(state, policy, now)),
        limited_(limit_reached(state)),
        free_(free_slots(state, gpus)) {
    if (free_ == 0) return;
    const auto end = state.resting.upper_bound({now, kAfterAll});
    for (auto it = state.resting.begin(); it != end; ++it)
      if (job(it->second).gpus == gpus)
        if (GangNeed need = need_of(job(it->second)); counts(need)) rested_.emplace_back(it->second, std::move(need));
  }

  // A slot goes first to what is in its class or has none, then to a row that begins away from one beside it, then to
  // one that it mixes.
  std::optional<Placed> next() const {
    if (free_ == 0) return std::nullopt;
    std::vector<Candidate> first = first_candidates();
    std::optional<Placed> apart, mixed;
    int past = -1;
    while (!first.empty()) {
      const auto best = std::ranges::min_element(first, comes_before);
      if (Placement placement = place(*best); !placement.empty()) {
        const bool one = best->need->slots == 1;  // a gang leaves no slot to others
        const bool mixes = one && is_elsewhere(best->need->row_class, placement);
        const bool parts = one && is_elsewhere(best->need->beside, placement);
        std::optional<Placed>* const later = mixes ? &mixed : parts ? &apart : nullptr;
        if (later == nullptr || !*later) {
          Placed chosen = placed(*best, std::move(placement), past, why_first(*best, first));
          if (later == nullptr) return chosen;
          *later = std::move(chosen);
        }
      } else if (lets_pass(*best)) {
        past = past < 0 ? best->number.value : past;
      } else if (!waits_in_vain(*best)) {
        if (auto passes = behind(*best)) return passes;
        break;
      }
      first.erase(best);
    }
    return apart ? apart : mixed;
  }

  // Not in this class, while that is there.
  bool is_elsewhere(const std::string& kept, const Placement& placement) const {
    return !kept.empty() && state_.machine_classes.at(gpus_).contains(kept) &&
           numeric_class_of(state_, placement) != kept;
  }

  // The first job in the order that does not fit and waits; nothing if one that fits comes before it.
  std::optional<Candidate> find_head() const {
    std::vector<Candidate> first = first_candidates();
    std::ranges::sort(first, comes_before);
    for (const Candidate& candidate : first) {
      if (!place(candidate).empty()) return std::nullopt;
      if (!waits_in_vain(candidate) && !lets_pass(candidate)) return candidate;
    }
    return std::nullopt;
  }

  // The first of each queue that an empty machine room would hold, as far as slots go.
  std::vector<Candidate> first_candidates() const {
    std::vector<Candidate> candidates;
    for_each_queue([&](const GangNeed& need, const Queue& queue) {
      if (need.slots > capacity_for(need)) return;
      if (const auto first = first_in_time(need, queue)) candidates.push_back(*first);
    });
    for (const auto& [number, need] : rested_)
      if (may_start(number, need) && need.slots <= capacity_for(need)) candidates.push_back(candidate_of(number, need));
    return candidates;
  }

  // Enough of what runs is expected to have ended by then. A job that has run longer than expected is taken to need as
  // long again as it is late. Nothing where that does not suffice, or memory is what lacks.
  std::optional<Reservation> reserve(const GangNeed& need) const {
    int free = 0;
    for (const auto& [numeric_class, machine_class] : state_.machine_classes.at(gpus_))
      if (class_fits(state_, need, numeric_class)) free += machine_class.free;
    const std::vector<std::string> barred = barred_hosts(state_, need);
    for (const std::string& host : barred) free -= free_on(host, need);
    if (free >= need.slots) return std::nullopt;
    const auto& ends = state_.ends.at(gpus_);
    auto later = ends.lower_bound({now_, JobIndex{-1}});
    auto late = std::make_reverse_iterator(later);
    while (later != ends.end() || late != ends.rend()) {
      const std::int64_t in_later = later != ends.end() ? (later->first.first - now_).count() : kNever;
      const std::int64_t in_late = late != ends.rend() ? (now_ - late->first.first).count() : kNever;
      const auto& [end, slots] = in_later <= in_late ? *later++ : *late++;
      free += returned(need, barred, end.second, slots);
      if (free >= need.slots) return Reservation{std::min(in_later, in_late), free - need.slots};
    }
    return std::nullopt;
  }

  // Evaluations that wait.
  int evaluations() const {
    std::size_t count = 0;
    for_each_queue(
        [&](const GangNeed& need, const Queue& queue) { count += is_evaluation(need) ? queue.by_path.size() : 0; });
    for (const auto& [number, need] : rested_) count += is_evaluation(need);
    return static_cast<int>(count);
  }

  // The job that this one, were it placed now, would keep from starting: now, or at its reservation.
  std::optional<JobIndex> delayed_by(JobIndex number, const std::optional<Placed>& next) const {
    const GangNeed need = need_of(job(number));
    if (next) return job(next->job).slots > free_ - need.slots ? std::optional(next->job) : std::nullopt;
    const std::optional<Candidate> head = find_head();
    if (!head) return std::nullopt;
    const std::optional<Reservation> reservation = reserve(*head->need);
    return reservation && !is_harmless(number, need, reservation) ? std::optional(head->number) : std::nullopt;
  }

  // Not even an empty machine room has the memory.
  bool waits_in_vain(const Candidate& candidate) const {
    return candidate.need->memory_mib > 0 && most_ranks(state_, *candidate.need) < candidate.need->slots;
  }

  // It waits for other hosts than those where it failed, which others may use meanwhile: all of them where it is one
  // rank, so many as may pass a gang else.
  bool lets_pass(const Candidate& candidate) const {
    return (candidate.need->slots == 1 || job(candidate.number).passed < policy_.patience) &&
           !barred_hosts(state_, *candidate.need).empty();
  }

  // A row that has no room beside another begins anywhere: it would be mixed.
  Placement place(const Candidate& candidate) const {
    if (has_room_beside(candidate)) return choose_placement(state_, *candidate.need);
    GangNeed anywhere = *candidate.need;
    anywhere.beside.clear();
    return choose_placement(state_, anywhere);
  }

 private:
  template <class F>
  void for_each_queue(F&& visit) const {
    const GangNeed lowest{gpus_, 0, 0, {}, std::numeric_limits<int>::min(), false};
    for (auto it = state_.ready.lower_bound(lowest); it != state_.ready.end() && it->first.gpus == gpus_; ++it)
      if (!(limited_ && it->first.fresh) && counts(it->first)) visit(it->first, it->second);
  }

  bool counts(const GangNeed& need) const { return with_evaluations_ || !is_evaluation(need); }

  Candidate candidate_of(JobIndex number, const GangNeed& need) const { return {number, job(number).path_ms, &need}; }

  // The first of a queue. If the allocation ends before that job keeps anything, another one that does, whatever its
  // path.
  std::optional<Candidate> first_in_time(const GangNeed& need, const Queue& queue) const {
    const JobIndex first = queue.by_path.begin()->second;
    if (left_ == kNever || job(first).checkpoint_ms <= left_) return Candidate{first, job(first).path_ms, &need};
    const auto end = queue.by_checkpoint.upper_bound({left_, kAfterAll});
    if (end == queue.by_checkpoint.begin()) return std::nullopt;
    return candidate_of(std::prev(end)->second, need);
  }

  bool has_room_beside(const Candidate& candidate) const {
    const GangNeed& need = *candidate.need;
    if (need.beside.empty()) return true;
    const auto beside = state_.machine_classes.at(gpus_).find(need.beside);
    const auto row = state_.beginning.find(job(candidate.number).row.number);
    return beside == state_.machine_classes.at(gpus_).end() || row == state_.beginning.end() ||
           std::int64_t{row->second} * need.slots <= beside->second.free;
  }

  bool may_start(JobIndex number, const GangNeed& need) const {
    return !(limited_ && need.fresh) && job(number).checkpoint_ms <= left_;
  }

  int capacity_for(const GangNeed& need) const {
    const auto& classes = state_.machine_classes.at(gpus_);
    if (classes.size() == 1) return classes.begin()->second.width;
    GangNeed without_memory = need;
    without_memory.memory_mib = 0;
    return most_ranks(state_, without_memory);
  }

  // The best of those that may start though `head` comes before them.
  std::optional<Placed> behind(const Candidate& head) const {
    const std::optional<Reservation> reservation = reserve(*head.need);
    const bool patient = job(head.number).passed < policy_.patience;
    std::vector<Candidate> candidates;
    for_each_queue([&](const GangNeed& need, const Queue& queue) {
      if (need.slots > free_) return;
      if (const auto first = first_to_pass(need, queue, reservation, patient)) candidates.push_back(*first);
    });
    for (const auto& [number, need] : rested_)
      if (need.slots <= free_ && may_start(number, need) &&
          (is_harmless(number, need, reservation) || (patient && !is_known(number, reservation))))
        candidates.push_back(candidate_of(number, need));
    std::ranges::sort(candidates, comes_before);
    for (const Candidate& candidate : candidates) {
      Placement placement = place(candidate);
      if (placement.empty()) continue;
      const bool harmless = is_harmless(candidate.number, *candidate.need, reservation);
      return placed(candidate, std::move(placement), harmless ? -1 : head.number.value,
                    why_passes(candidate, head, reservation));
    }
    return std::nullopt;
  }

  // The job of a queue that may pass: its first if that may, else the longest that is expected to end in time.
  std::optional<Candidate> first_to_pass(const GangNeed& need, const Queue& queue,
                                         const std::optional<Reservation>& reservation, bool patient) const {
    if (reservation ? need.slots <= reservation->spare : patient) return first_in_time(need, queue);
    if (!reservation || queue.by_left.begin()->first > reservation->in_ms) return std::nullopt;
    const JobIndex first = queue.by_path.begin()->second;
    if (may_start(first, need) && is_harmless(first, need, reservation)) return candidate_of(first, need);
    // A job that ends before the allocation does reaches a checkpoint before that, too.
    const auto end = queue.by_left.upper_bound({std::min(left_, reservation->in_ms), kAfterAll});
    if (end == queue.by_left.begin()) return std::nullopt;
    const auto& [left, longest] = *std::prev(end);
    if ((left == 0 && !patient) || !may_start(longest, need)) return std::nullopt;
    return candidate_of(longest, need);
  }

  // Does not delay the reservation, as far as is known.
  bool is_harmless(JobIndex number, const GangNeed& need, const std::optional<Reservation>& reservation) const {
    if (!reservation) return false;
    return need.slots <= reservation->spare ||
           (job(number).expected_ms > 0 && expected_left(job(number)) <= reservation->in_ms);
  }

  bool is_known(JobIndex number, const std::optional<Reservation>& reservation) const {
    return reservation && job(number).expected_ms > 0;
  }

  // Free on the machines of a host, as far as a need may use them.
  int free_on(const std::string& host, const GangNeed& need) const {
    int free = 0;
    if (const auto host_agents = state_.on_host.find(host); host_agents != state_.on_host.end())
      for (AgentNumber number : host_agents->second)
        if (const AgentSlots& agent = state_.agents.at(number);
            state_.machine_of.contains(number) && class_fits(state_, need, agent.numeric_class))
          free += gpus_ ? agent.free_gpus : agent.free;
    return free;
  }

  // Slots that a running job leaves to a need when it ends.
  int returned(const GangNeed& need, const std::vector<std::string>& barred, JobIndex number, int slots) const {
    if (barred.empty() && state_.machine_classes.at(gpus_).size() == 1 &&
        state_.machine_of.size() == state_.agents.size())
      return slots;
    int sum = 0;
    for (const Share& share : std::get<Running>(job(number).state).placement)
      if (state_.machine_of.contains(share.agent))
        if (const AgentSlots& agent = state_.agents.at(share.agent);
            class_fits(state_, need, agent.numeric_class) && std::ranges::find(barred, agent.host) == barred.end())
          sum += share.slots;
    return sum;
  }

  std::string why_first(const Candidate& best, const std::vector<Candidate>& first) const {
    std::optional<Candidate> second;
    auto offer = [&](const Candidate& other) {
      if (other.number != best.number && (!second || comes_before(other, *second))) second = other;
    };
    for (const Candidate& other : first) offer(other);
    if (const auto queue = state_.ready.find(*best.need); queue != state_.ready.end()) {
      const auto& order = queue->second.by_path;
      if (const auto after = order.upper_bound({~best.path_ms, best.number}); after != order.end())
        offer({after->second, ~after->first, best.need});
    }
    if (second && second->need->priority != best.need->priority)
      return fmt::format("highest priority ({})", best.need->priority);
    if (second && second->path_ms != best.path_ms)
      return fmt::format("longest path ({})", core::duration_text(best.path_ms));
    return "first in plan order";
  }

  std::string why_passes(const Candidate& candidate, const Candidate& head,
                         const std::optional<Reservation>& reservation) const {
    std::string why =
        fmt::format("passes job {}, which waits for {}", head.number.value, slots_text(head.need->slots, gpus_));
    if (!is_harmless(candidate.number, *candidate.need, reservation)) return why;
    if (candidate.need->slots <= reservation->spare) return why + " and will find enough beside it";
    return why + fmt::format(" for about {}; it is expected to end before that, in {}",
                             core::duration_text(reservation->in_ms),
                             core::duration_text(expected_left(job(candidate.number))));
  }

  Placed placed(const Candidate& candidate, Placement placement, int past, std::string why) const {
    const Job& job = this->job(candidate.number);
    const bool shares = gpus_ && !state_.shared.empty();
    why += fmt::format("; {} of {} free {}", job.slots, free_, shares ? "places on GPUs" : gpus_ ? "GPUs" : "slots");
    for (const auto& [host, causes] : job.failed_on) {
      const bool again = std::ranges::any_of(
          placement, [&, &host = host](const Share& share) { return state_.agents.at(share.agent).host == host; });
      why += again ? fmt::format("; again on {}, where it failed: no other could hold it", host)
                   : fmt::format("; not on {}, where it failed", host);
    }
    if (is_elsewhere(candidate.need->row_class, placement))
      why += "; not in the numeric class of its row's others: nothing else could use what is free";
    if (std::ranges::any_of(placement, [&](const Share& share) {
          return share.slots > room_for(state_, share.agent, *candidate.need, true);
        }))
      why += "; on a slow place by its burn-in: nothing else that is free could hold it";
    if (candidate.need->alone && (!gpus_ || shares))
      why += fmt::format("; alone on its {}: it ran out of memory", gpus_ ? "GPU" : "host");
    if (const std::string placed_class = numeric_class_of(state_, placement);
        !placed_class.empty() && job.checkpoint >= 0 && !job.numeric_class.empty() && placed_class != job.numeric_class)
      why += "; it starts over: no agent of its checkpoint's numeric class is there";
    return {candidate.number, job.attempts + 1, std::move(placement), past, std::move(why), now_};
  }

  const Job& job(JobIndex number) const { return state_.jobs[static_cast<std::size_t>(number.value)]; }

  const State& state_;
  const Policy& policy_;
  Instant now_;
  bool gpus_;
  bool with_evaluations_;
  std::int64_t left_;
  bool limited_;
  int free_;
  std::vector<std::pair<JobIndex, GangNeed>> rested_;  // jobs whose back-off has ended since the last placement
};

// A gang that an evaluation gives way to, and what is next as if no evaluation waited.
struct WiderGang {
  JobIndex number;
  std::optional<Placed> next;
};

// A gang as wide as the machine room would wait for an evaluation after each training, and all else stand idle.
std::optional<WiderGang> wider_gang(const State& state, const Policy& policy, Instant now, const Dispatch& all,
                                    JobIndex evaluation) {
  const Dispatch others(state, policy, now, job_of(state, evaluation).gpus, false);
  std::optional<Placed> next = others.next();
  const std::optional<JobIndex> gang = others.delayed_by(evaluation, next);
  if (!gang || job_of(state, *gang).slots <= kSlotsAnEvaluation * all.evaluations()) return std::nullopt;
  return WiderGang{*gang, std::move(next)};
}

std::optional<Placed> next_in_pool(const State& state, const Policy& policy, Instant now, bool gpus) {
  const Dispatch all(state, policy, now, gpus);
  std::optional<Placed> placed = all.next();
  if (!placed || !is_evaluation(need_of(job_of(state, placed->job)))) return placed;
  std::optional<WiderGang> gang = wider_gang(state, policy, now, all, placed->job);
  return gang ? std::move(gang->next) : std::move(placed);
}

}  // namespace

std::optional<Placed> next_placement(const State& state, const Policy& policy, Instant now) {
  if (auto placed = next_in_pool(state, policy, now, true)) return placed;
  return next_in_pool(state, policy, now, false);
}

std::string why_not_placed(const State& state, const Policy& policy, Instant now, JobIndex number) {
  const Job& job = job_of(state, number);
  const GangNeed need = need_of(job);
  const std::string needs = slots_text(need.slots, need.gpus);
  if (limit_reached(state) && need.fresh)
    return fmt::format("the {} jobs that this run may start have been started", state.run.max_jobs);
  if (!reaches_checkpoint(state, policy, job, now))
    return fmt::format("it would keep nothing before the allocation ends: that takes about {} and {} are left",
                       core::duration_text(job.checkpoint_ms),
                       core::duration_text(std::max<std::int64_t>(time_left(state, policy, now), 0)));
  const int most = most_ranks(state, need);
  if (most < need.slots)
    return fmt::format("it needs {}{} and the agents that may be used hold {} at once", needs,
                       need.memory_mib > 0 ? fmt::format(" with {} MiB each", need.memory_mib) : "", most);
  const Dispatch dispatch(state, policy, now, job.gpus);
  const Candidate self{number, job.path_ms, &need};
  const bool fits = !dispatch.place(self).empty();
  std::string why;
  if (!fits) {
    const int free = free_slots(state, job.gpus);
    why = fmt::format("it needs {} and {} are free", needs, free);
    if (const auto barred = barred_hosts(state, need); !barred.empty())
      why += fmt::format(", {} aside, where it failed", fmt::join(barred, ", "));
    else if (need.alone && (!job.gpus || !state.shared.empty()))
      why += fmt::format(", of {} where nothing else runs: it ran out of memory", job.gpus ? "GPUs" : "hosts");
    else if (free >= need.slots && job.gpus && !state.shared.empty())
      why += ", on too few different GPUs";
    else if (free >= need.slots)
      why += ", without enough memory or not of one numeric class";
  }
  if (fits && is_evaluation(need))
    if (const auto gang = wider_gang(state, policy, now, dispatch, number)) {
      const Job& wider = job_of(state, gang->number);
      return fmt::format("it would keep job {} ({}), which needs {}, from starting; evaluations go first when {} wait",
                         gang->number.value, wider.label, slots_text(wider.slots, job.gpus),
                         (wider.slots + kSlotsAnEvaluation - 1) / kSlotsAnEvaluation);
    }
  const auto head = dispatch.find_head();
  if (!head || head->number == number || comes_before(self, *head)) return why;
  const auto reservation = dispatch.reserve(*head->need);
  return why + fmt::format("{}job {} ({}) comes before it and waits for {}{}", why.empty() ? "" : "; ",
                           head->number.value, job_of(state, head->number).label,
                           slots_text(head->need->slots, job.gpus),
                           reservation ? fmt::format(", for about {}", core::duration_text(reservation->in_ms)) : "");
}

bool reaches_checkpoint(const State& state, const Policy& policy, const Job& job, Instant now) {
  return job.checkpoint_ms == 0 || job.checkpoint_ms <= time_left(state, policy, now);
}

bool limit_reached(const State& state) { return state.run.max_jobs >= 0 && state.placed_jobs >= state.run.max_jobs; }

std::string slots_text(int slots, bool gpus) {
  return fmt::format("{} {}{}", slots, gpus ? "GPU" : "slot", slots == 1 ? "" : "s");
}

}  // namespace resolute::orchestrator
