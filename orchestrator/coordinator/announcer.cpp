#include "orchestrator/coordinator/announcer.h"

#include <cmath>

#include "core/log.h"
#include "core/overloaded.h"
#include "core/quantity_text.h"

namespace resolute::orchestrator {
namespace {

constexpr std::chrono::seconds kToldStall(10);

}  // namespace

void Announcer::show(const State& state, const LiveStatus& live) {
  progress_.show(static_cast<std::uint64_t>(done_), words_of(state, live, done_, jobs_));
}

std::string Announcer::words_of(const State& state, const LiveStatus& live, int done, std::size_t jobs) {
  const double share = jobs == 0 ? 100 : 100.0 * done / static_cast<double>(jobs);
  std::string words = fmt::format(" ({:.0f} %", share);
  if (live.seconds_left >= 0)
    words += fmt::format(", {} left", core::duration_text(std::llround(1000 * live.seconds_left)));
  words += ")";
  const auto most = std::ranges::max_element(live.running, {}, [](const LiveAttempt& one) { return one.step >= 0; });
  if (most == live.running.end()) return words;
  words += ":";
  if (most->step >= 0)
    words +=
        most->steps >= 0 ? fmt::format(" step {}/{},", most->step, most->steps) : fmt::format(" step {},", most->step);
  if (most->loss) words += fmt::format(" loss {:.4f},", *most->loss);
  if (const auto number = state.numbers.find(most->job.hex); number != state.numbers.end())
    words += " " + job_of(state, number->second).label;
  if (live.running.size() > 1) words += fmt::format(" and {} more", live.running.size() - 1);
  return words;
}

void Announcer::tell(const State& state, const Event& event) {
  const auto label = [&](JobIndex number) -> const std::string& { return job_of(state, number).label; };
  std::visit(
      core::Overloaded{
          [&](const JobSucceeded& succeeded) {
            ++done_;
            if (!quiet_) core::log_info("{}/{} done: {}", done_, jobs_, label(succeeded.job));
          },
          [&](const AttemptEnded& ended) {
            if (ended.retry)
              core::log_warning("{}: attempt {} ended, to be run again ({}: {})", label(ended.job), ended.attempt,
                                name_of(ended.cause), ended.evidence);
            else
              core::log_error("{}: given up after attempt {} ({}: {})", label(ended.job), ended.attempt,
                              name_of(ended.cause), ended.evidence);
          },
          [](const HostExcluded& excluded) {
            core::log_warning("nothing more is started on '{}' ({})", excluded.host, excluded.why);
          },
          [](const GpuSetAside& aside) { core::log_warning("GPU {} is set aside ({})", aside.gpu, aside.why); },
          [](const HostSetAside& aside) { core::log_warning("'{}' is set aside ({})", aside.host, aside.why); },
          [&](const JobFailed& failed) { core::log_error("{}: cannot be run ({})", label(failed.job), failed.why); },
          [](const StopRequested& stop) { core::log_info("stopping: {}", stop.why); },
          [](const RunEnded& run) { core::log_debug("run ended: {} ({})", name_of(run.end), run.why); },
          [](const auto&) {},
      },
      event);
}

void Announcer::tell_of_stall(core::MonotonicTime::duration blocked) {
  if (blocked > kToldStall && !std::exchange(stall_told_, true))
    core::log_warning("the store has not answered for {} s, what depends on it waits", kToldStall.count());
  else if (blocked <= kStall && std::exchange(stall_told_, false))
    core::log_info("the store answers again");
}

}  // namespace resolute::orchestrator
