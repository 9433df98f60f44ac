#include "orchestrator/messages/event.h"

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/files/utf8.h"
#include "orchestrator/messages/binary.h"

namespace resolute::orchestrator {

namespace {

using core::Json;
using core::Member;
using core::Row;
using core::row;

constexpr Member time_called(const char* name) { return {name, 0, kLongestTime.count()}; }

// The names of events and their members in JSON, and the members' ranges.
constexpr std::tuple kEventRows{
    row<RunStarted>("run-started", {"epoch", "run", "host", "process", "max_jobs", time_called("ends_at_ms")}),
    row<JobAdded>("job-added", {"job",
                                "id",
                                "kind",
                                "label",
                                "after",
                                {"slots", 1, kMostSlots},
                                {"attempts", 0, kMostAttempts},
                                "gpus",
                                {"memory_mib", 0, kMostMemoryMib},
                                "priority",
                                {"steps", 0},
                                time_called("expected_ms"),
                                time_called("path_ms"),
                                time_called("checkpoint_ms"),
                                "elsewhere",
                                {"row", -1},
                                "numeric_class",
                                {"compared_with", -1}}),
    row<AgentJoined>("agent-joined", {"agent",
                                      "host",
                                      {"slots", 0, kMostSlots},
                                      {"gpus", 0, kMostSlots},
                                      {"memory_mib", 0, kMostMemoryMib},
                                      "numeric_class"}),
    row<AgentLost>("agent-lost", {"agent", "why"}),
    row<Placed>("placed", {"job", {"attempt", 1, 2 * kMostAttempts}, "placement", "past", "why", time_called("at_ms")}),
    row<Started>("started", {"job", "attempt"}),
    row<Progressed>("progressed", {"job", "attempt", "checkpoint"}),
    row<RankExited>("rank-exited", {"job", "attempt", "process_rank", kExitCode, kSignalNumber, "evidence",
                                    "out_of_memory", "gpu", "store_failed"}),
    row<ResultMissing>("result-missing", {"job", "attempt"}),
    row<AttemptStopped>("attempt-stopped",
                        {"job", "attempt", "cause", time_called("grace_ms"), "why", time_called("at_ms")}),
    row<AttemptEnded>("attempt-ended",
                      {"job", "attempt", "cause", "evidence", "retry", time_called("not_before_ms"), "why"}),
    row<JobSucceeded>("job-succeeded", {"job", "attempt"}),
    row<JobFailed>("job-failed", {"job", "cause", "why"}),
    row<JobCancelled>("job-cancelled", {"job", "why"}),
    row<StopRequested>("stop-requested", {"why", "cause"}),
    row<RunEnded>("run-ended", {"end", "why"}),
    row<Stalled>("stalled", {"job", "attempt", "evidence"}),
    row<HeldElsewhere>("held-elsewhere", {"job", "attempt", time_called("until_ms"), "why"}),
    row<AgentLeaving>("agent-leaving", {"agent", "why"}),
    row<HostDrained>("host-drained", {"host", "on", "why"}),
    row<HostExcluded>("host-excluded", {"host", "why"}),
    row<CancelRequested>("cancel-requested", {"job", "why"}),
    row<RanksGivenUp>("ranks-given-up", {"job", "attempt", "why"}),
    row<GpuSetAside>("gpu-set-aside", {"agent", "gpu", time_called("until_ms"), "why"}),
    row<GpuReturned>("gpu-returned", {"agent", "gpu"}),
    row<HostSetAside>("host-set-aside", {"host", time_called("until_ms"), "why"}),
    row<HostReturned>("host-returned", {"host"}),
    row<ClaimLost>("claim-lost", {"job", "attempt"}),
    row<BurnedIn>("burned-in", {"agent",
                                "gpu",
                                "digest",
                                "problem",
                                {"images_a_minute", 0, kMostMemoryMib},
                                {"free_mib", 0, kMostMemoryMib},
                                time_called("took_ms")}),
    row<JobsKept>("jobs-kept", {"jobs", "done"}),
    row<Repeated>("repeated", {"job", "agent", "gpu", "recorded", "digest", "problem", time_called("took_ms")}),
    row<GpusShared>("gpus-shared", {"agent", {"jobs", 1, kMostJobsAGpu}, "gpus"})};

template <class T>
constexpr const Row<T>& row_of(const T&) {
  return std::get<Row<T>>(kEventRows);
}

template <class T>
Json as_json(const T& value) {
  if constexpr (std::same_as<T, std::string>) {
    return core::as_utf8(value);
  } else if constexpr (Number<T>) {
    return value.value;
  } else if constexpr (std::same_as<T, experiments::JobId>) {
    return as_json(value.hex);
  } else if constexpr (std::is_enum_v<T>) {
    return name_of(value);
  } else if constexpr (std::same_as<T, Milliseconds>) {
    return value.count();
  } else if constexpr (std::same_as<T, Instant>) {
    return value.time_since_epoch().count();
  } else if constexpr (std::same_as<T, Share>) {
    return Json::array({value.agent.value, value.slots});
  } else if constexpr (std::same_as<T, JobRange>) {
    return Json::array({value.least.value, value.most.value});
  } else if constexpr (List<T>) {
    Json list = Json::array();
    for (const auto& element : value) list.push_back(as_json(element));
    return list;
  } else {
    return value;
  }
}

template <std::size_t I = 0>
Event event_of_type(std::uint32_t type) {
  if constexpr (I == std::variant_size_v<Event>) {
    throw core::input_error(fmt::format("its type {} is not known here", type), "it may come from a newer resolute");
  } else {
    if (type != I + 1) return event_of_type<I + 1>(type);
    return Event(std::in_place_index<I>);
  }
}

std::string because(const std::string& why) { return why.empty() ? std::string() : fmt::format(" ({})", why); }

std::string attempt_text(const auto& event) { return fmt::format("job {} attempt {}", event.job.value, event.attempt); }

std::string_view plural(int count) { return count == 1 ? "" : "s"; }

std::string placement_text(const Placement& placement) {
  std::string text;
  for (const Share& share : placement)
    text += fmt::format("{}{} slot{} of agent {}", text.empty() ? "" : ", ", share.slots, plural(share.slots),
                        share.agent.value);
  return text;
}

// Why, where an event says so.
std::string reason_of(const auto& event) {
  if constexpr (requires { event.why; })
    return because(event.why);
  else if constexpr (requires { event.evidence; })
    return because(event.evidence);
  else
    return "";
}

// One line for people, without the reason.
struct EventLine {
  std::string operator()(const RunStarted& e) const {
    return fmt::format("run {} started (epoch {}, process {} on {})", e.run, e.epoch, e.process, e.host);
  }
  std::string operator()(const JobAdded& e) const {
    return fmt::format("job {} is {}: {}, {} slot{}{}", e.job.value, experiments::short_id(e.id), e.label, e.slots,
                       plural(e.slots), e.elsewhere ? ", of another allocation" : "");
  }
  std::string operator()(const AgentJoined& e) const {
    return fmt::format("agent {} joined ({}, {} slots{})", e.agent.value, e.host, e.slots,
                       e.gpus > 0 ? fmt::format(", {} GPUs", e.gpus) : "");
  }
  std::string operator()(const AgentLost& e) const { return fmt::format("agent {} lost", e.agent.value); }
  std::string operator()(const Placed& e) const {
    return fmt::format("{} placed on {}", attempt_text(e), placement_text(e.placement));
  }
  std::string operator()(const Started& e) const { return fmt::format("{} runs", attempt_text(e)); }
  std::string operator()(const Progressed& e) const {
    return fmt::format("{} wrote checkpoint {}", attempt_text(e), e.checkpoint);
  }
  std::string operator()(const RankExited& e) const {
    return fmt::format(
        "{} process rank {} {}{}", attempt_text(e), e.process_rank,
        e.signal != 0 ? fmt::format("was killed by signal {}", e.signal) : fmt::format("exited with {}", e.code),
        e.out_of_memory  ? " for memory"
        : e.store_failed ? " while the store failed"
                         : "");
  }
  std::string operator()(const ResultMissing& e) const {
    return fmt::format("{} ended with 0 and left no result", attempt_text(e));
  }
  std::string operator()(const AttemptStopped& e) const {
    return fmt::format("{} is being stopped: {}", attempt_text(e), name_of(e.cause));
  }
  std::string operator()(const AttemptEnded& e) const {
    return fmt::format("{} ended: {}{}, {}", attempt_text(e), name_of(e.cause), because(e.evidence),
                       e.retry ? "will run again" : "given up");
  }
  std::string operator()(const JobSucceeded& e) const {
    if (e.attempt == 0) return fmt::format("job {} has its result already", e.job.value);
    return fmt::format("job {} succeeded in attempt {}", e.job.value, e.attempt);
  }
  std::string operator()(const JobFailed& e) const {
    return fmt::format("job {} failed: {}", e.job.value, name_of(e.cause));
  }
  std::string operator()(const JobCancelled& e) const { return fmt::format("job {} cancelled", e.job.value); }
  std::string operator()(const StopRequested&) const { return "stop requested"; }
  std::string operator()(const RunEnded& e) const { return fmt::format("run ended: {}", name_of(e.end)); }
  std::string operator()(const Stalled& e) const { return fmt::format("{} shows no sign of life", attempt_text(e)); }
  std::string operator()(const HeldElsewhere& e) const {
    return fmt::format("{} is not started here", attempt_text(e));
  }
  std::string operator()(const AgentLeaving& e) const { return fmt::format("agent {} will leave", e.agent.value); }
  std::string operator()(const HostDrained& e) const {
    return fmt::format("host {} {}", e.host, e.on ? "drained" : "allowed again");
  }
  std::string operator()(const HostExcluded& e) const { return fmt::format("host {} excluded", e.host); }
  std::string operator()(const CancelRequested& e) const {
    return fmt::format("job {} is wanted no more", e.job.value);
  }
  std::string operator()(const RanksGivenUp& e) const {
    return fmt::format("{} cannot be ended and is given up", attempt_text(e));
  }
  std::string operator()(const GpuSetAside& e) const {
    return fmt::format("GPU {} of agent {} set aside", e.gpu, e.agent.value);
  }
  std::string operator()(const GpuReturned& e) const {
    return fmt::format("GPU {} of agent {} given out again", e.gpu, e.agent.value);
  }
  std::string operator()(const HostSetAside& e) const { return fmt::format("host {} set aside", e.host); }
  std::string operator()(const HostReturned& e) const { return fmt::format("host {} given out again", e.host); }
  std::string operator()(const ClaimLost& e) const {
    return fmt::format("{} is another run's by now", attempt_text(e));
  }
  std::string operator()(const BurnedIn& e) const {
    return fmt::format(
        "{} of agent {} burned in: {}", e.gpu.empty() ? "the processors" : "GPU " + e.gpu, e.agent.value,
        e.problem.empty() ? fmt::format("{} images a minute, digest {:.8}", e.images_a_minute, e.digest) : e.problem);
  }
  std::string operator()(const Repeated& e) const {
    return fmt::format("job {} had its first steps done again on {} of agent {}: {}", e.job.value,
                       e.gpu.empty() ? "the processors" : "GPU " + e.gpu, e.agent.value,
                       !e.problem.empty() ? "no comparison (" + e.problem + ")"
                       : is_doubted(e)    ? "other bits, its result is doubtful"
                                          : "the same bits");
  }
  std::string operator()(const GpusShared& e) const {
    return fmt::format("agent {} gives each of its {} GPUs to {} jobs at once", e.agent.value, e.gpus.size(), e.jobs);
  }
  std::string operator()(const JobsKept& e) const {
    const auto jobs = count(e.jobs);
    return fmt::format("{} job{} wanted as before, {} with a result already", jobs, jobs == 1 ? "" : "s",
                       count(e.done));
  }
};

}  // namespace

void append(std::vector<JobRange>& ranges, JobIndex job) {
  if (!ranges.empty() && ranges.back().most.value == job.value - 1)
    ranges.back().most = job;
  else
    ranges.push_back({job, job});
}

bool contains(const std::vector<JobRange>& ranges, JobIndex job) {
  return std::ranges::any_of(ranges, [&](const JobRange& range) { return range.least <= job && job <= range.most; });
}

std::int64_t count(const std::vector<JobRange>& ranges) {
  std::int64_t jobs = 0;
  for (const JobRange& range : ranges) jobs += std::int64_t{range.most.value} - range.least.value + 1;
  return jobs;
}

namespace {

constexpr std::string_view kCancelledBy = "cancelled by ";

}  // namespace

std::string cancelled_by(std::string_view user) { return fmt::format("{}{}", kCancelledBy, user); }

bool is_cancelled_by_somebody(std::string_view why) { return why.starts_with(kCancelledBy); }
bool cancels_more(std::string_view before, std::string_view why) {
  return is_cancelled_by_somebody(why) && !is_cancelled_by_somebody(before);
}

std::uint32_t type_number(const Event& event) { return static_cast<std::uint32_t>(event.index()) + 1; }

std::string_view type_name(const Event& event) {
  return std::visit([](const auto& alternative) { return row_of(alternative).name; }, event);
}

Json to_json(const Event& event) {
  Json json = Json::object();
  std::visit(
      [&](const auto& alternative) {
        for_each_member(row_of(alternative), alternative, [&](const Member& member, const auto& value) {
          json[std::string(member.name)] = as_json(value);
        });
      },
      event);
  return json;
}

std::string out_of_range(const Event& event) {
  return std::visit([](const auto& alternative) { return out_of_range(kEventRows, alternative); }, event);
}

void append_binary(core::Bytes& to, const Event& event) {
  std::visit([&](const auto& alternative) { BinaryWriter(to).put(alternative); }, event);
}

Event event_from_binary(std::uint32_t type, std::span<const std::byte> bytes, std::string_view where) {
  try {
    Event event = event_of_type(type);
    BinaryReader reader(bytes, "it");
    std::visit([&](auto& alternative) { reader.take(alternative); }, event);
    reader.finish();
    return event;
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(fmt::format("{}: record of type {} cannot be understood", where, type), error.what());
  }
}

std::string describe(const Event& event) {
  return std::visit([](const auto& alternative) { return EventLine()(alternative) + reason_of(alternative); }, event);
}

}  // namespace resolute::orchestrator
