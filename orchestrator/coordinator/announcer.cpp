#include "orchestrator/coordinator/announcer.h"

#include "core/log.h"
#include "core/overloaded.h"

namespace resolute::orchestrator {
namespace {

constexpr std::chrono::seconds kToldStall(10);

}  // namespace

void Announcer::tell(const State& state, const Event& event) {
  const auto label = [&](JobIndex number) -> const std::string& { return job_of(state, number).label; };
  std::visit(
      core::Overloaded{
          [&](const JobSucceeded& succeeded) {
            progress_.update(static_cast<std::uint64_t>(++done_));
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
