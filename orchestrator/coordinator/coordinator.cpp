#include "orchestrator/coordinator/coordinator.h"

#include <algorithm>
#include <set>

#include "core/log.h"
#include "orchestrator/coordinator/handover.h"
#include "orchestrator/decisions/apply.h"
#include "orchestrator/decisions/burn_in.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::orchestrator {
namespace {

constexpr int kMessagesAStep = 256;
constexpr std::chrono::seconds kCloseLimit(10), kCloseLimitOfStall(1);

std::set<experiments::JobId> jobs_that_go_on(const experiments::Plan& plan) {
  std::set<experiments::JobId> found;
  for (const auto& job : plan.jobs)
    if (job.goes_on) found.insert(job.id);
  return found;
}

}  // namespace

Coordinator::Coordinator(core::FileSystem& files, const core::Clock& clock, Transport& transport,
                         const experiments::Plan& plan, const RunOptions& options, std::vector<Address> agents,
                         std::unique_ptr<StoreLanes> lanes)
    : transport_(transport),
      options_(options),
      jobs_(plan.jobs),
      forecast_(Durations::read(files, experiments::StoreLayout(options.store)), jobs_),
      store_(files, clock, experiments::StoreLayout(std::filesystem::absolute(options.store)),
             experiments::run_name(plan.suite, options.allocation), wall_clock(), options.owner_watch, std::move(lanes),
             options.checks),
      clock_(clock, wall_clock()),
      watch_(options.policy.back_off_scale),
      peers_(std::move(agents)),
      place_checks_{{}, Repeats(plan.worker.empty() ? options.repeat_share : 0, jobs_that_go_on(plan))},
      announcer_(plan.suite, plan.jobs.size(), clock, options.quiet) {
  commands_.worker = options.worker_command;
  commands_.external = plan.worker;
  commands_.raw_roots = options.raw_roots;
  commands_.checkpoint_every = options.checkpoint_every;
  commands_.evaluate_every = options.evaluate_every;
  commands_.through_host = options.through_host;
  commands_.memory_mib = options.memory_per_rank_mib;
  if (options.repeat_share > 0 && !plan.worker.empty())
    core::log_warning("no first steps are repeated (an external worker's cannot be compared)");
  occasion_.note_work(now());
  state_ = store_.take_past();
  const State before = options.follows ? state_ : State();
  place_checks_.still_aside = still_aside(files, store_.layout(), plan.suite,
                                          experiments::run_name(plan.suite, options.allocation), state_, now());
  for (const Event& event : end_abandoned(state_)) {
    store_.append(event, now());
    orchestrator::apply(state_, event);
  }
  const Owner owner = this_owner();
  RunStarted started{store_.epoch(), store_.run(), owner.host, owner.process, options.max_jobs.value_or(-1)};
  if (options.ends_at) started.ends_at = *options.ends_at;
  record(std::move(started));
  reconcile_plan(plan);
  for (const Event& event : handed_over(before, state_)) record(event);
  keep_aside(hosts_still_aside(place_checks_.still_aside, options_.policy, now()));
}

void Coordinator::reconcile_plan(const experiments::Plan& plan) {
  const std::vector<ExpectedPath> expected = forecast_.expect(plan);
  const std::set<experiments::JobId> on_gpus = jobs_on_gpus(plan.jobs);
  std::set<experiments::JobId> first;
  if (options_.first)
    for (const auto& job : select(plan, *options_.first).jobs) first.insert(job.id);
  auto complete = [&](JobAdded& added) {
    const ExpectedPath& path = expected[jobs_.add(added.job)];
    const auto& job = jobs_.at(added.job);
    added.gpus = on_gpus.contains(job.id);
    added.elsewhere = !options_.kinds.empty() && !options_.kinds.contains(experiments::job_kind(job.specification));
    added.memory_mib = options_.memory_per_rank_mib;
    added.priority = priority_of(added.kind, first.contains(job.id));
    if (const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification))
      added.steps = training->recipe.steps;
    // A guess says nothing of when a job ends; for the order it is better than nothing.
    if (path.learned) {
      added.expected_ms = path.expected_ms;
      added.checkpoint_ms = path.checkpoint_ms;
    }
    added.path_ms = path.path_ms;
  };
  State reconciled = state_;
  for (Event& event : reconcile(look_back(), plan, reconciled, complete)) store_.append(event, now());
  state_ = std::move(reconciled);
  jobs_.note_done(count(state_).succeeded);
  announcer_.begin(jobs_.done_before());
}

// Meanwhile the run must not look dead.
std::vector<FoundJob> Coordinator::look_back() {
  std::vector<FoundJob> found;
  store_.look_back(jobs_.share_all(), [&found](Answer<std::vector<FoundJob>>& answer) { found = answer.take(); });
  for (bool all = false; !all;) {
    renew_owner_if_due();
    all = store_.wait(std::chrono::seconds(1));
    store_.take_answers();
  }
  return found;
}

Coordinator::~Coordinator() {
  try {
    store_.write_durations(forecast_.take_learned());
    store_.close(stalls() ? kCloseLimitOfStall : kCloseLimit);
  } catch (const std::exception& error) {
    core::log_warning("the run's files could not be closed: {}", error.what());
  }
}

void Coordinator::record(const Event& event) {
  store_.append(event, now());
  finish_attempt(event);
  place_checks_.repeats.take(state_, event);
  orchestrator::apply(state_, event);
  occasion_.arise();
  announcer_.tell(state_, event);
}

AttemptKey Coordinator::key_of(JobIndex number, int attempt) const { return {job_of(state_, number).id.hex, attempt}; }

bool Coordinator::step() {
  if (finished()) return false;
  allow_for_absence();
  const bool store_answered = store_.take_answers();
  if (finished()) return true;
  bool busy = store_answered || occasion_.arisen();
  // An agent's sign of life may stand behind messages that are still to be read.
  const bool all_read = receive();
  const auto time = clock_.now();
  if (all_read && duties_[Duty::kNoticeSilence].due(time, options_.heartbeat / 4)) check_silence();
  // After a long step, or while decisions wait for the disk, ranks are told to end late, and their answers may not have
  // come in yet.
  const Milliseconds late = options_.policy.unkillable_limit / 10;
  attention_.keep_up(time, now(), !all_read || journal_.waits_since_before(now() - late), late);
  for (const Event& event : journal_.take_held()) record(event);
  probe_store();
  tell_of_stall();
  // Nothing is done about what may not be on the disk.
  if (journal_.fails()) {
    stop_undecided();
    do_chores();
    return false;
  }
  launch_prepared();
  settle_results();
  look_for_held();
  look_elsewhere();
  judge_places();
  busy = busy || occasion_.arisen();
  if (occasion_.is_due(now())) make_decisions();
  // Events without a decision (an agent's arrival, a checkpoint) are kept too.
  keep_records();
  do_chores();
  return busy || occasion_.arisen() || journal_.holds();
}

bool Coordinator::receive() {
  for (int i = 0; i < kMessagesAStep; ++i) {
    auto delivery = transport_.receive();
    if (!delivery) return true;
    try {
      handle(delivery->from, decode(delivery->bytes));
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kInput) throw;
      core::log_warning("a message of agent address {} was refused: {}", delivery->from, error.what());
    }
  }
  return false;
}

void Coordinator::handle(Address from, const Message& message) {
  if (const auto* joining = std::get_if<Join>(&message)) {
    join(from, *joining);
    return;
  }
  if (const auto agent = peers_.hear(from, clock_.now())) return handle(from, *agent, message);
  // Taken for lost, yet alive (a stopped process that went on): its ranks have to go before it may serve again. Or it
  // has served the run before this one in this process.
  if (std::holds_alternative<Heartbeat>(message)) send(from, Rejoin{});
}

void Coordinator::join(Address from, const Join& message) {
  lose(from, "it joined anew");
  AgentNumber number{state_.next_agent};
  record(AgentJoined{number, message.host, message.slots, message.gpus, message.memory_mib, message.numeric_class});
  if (options_.jobs_per_gpu > 1 && message.gpus > 0 && std::ssize(message.burn_ins) == message.gpus) {
    GpusShared shared{number, options_.jobs_per_gpu, {}};
    for (const BurnIn& one : message.burn_ins) shared.gpus.push_back(one.gpu);
    record(shared);
  }
  for (const BurnIn& done : message.burn_ins) {
    if (done.digest.empty() && done.problem.empty()) continue;
    place_checks_.burn_ins.push_back(
        {number, done.gpu, done.digest, done.problem, done.images_a_minute, done.free_mib, done.took});
    record(place_checks_.burn_ins.back());
    if (!done.problem.empty()) core::log_warning("{}", describe(place_checks_.burn_ins.back()));
  }
  keep_aside(place_checks_.take_still_aside(number, message));
  judge_places();
  peers_.join(from, number, clock_.now());
  duties_[Duty::kNoticeSilence].hasten();
}

void Coordinator::lose(Address address, const std::string& why) {
  const auto number = peers_.lose(address);
  if (!number) return;
  transport_.forget(address);
  core::log_warning("agent {} is lost ({})", number->value, why);
  place_checks_.keep(state_, *number);
  record(AgentLost{*number, why});
  for (JobIndex job : state_.attention) at_work_.settling.add(job);
}

void Coordinator::allow_for_absence() {
  const auto away = attention_.begin_step(clock_.now(), options_.agent_limit / 2, options_.owner_watch);
  if (!away) return;
  peers_.forgive(*away);
  at_work_.attempts.forgive(*away);
}

void Coordinator::check_silence() {
  for (Address address : peers_.silent(clock_.now(), options_.agent_limit))
    lose(address, fmt::format("no sign of life for {} s",
                              std::chrono::duration_cast<std::chrono::seconds>(options_.agent_limit).count()));
  if (!peers_.stop_waiting(clock_.since_begin() >= options_.join_limit)) return;
  occasion_.arise();
  if (!peers_.all_joined())
    core::log_warning("{} of {} agents joined within {} s", peers_.joined(), peers_.expected(),
                      std::chrono::duration_cast<std::chrono::seconds>(options_.join_limit).count());
  for (const std::string& slow : slow_places(state_, place_checks_.burn_ins)) core::log_warning("{}", slow);
}

void Coordinator::handle(Address from, AgentNumber agent, const Message& message) {
  auto number_of = [&](const AttemptKey& key) {
    auto found = state_.numbers.find(key.job);
    return found == state_.numbers.end() ? JobIndex{-1} : found->second;
  };
  // The attempt's state if it is the current one and this agent runs that rank: all else is late, or not the agent's to
  // say.
  auto running_here = [&](JobIndex number, int attempt, int process_rank) -> const Running* {
    const Running* running = current(state_, number, attempt);
    if (running == nullptr || process_rank < 0 || static_cast<std::size_t>(process_rank) >= running->ended.size())
      return nullptr;
    return agent_of(running->placement, process_rank) == agent ? running : nullptr;
  };
  if (std::holds_alternative<Heartbeat>(message)) {
    send(from, HeartbeatAnswer{stalls()});
  } else if (const auto* prepared = std::get_if<Prepared>(&message)) {
    const JobIndex number = number_of(prepared->key);
    const Running* running = running_here(number, prepared->key.attempt, 0);
    if (running == nullptr || !at_work_.starting.has_files(number, prepared->key.attempt)) return;
    if (prepared->port == 0)
      abandon_preparation(number, prepared->key.attempt, prepared->problem);
    else
      at_work_.starting.listen(number, *prepared);
  } else if (const auto* started = std::get_if<RankStarted>(&message)) {
    const JobIndex number = number_of(started->key);
    const Running* running = running_here(number, started->key.attempt, started->process_rank);
    AttemptAtWork* attempt = at_work_.attempts.find(number, started->key.attempt);
    if (running == nullptr || running->started || attempt == nullptr) return;
    attempt->heard = clock_.now();
    if (++attempt->ranks_started == job_of(state_, number).slots) record(Started{number, started->key.attempt});
  } else if (const auto* line = std::get_if<ProgressLine>(&message)) {
    const JobIndex number = number_of(line->key);
    AttemptAtWork* attempt = at_work_.attempts.find(number, line->key.attempt);
    if (running_here(number, line->key.attempt, 0) != nullptr && attempt != nullptr)
      read_progress(number, *attempt, line->line);
  } else if (const auto* ended = std::get_if<RankEnded>(&message)) {
    const JobIndex number = number_of(ended->key);
    if (running_here(number, ended->key.attempt, ended->process_rank) == nullptr) return;
    if (AttemptAtWork* attempt = at_work_.attempts.find(number, ended->key.attempt)) {
      attempt->peak_mib = std::max(attempt->peak_mib, ended->peak_mib);
      attempt->cpu_ms += ended->cpu_ms;
    }
    record(exited(number, *ended));
    at_work_.settling.add(number);
  } else if (const auto* leave = std::get_if<Leave>(&message)) {
    lose(from, leave->why);
  }
}

void Coordinator::read_progress(JobIndex number, AttemptAtWork& attempt, const std::string& line) {
  attempt.heard = clock_.now();
  const core::Json json = core::Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  auto checkpoint = json.find("checkpoint");
  if (checkpoint == json.end()) {
    if (json.contains("step")) attempt.line = line;
    if (const auto repeated = place_checks_.repeats.take_answer(state_, number, json)) {
      attempt.launched = clock_.now();  // its own work begins
      record(*repeated);
      if (is_doubted(*repeated) || !repeated->problem.empty()) core::log_warning("{}", describe(*repeated));
    }
    return;
  }
  if (!checkpoint->is_number_integer()) return;
  const auto step = checkpoint->get<std::int64_t>();
  if (step <= job_of(state_, number).checkpoint) return;
  if (!attempt.first_checkpoint) attempt.first_checkpoint = clock_.now();
  record(Progressed{number, attempt.number, step});
}

void Coordinator::judge_places() {
  while (const auto verdict = place_checks_.next_verdict(state_)) record(*verdict);
}

// The store is the truth, whatever the ranks' exit codes say. Jobs of which it does not tell are looked for again.
void Coordinator::settle_results() {
  if (watch_.pause()) return;
  at_work_.settling.keep([&](JobIndex number) {
    const auto* running = std::get_if<Running>(&job_of(state_, number).state);
    return running != nullptr && running->alive == 0;
  });
  for (JobIndex number : at_work_.settling.begin_looks(clock_.now()))
    store_.look({jobs_.share(number)},
                [this, number, attempt = std::get<Running>(job_of(state_, number).state).attempt](auto& answer) {
                  looked(number, attempt, answer);
                });
}

void Coordinator::looked(JobIndex number, int attempt, Answer<std::vector<std::optional<std::string>>>& answer) {
  const Running* running = current(state_, number, attempt);
  // It may have ended while the look was under way, by a result that was found elsewhere.
  const bool settles = at_work_.settling.end_look(number);
  std::optional<std::string> found;
  if (!on_store([&] { found = answer.take().front(); })) return;
  if (!settles || running == nullptr || running->alive > 0) return;
  const bool ended_badly = running->ending.has_value();
  if (!found && !ended_badly && at_work_.settling.look_again(number, clock_.now(), options_.result_wait)) return;
  at_work_.settling.remove(number);
  occasion_.arise();
  if (found && found->empty())
    record(JobSucceeded{number, attempt});
  else if (found && !ended_badly)
    record(AttemptStopped{number, attempt, Cause::kConfiguration, {}, *found, {}});
  else if (!ended_badly)
    record(ResultMissing{number, attempt});
}

void Coordinator::request_stop(const StopRequested& stop, bool wish) {
  const bool kills = wish && stopping_.wish(state_.stop.has_value(), now() + options_.hurry_limit);
  if (!state_.stop || cancels_more(*state_.stop, stop.why)) {
    journal_.hold(stop);
    // Recorded by the next step; a second request before that is the same one.
    occasion_.arise();
  }
  if (!kills) return;
  occasion_.arise();
  stop_all(std::chrono::milliseconds(0));
  if (watch_.pause())
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "the run is ended while its store fails",
                             watch_.pause()->why, "start it again: it goes on from what was kept");
}

void Coordinator::stop_all(std::chrono::milliseconds grace) {
  for (JobIndex number : state_.running) stop_ranks(number, std::get<Running>(job_of(state_, number).state), grace);
}

RunOutcome Coordinator::outcome() const {
  RunOutcome outcome;
  const Counts counts = count(state_);
  outcome.skipped = jobs_.done_before();
  outcome.succeeded = counts.succeeded - outcome.skipped;
  outcome.failed = counts.failed;
  outcome.cancelled = counts.cancelled;
  for (const auto& [shape, jobs] : state_.unfinished) outcome.unfinished += jobs;
  outcome.elsewhere = counts.waiting + counts.ready + counts.running - outcome.unfinished;
  outcome.interrupted =
      !state_.end || *state_.end == RunEnd::kInterrupted || (*state_.end == RunEnd::kIdle && outcome.unfinished > 0);
  outcome.stopped = state_.stop.has_value();
  outcome.why = stopping_.why();
  for (const Job& job : state_.jobs) {
    if (!job.wanted) continue;
    if (const auto* failed = std::get_if<Failed>(&job.state))
      outcome.failures.push_back({job.id, job.label, std::string(name_of(failed->cause)), failed->evidence});
    if (const auto* cancelled = std::get_if<Cancelled>(&job.state))
      outcome.failures.push_back(
          {job.id, job.label, std::string(job.unwanted ? kCancelledByUser : kNeedsFailed), cancelled->why});
  }
  return outcome;
}

}  // namespace resolute::orchestrator
