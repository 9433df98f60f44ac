#include <rapidcheck/gtest.h>

#include <ostream>

#include "orchestrator/journal/epoch.h"
#include "tests/orchestrator/support/simulated_run.h"

namespace resolute::tests::property_test {

// The words of a counterexample.
std::ostream& operator<<(std::ostream& stream, const Happening& happening) {
  return stream << "{" << happening.what << ", " << happening.which << ", " << happening.how << "}";
}

namespace {

using namespace orchestrator;

std::vector<Happening> draw_happenings() {
  const auto one = rc::gen::build<Happening>(rc::gen::set(&Happening::what, rc::gen::inRange(0, 100)),
                                             rc::gen::set(&Happening::which, rc::gen::inRange(0, 20)),
                                             rc::gen::set(&Happening::how, rc::gen::inRange(0, 1'000)));
  return *rc::gen::container<std::vector<Happening>>(one);
}

// SimulatedRun checks after every event: no slot, GPU or memory given twice, no gang half placed, budgets respected,
// nothing on agents that are gone, leaving, drained or excluded, indexes equal to the jobs. The next run buries what
// this one, killed in its middle, has left running.
void hold_promises_of_the_next_run(const std::vector<Event>& events) {
  State state;
  for (const Event& event : events) orchestrator::apply(state, event);
  const auto running = state.running;
  for (const Event& event : end_abandoned(state)) orchestrator::apply(state, event);
  RC_ASSERT(state.running.empty());
  check_invariants(state);
  for (JobIndex job : running) RC_ASSERT(std::holds_alternative<Ready>(job_of(state, job).state));
  if (state.end) RC_ASSERT(running.empty());
}

void hold_promises(int jobs, Instant ends_at) {
  const auto seed = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1'000'000));
  SimulatedRun run(seed, jobs, true, ends_at);
  for (const Happening& happening : draw_happenings()) run.happen(happening);
  run.finish();
  RC_ASSERT(run.ended);
  for (int successes : run.successes) RC_ASSERT(successes <= 1);
  if (*run.state.end == RunEnd::kComplete)
    for (int successes : run.successes) RC_ASSERT(successes == 1);
  State replayed;
  for (const Event& event : run.events) orchestrator::apply(replayed, event);
  RC_ASSERT(replayed == run.state);
  const auto cut = *rc::gen::inRange<std::size_t>(0, run.events.size() + 1);
  hold_promises_of_the_next_run({run.events.begin(), run.events.begin() + static_cast<std::ptrdiff_t>(cut)});
}

RC_GTEST_PROP(Property, any_sequence_of_events_keeps_every_promise_and_comes_to_an_end, ()) {
  hold_promises(*rc::gen::inRange(1, 9), Instant{});
}

RC_GTEST_PROP(Property, allocations_that_end_keep_every_promise_too, ()) {
  hold_promises(*rc::gen::inRange(1, 9), at(1'000'000 + *rc::gen::inRange(60'000, 120'000)));
}

}  // namespace
}  // namespace resolute::tests::property_test
