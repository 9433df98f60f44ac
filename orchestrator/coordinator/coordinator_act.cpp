// The coordinator's work once its decisions are on disk.
#include <algorithm>

#include "core/files/ownership.h"
#include "core/log.h"
#include "core/process/secret.h"
#include "orchestrator/coordinator/coordinator.h"

namespace resolute::orchestrator {
namespace {

// Says that something will not be done here: another run may have done it.
bool gives_up(const Event& decision) {
  if (std::holds_alternative<JobFailed>(decision)) return true;
  const auto* ended = std::get_if<RunEnded>(&decision);
  return ended != nullptr && ended->end != RunEnd::kComplete;
}

}  // namespace

void Coordinator::make_decisions() {
  Moment moment;
  moment.agents_pending = peers_.pending();
  moment.agents_missing = peers_.joined() < peers_.expected();
  moment.give_up_at = stopping_.give_up_at();
  moment.attentive_since = attention_.since();
  moment.unsettled = at_work_.settling.all();
  moment.idle_since = occasion_.idle_since();
  while (true) {
    occasion_.take();
    moment.now = now();
    moment.store_fails = watch_.pause() || (watch_.doubtful() && starts_something());
    std::vector<Event> decisions = decide(state_, options_.policy, moment);
    if (decisions.empty()) {
      occasion_.wait(next_wake(state_, options_.policy, moment));
      break;
    }
    if (std::ranges::any_of(decisions, gives_up) && !state_.stop && !looked_everywhere()) {
      occasion_.wait(std::nullopt);
      break;
    }
    for (Event& decision : decisions) {
      if (auto* placed = std::get_if<Placed>(&decision))
        placed->attempt = elsewhere_.free_attempt(placed->job, placed->attempt);
      record(decision);
      journal_.decide(store_.appended(), moment.now, std::move(decision));
    }
  }
}

bool Coordinator::starts_something() const { return journal_.places() || at_work_.starting.making_files() > 0; }

void Coordinator::carry_out() {
  while (!finished()) {
    const std::optional<Event> decision = journal_.take_decision();
    if (!decision) return;
    act(*decision);
  }
}

void Coordinator::look_for_held() {
  if (!watch_.pause()) look_for(elsewhere_.take_held(now()), false);
}

void Coordinator::look_elsewhere() {
  if (options_.kinds.empty() || watch_.pause()) return;
  if (!elsewhere_.await_due(clock_.now(), options_.held_wait)) return;
  std::vector<JobIndex> numbers;
  for (JobIndex number : jobs_.numbers()) {
    const Job& job = job_of(state_, number);
    const auto waits_here = [&](JobIndex user) {
      const Job& one = job_of(state_, user);
      return !one.elsewhere && std::holds_alternative<Waiting>(one.state);
    };
    if (job.elsewhere && std::ranges::any_of(job.needed_by, waits_here)) numbers.push_back(number);
  }
  elsewhere_.await(numbers.size());
  look_for(std::move(numbers), false);
}

bool Coordinator::looked_everywhere() {
  if (elsewhere_.looking()) return false;
  if (elsewhere_.looked(clock_.now())) return true;
  elsewhere_.begin_look(clock_.now());
  look_for(jobs_.numbers(), true);
  return !elsewhere_.looking();
}

// A result that is not seen now is seen before its job is started.
void Coordinator::look_for(std::vector<JobIndex> numbers, bool everywhere) {
  const auto waits = [this](JobIndex number) {
    const JobState& state = job_of(state_, number).state;
    return std::holds_alternative<Waiting>(state) || std::holds_alternative<Ready>(state);
  };
  std::erase_if(numbers, [&](JobIndex number) { return !waits(number); });
  for (std::size_t first = 0; first < numbers.size(); first += kJobsALook) {
    const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<JobIndex> some(from, from + static_cast<std::ptrdiff_t>(std::min(kJobsALook, numbers.size() - first)));
    std::vector<std::shared_ptr<const experiments::PlannedJob>> jobs;
    for (JobIndex number : some) jobs.push_back(jobs_.share(number));
    if (everywhere) elsewhere_.begin_call();
    store_.look(std::move(jobs), [this, waits, everywhere, some = std::move(some)](auto& answer) {
      std::vector<std::optional<std::string>> found(some.size());
      if (!on_store([&] { found = answer.take(); })) elsewhere_.fail();
      for (std::size_t i = 0; i < some.size(); ++i)
        if (found[i] && found[i]->empty() && waits(some[i])) record(JobSucceeded{some[i], 0});
      if (everywhere && elsewhere_.end_call(clock_.now())) occasion_.arise();
    });
  }
}

void Coordinator::act(const Event& decision) {
  if (const auto* placed = std::get_if<Placed>(&decision)) {
    // It may have been followed by its own end within one batch of decisions.
    if (current(state_, placed->job, placed->attempt) != nullptr) start_attempt(*placed);
  } else if (const auto* stopped = std::get_if<AttemptStopped>(&decision)) {
    const Running* running = current(state_, stopped->job, stopped->attempt);
    if (running == nullptr) return;
    abandon_preparation(stopped->job, stopped->attempt, stopped->why);
    stop_ranks(stopped->job, *running, stopped->grace);
  } else if (const auto* ended = std::get_if<RunEnded>(&decision)) {
    stopping_.end(ended->why);
    if (const std::size_t left = place_checks_.repeats.waiting(); left > 0)
      core::log_info(
          "the first steps of {} trainings were not repeated: no training began elsewhere in their numeric class",
          left);
  }
}

void Coordinator::stop_ranks(JobIndex number, const Running& running, std::chrono::milliseconds grace) {
  for (const Share& share : running.placement) send(share.agent, Kill{key_of(number, running.attempt), grace.count()});
}

void Coordinator::start_attempt(const Placed& placed) {
  const Running& placed_now = *current(state_, placed.job, placed.attempt);
  if (placed_now.ending || placed_now.alive < job_of(state_, placed.job).slots) {
    end_unstarted(placed.job, placed.attempt, 0, "it was never started");
    return;
  }
  if (watch_.pause() || state_.stop) {
    record(HeldElsewhere{placed.job, placed.attempt, now(),
                         watch_.pause() ? "the store fails: " + watch_.pause()->why : *state_.stop});
    return;
  }
  at_work_.begin(placed.job, placed.attempt);
  std::vector<std::shared_ptr<const experiments::PlannedJob>> needs;
  for (JobIndex need : job_of(state_, placed.job).after) needs.push_back(jobs_.share(need));
  store_.prepare(
      jobs_.share(placed.job), std::move(needs), placed.attempt,
      [this, placed, asked = clock_.now()](Answer<Preparation>& answer) { prepared(placed, asked, answer); });
}

void Coordinator::prepared(const Placed& placed, core::MonotonicTime asked, Answer<Preparation>& answer) {
  // Then its claim is given back behind it.
  const bool given_up = !at_work_.starting.makes_files(placed.job, placed.attempt);
  // With an agent of it: its number is used, and only its end frees the job.
  const Running* running = current(state_, placed.job, placed.attempt);
  const bool lost = !given_up && running != nullptr && running->alive < job_of(state_, placed.job).slots;
  const auto end_lost = [&] { abandon_preparation(placed.job, placed.attempt, "it was never started", 0); };
  const bool paused = watch_.pause().has_value();
  std::optional<Preparation> made;
  try {
    if (!on_store([&] { made = answer.take(); })) {
      if (lost)
        end_lost();
      else if (!given_up)
        take_back(placed, paused);
      return;
    }
  } catch (const core::RuntimeError& error) {
    if (!given_up) fail_preparation(placed, error, lost);
    return;
  }
  if (watch_.doubtful()) occasion_.arise();  // there may be more to start
  watch_.worked();
  if (given_up) return;
  if (lost && (std::holds_alternative<HeldBy>(*made) || std::holds_alternative<NumberUsed>(*made))) return end_lost();
  if (const auto* held = std::get_if<HeldBy>(&*made)) {
    const Instant until = now() + options_.held_wait;
    elsewhere_.hold(placed.job, until - options_.held_wait / 4);
    put_off(placed.job, placed.attempt, until, held->holder);
  } else if (const auto* used = std::get_if<NumberUsed>(&*made)) {
    elsewhere_.use_attempts(placed.job, used->last);
    put_off(placed.job, placed.attempt, now(), "the attempt's number has been used in the store");
  } else {
    go_on_with(placed, std::holds_alternative<ResultThere>(*made), asked);
  }
}

void Coordinator::go_on_with(const Placed& placed, bool has_result, core::MonotonicTime asked) {
  const JobIndex number = placed.job;
  const Job& job = job_of(state_, number);
  at_work_.attempts.at(number).heard = clock_.now();
  at_work_.attempts.at(number).first_step = std::max<std::int64_t>(job.checkpoint, 0);
  at_work_.starting.files_made(number, job.slots > 1);
  if (has_result) {
    abandon_preparation(number, placed.attempt, "another run finished it", 0);
  } else if (job.slots > 1) {
    const Placement& placement = std::get<Running>(job.state).placement;
    send(placement.front().agent, Prepare{key_of(number, placed.attempt), host_of(state_, placement).empty()});
  } else if (watch_.pause() || clock_.now() - asked > options_.owner_watch / 3) {
    at_work_.starting.queue(number);
  } else {
    launch_now(number);
  }
}

void Coordinator::take_back(const Placed& placed, bool paused) {
  // Another attempt has told that the store fails.
  if (paused) return put_off(placed.job, placed.attempt, now(), "the store fails: " + watch_.pause()->why);
  at_work_.forget(placed.job);
  record(taken_back(state_, options_.policy, now(), placed.job, watch_.pause()->why));
}

// A fault of the job's, such as a file in the place of its folder, costs an attempt and not the run.
void Coordinator::fail_preparation(const Placed& placed, const core::RuntimeError& error, bool lost) {
  // Another user's folder: no try of the job was begun, and the next one would end alike.
  if (error.error_number() == EACCES && !lost) {
    put_off(placed.job, placed.attempt, now(), error.what());
    record(JobFailed{placed.job, Cause::kUnplaceable,
                     fmt::format("{}; {}", error.what(), core::sharing_advice(store_.layout().root()))});
    return;
  }
  at_work_.forget(placed.job);
  // Ranks that end by themselves would accuse their hosts, which had no part in it.
  record(AttemptStopped{placed.job, placed.attempt, Cause::kExitCode, {}, error.what(), now()});
  end_unstarted(placed.job, placed.attempt, 1, error.what());
}

void Coordinator::put_off(JobIndex number, int attempt, Instant until, std::string why) {
  at_work_.forget(number);
  record(HeldElsewhere{number, attempt, until, std::move(why)});
}

// Another run may have overtaken an attempt that waited.
void Coordinator::launch_prepared() {
  if (!at_work_.starting.queued() || watch_.pause() || !under_way_.insert(StoreCall::kRequireNoSuccessor).second)
    return;
  store_.require_no_successor([this, numbers = at_work_.starting.take_queue()](Answer<Done>& answer) {
    under_way_.erase(StoreCall::kRequireNoSuccessor);
    const bool ours = on_store([&] { answer.take(); });
    for (JobIndex number : numbers)
      if (ours)
        launch_now(number);
      else
        at_work_.starting.queue(number);
  });
}

// Nothing where its preparation was given up, or is about to be.
void Coordinator::launch_now(JobIndex number) {
  if (!at_work_.starting.launchable(number)) return;
  AttemptAtWork& attempt = at_work_.attempts.at(number);
  const Running* running = current(state_, number, attempt.number);
  if (running == nullptr || running->ending || running->alive < job_of(state_, number).slots || state_.stop) return;
  attempt.launched = attempt.heard = clock_.now();
  launch(number, *running, at_work_.starting.launch(number));
}

void Coordinator::launch(JobIndex number, const Running& running, const std::optional<Prepared>& prepared) {
  Rendezvous rendezvous;
  std::string secret;
  if (prepared) {
    const std::string& host = state_.agents.at(running.placement.front().agent).host;
    rendezvous = {prepared->address.empty() ? host : prepared->address, prepared->port};
    secret = core::random_token(32);
  }
  const auto& ends = job_of(state_, number).ends;
  const AttemptOfJob attempt{running.attempt, ends.at(static_cast<std::size_t>(Cause::kOutOfMemory)) > 0};
  const auto repeats = place_checks_.repeats.order_for(state_, number);
  int rank = 0;
  for (const Share& share : running.placement) {
    Launch message{key_of(number, running.attempt), {}, secret};
    for (int i = 0; i < share.slots; ++i, ++rank) {
      message.ranks.push_back(
          rank_command(store_.layout(), jobs_.at(number), attempt, rank, prepared ? &rendezvous : nullptr, commands_));
      message.ranks.back().gpu = job_of(state_, number).gpus;
    }
    message.gpus_aside = gpus_kept_from(state_, share.agent, number);
    if (repeats) {
      auto& command = message.ranks.front().arguments;
      const auto first =
          repeat_command(store_.layout(), repeats->training, kRepeatedSteps, repeats->not_on, options_.repeat_program);
      command.insert(command.begin(), first.begin(), first.end());
    }
    send(share.agent, message);
  }
}

// The ranks of what is not launched were never started: nobody else will report their end.
void Coordinator::abandon_preparation(JobIndex number, int attempt, const std::string& evidence, int code) {
  if (!at_work_.starting.give_up(number, attempt)) return;
  at_work_.attempts.at(number).heard = clock_.now();
  end_unstarted(number, attempt, code, evidence);
}

void Coordinator::end_unstarted(JobIndex number, int attempt, int code, const std::string& evidence) {
  const Running* running = current(state_, number, attempt);
  if (running == nullptr) return;
  for (std::size_t rank = 0; rank < running->ended.size(); ++rank)
    if (!running->ended[rank]) journal_.hold(RankExited{number, attempt, static_cast<int>(rank), code, 0, evidence});
  at_work_.settling.add(number);
}

// Before the event is applied: the attempt's life is measured, its claim given back; why it is tried again is kept for
// who looks on.
void Coordinator::finish_attempt(const Event& event) {
  JobIndex number{-1};
  const auto* succeeded = std::get_if<JobSucceeded>(&event);
  if (succeeded != nullptr) number = succeeded->job;
  if (const auto* ended = std::get_if<AttemptEnded>(&event)) {
    number = ended->job;
    if (ended->retry) at_work_.attempts.retry(*ended, clock_.now());
  }
  const auto found = at_work_.attempts.all().find(number);
  if (found == at_work_.attempts.all().end()) return;
  const Job& job = job_of(state_, number);
  if (succeeded != nullptr && found->second.ranks_started > 0)
    forecast_.learn(number, job, found->second, clock_.now());
  store_.release(job.id);
  at_work_.forget(number);
}

}  // namespace resolute::orchestrator
