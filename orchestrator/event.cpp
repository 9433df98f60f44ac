#include "orchestrator/event.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "orchestrator/binary.h"

namespace resolute::orchestrator {
namespace {

using core::Json;

constexpr std::array<std::pair<Cause, std::string_view>, kCauses> kCauseNames{
    {{Cause::kExitCode, "exit-code"},
     {Cause::kSignal, "signal"},
     {Cause::kOutOfMemory, "out-of-memory"},
     {Cause::kDeviceError, "device-error"},
     {Cause::kPeerLost, "peer-lost"},
     {Cause::kNoProgress, "no-progress"},
     {Cause::kStorageFull, "storage-full"},
     {Cause::kConfiguration, "configuration"},
     {Cause::kInterrupted, "interrupted"},
     {Cause::kPreempted, "preempted"},
     {Cause::kWalltime, "walltime"},
     {Cause::kAgentLost, "agent-lost"},
     {Cause::kCoordinatorLost, "coordinator-lost"},
     {Cause::kUnplaceable, "unplaceable"},
     {Cause::kCancelled, "cancelled"},
     {Cause::kUnkillable, "unkillable"},
     {Cause::kStoreError, "store-error"}}};
constexpr std::array<std::pair<RunEnd, std::string_view>, 4> kEndNames{{{RunEnd::kComplete, "complete"},
                                                                        {RunEnd::kIncomplete, "incomplete"},
                                                                        {RunEnd::kInterrupted, "interrupted"},
                                                                        {RunEnd::kLimited, "limited"}}};
constexpr std::array<std::string_view, std::variant_size_v<Event>> kTypeNames{
    "run-started",   "job-added",     "agent-joined",   "agent-lost",       "placed",        "started",
    "progressed",    "rank-exited",   "result-missing", "attempt-stopped",  "attempt-ended", "job-succeeded",
    "job-failed",    "job-cancelled", "stop-requested", "run-ended",        "stalled",       "held-elsewhere",
    "agent-leaving", "host-drained",  "host-excluded",  "cancel-requested", "ranks-given-up"};

// One pass over an event's members (event_fields() below) serves writing and reading, JSON and bytes, so that they
// cannot differ. `later` is a member that version 1 did not have, `latest` one that version 2 did not have either.
class JsonWriter {
 public:
  void later(const char* key, const auto& value) { field(key, value); }
  void latest(const char* key, const auto& value) { field(key, value); }
  void field(const char* key, const int& value) { json[key] = value; }
  void field(const char* key, const bool& value) { json[key] = value; }
  void field(const char* key, const std::int64_t& value) { json[key] = value; }
  void field(const char* key, const std::string& value) { json[key] = as_utf8(value); }
  void field(const char* key, const JobNumber& value) { json[key] = value.value; }
  void field(const char* key, const AgentNumber& value) { json[key] = value.value; }
  void field(const char* key, const experiments::JobId& value) { field(key, value.hex); }
  void field(const char* key, const Cause& value) { json[key] = name_of(value); }
  void field(const char* key, const RunEnd& value) { json[key] = name_of(value); }
  void field(const char* key, const Milliseconds& value) { json[key] = value.count(); }
  void field(const char* key, const Instant& value) { json[key] = value.time_since_epoch().count(); }
  void field(const char* key, const std::vector<JobNumber>& value) {
    json[key] = Json::array();
    for (JobNumber number : value) json[key].push_back(number.value);
  }
  void field(const char* key, const Placement& value) {
    json[key] = Json::array();
    for (const Share& share : value) json[key].push_back(Json::array({share.agent.value, share.slots}));
  }
  Json json = Json::object();
};

template <class Enum, std::size_t N>
Enum enum_from(const std::array<std::pair<Enum, std::string_view>, N>& names, const std::string& text,
               const char* key) {
  for (const auto& [value, name] : names)
    if (name == text) return value;
  throw core::input_error(fmt::format("key '{}' is '{}'", key, text), "not a name that is known here");
}

class JsonReader {
 public:
  JsonReader(const Json& json, const std::string& where) : object_(json, where) {}
  void later(const char* key, auto& value) {
    if (object_.find(key) != nullptr) field(key, value);
  }
  void latest(const char* key, auto& value) { later(key, value); }
  void field(const char* key, int& value) { value = object_.required<int>(key); }
  void field(const char* key, bool& value) { value = object_.required<bool>(key); }
  void field(const char* key, std::int64_t& value) { value = object_.required<std::int64_t>(key); }
  void field(const char* key, std::string& value) { value = object_.required<std::string>(key); }
  void field(const char* key, JobNumber& value) { value.value = number(object_.required<int>(key), key); }
  void field(const char* key, AgentNumber& value) { value.value = number(object_.required<int>(key), key); }
  void field(const char* key, experiments::JobId& value) { value.hex = object_.required<std::string>(key); }
  void field(const char* key, Cause& value) {
    const auto name = object_.required<std::string>(key);
    value = name == "crash" ? Cause::kExitCode : enum_from(kCauseNames, name, key);
  }
  void field(const char* key, RunEnd& value) { value = enum_from(kEndNames, object_.required<std::string>(key), key); }
  void field(const char* key, Milliseconds& value) { value = Milliseconds(object_.required<std::int64_t>(key)); }
  void field(const char* key, Instant& value) { value = Instant(Milliseconds(object_.required<std::int64_t>(key))); }
  void field(const char* key, std::vector<JobNumber>& value) {
    for (int entry : object_.required<std::vector<int>>(key)) value.push_back({number(entry, key)});
  }
  void field(const char* key, Placement& value) {
    for (const auto& entry : object_.required<std::vector<std::vector<int>>>(key)) {
      if (entry.size() != 2) throw core::input_error(fmt::format("key '{}' has an entry that is not a pair", key));
      value.push_back({{number(entry[0], key)}, number(entry[1], key)});
    }
  }
  void finish() const { object_.finish(); }

 private:
  static int number(int value, const char* key) {
    if (value < 0) throw core::input_error(fmt::format("key '{}' is {}", key, value), "it must not be negative");
    return value;
  }
  core::ObjectReader object_;
};

// The same members without their keys, from version 2 on.
template <class Binary>
class Unnamed {
 public:
  explicit Unnamed(Binary& binary) : binary_(binary) {}
  void later(const char*, auto& value) { binary_.field(value); }
  void latest(const char*, auto& value) {
    if (binary_.version() >= 3) binary_.field(value);
  }
  void field(const char*, auto& value) { binary_.field(value); }

 private:
  Binary& binary_;
};

// The order of the members is that of the bytes in journals from version 2 on: a new member needs a new version.
template <class Visitor, class E>
void event_fields(Visitor& visit, E& event) {
  using T = std::remove_const_t<E>;
  if constexpr (std::is_same_v<T, RunStarted>) {
    visit.field("epoch", event.epoch);
    visit.field("run", event.run);
    visit.field("host", event.host);
    visit.field("process", event.process);
    visit.field("max_jobs", event.max_jobs);
    visit.later("ends_at_ms", event.ends_at);
  } else if constexpr (std::is_same_v<T, AgentJoined>) {
    visit.field("agent", event.agent);
    visit.field("host", event.host);
    visit.field("slots", event.slots);
    visit.later("gpus", event.gpus);
    visit.later("memory_mib", event.memory_mib);
    visit.later("numeric_class", event.numeric_class);
  } else if constexpr (std::is_same_v<T, AgentLost> || std::is_same_v<T, AgentLeaving>) {
    visit.field("agent", event.agent);
    visit.field("why", event.why);
  } else if constexpr (std::is_same_v<T, StopRequested>) {
    visit.field("why", event.why);
    visit.later("cause", event.cause);
  } else if constexpr (std::is_same_v<T, HostDrained>) {
    visit.field("host", event.host);
    visit.field("on", event.on);
    visit.field("why", event.why);
  } else if constexpr (std::is_same_v<T, HostExcluded>) {
    visit.field("host", event.host);
    visit.field("why", event.why);
  } else if constexpr (std::is_same_v<T, RunEnded>) {
    visit.field("end", event.end);
    visit.field("why", event.why);
  } else {
    visit.field("job", event.job);
    if constexpr (requires { event.attempt; }) visit.field("attempt", event.attempt);
    if constexpr (requires { event.id; }) visit.field("id", event.id);
    if constexpr (requires { event.kind; }) visit.field("kind", event.kind);
    if constexpr (requires { event.label; }) visit.field("label", event.label);
    if constexpr (requires { event.after; }) visit.field("after", event.after);
    if constexpr (requires { event.slots; }) visit.field("slots", event.slots);
    if constexpr (requires { event.attempts; }) visit.field("attempts", event.attempts);
    if constexpr (requires { event.placement; }) visit.field("placement", event.placement);
    if constexpr (requires { event.past; }) visit.field("past", event.past);
    if constexpr (requires { event.checkpoint; }) visit.field("checkpoint", event.checkpoint);
    if constexpr (requires { event.process_rank; }) visit.field("process_rank", event.process_rank);
    if constexpr (requires { event.code; }) visit.field("code", event.code);
    if constexpr (requires { event.signal; }) visit.field("signal", event.signal);
    if constexpr (requires { event.cause; }) visit.field("cause", event.cause);
    if constexpr (requires { event.grace; }) visit.field("grace_ms", event.grace);
    if constexpr (requires { event.evidence; }) visit.field("evidence", event.evidence);
    if constexpr (requires { event.retry; }) visit.field("retry", event.retry);
    if constexpr (requires { event.not_before; }) visit.field("not_before_ms", event.not_before);
    if constexpr (requires { event.until; }) visit.field("until_ms", event.until);
    if constexpr (requires { event.why; }) visit.field("why", event.why);
    if constexpr (requires { event.gpus; }) visit.later("gpus", event.gpus);
    if constexpr (requires { event.memory_mib; }) visit.later("memory_mib", event.memory_mib);
    if constexpr (requires { event.priority; }) visit.later("priority", event.priority);
    if constexpr (requires { event.steps; }) visit.later("steps", event.steps);
    if constexpr (requires { event.expected_ms; }) visit.later("expected_ms", event.expected_ms);
    if constexpr (requires { event.path_ms; }) visit.later("path_ms", event.path_ms);
    if constexpr (requires { event.checkpoint_ms; }) visit.later("checkpoint_ms", event.checkpoint_ms);
    if constexpr (requires { event.out_of_memory; }) visit.later("out_of_memory", event.out_of_memory);
    if constexpr (std::is_same_v<T, AttemptStopped>)
      visit.latest("at_ms", event.at);
    else if constexpr (requires { event.at; })
      visit.later("at_ms", event.at);
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

std::string placement_text(const Placement& placement) {
  std::string text;
  for (const Share& share : placement)
    text += fmt::format("{}{} slot{} of agent {}", text.empty() ? "" : ", ", share.slots, share.slots == 1 ? "" : "s",
                        share.agent.value);
  return text;
}

std::string because(const std::string& why) { return why.empty() ? std::string() : fmt::format(" ({})", why); }

}  // namespace

std::string_view name_of(Cause cause) {
  for (const auto& [value, name] : kCauseNames)
    if (value == cause) return name;
  throw core::ContractError("a cause without a name");
}

std::string_view name_of(RunEnd end) {
  for (const auto& [value, name] : kEndNames)
    if (value == end) return name;
  throw core::ContractError("an end without a name");
}

std::string as_utf8(std::string text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return text;
  return Json::parse(Json(std::move(text)).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::uint32_t type_number(const Event& event) { return static_cast<std::uint32_t>(event.index()) + 1; }

std::string_view type_name(const Event& event) { return kTypeNames.at(event.index()); }

Json to_json(const Event& event) {
  JsonWriter writer;
  std::visit([&](const auto& alternative) { event_fields(writer, alternative); }, event);
  return std::move(writer.json);
}

Event event_from_json(std::uint32_t type, const Json& json, const std::string& where) {
  try {
    Event event = event_of_type(type);
    JsonReader reader(json, where);
    std::visit([&](auto& alternative) { event_fields(reader, alternative); }, event);
    reader.finish();
    return event;
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(fmt::format("{}: record of type {} cannot be understood", where, type), error.what());
  }
}

void append_binary(core::Bytes& to, const Event& event) {
  BinaryWriter writer(to);
  Unnamed unnamed(writer);
  std::visit([&](const auto& alternative) { event_fields(unnamed, alternative); }, event);
}

Event event_from_binary(std::uint32_t version, std::uint32_t type, std::span<const std::byte> bytes,
                        std::string_view where) {
  try {
    Event event = event_of_type(type);
    BinaryReader reader(bytes, "it", version);
    Unnamed unnamed(reader);
    std::visit([&](auto& alternative) { event_fields(unnamed, alternative); }, event);
    reader.finish();
    return event;
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(fmt::format("{}: record of type {} cannot be understood", where, type), error.what());
  }
}

std::string describe(const Event& event) {
  auto of = [](JobNumber job, int attempt) { return fmt::format("job {} attempt {}", job.value, attempt); };
  return std::visit(
      Overload{
          [](const RunStarted& e) {
            return fmt::format("run {} started (epoch {}, process {} on {})", e.run, e.epoch, e.process, e.host);
          },
          [](const JobAdded& e) {
            return fmt::format("job {} is {}: {}, {} slot{}", e.job.value, e.id.hex.substr(0, 12), e.label, e.slots,
                               e.slots == 1 ? "" : "s");
          },
          [](const AgentJoined& e) {
            return fmt::format("agent {} joined ({}, {} slots{})", e.agent.value, e.host, e.slots,
                               e.gpus > 0 ? fmt::format(", {} GPUs", e.gpus) : "");
          },
          [](const AgentLost& e) { return fmt::format("agent {} lost{}", e.agent.value, because(e.why)); },
          [&](const Placed& e) {
            return fmt::format("{} placed on {}{}", of(e.job, e.attempt), placement_text(e.placement), because(e.why));
          },
          [&](const Started& e) { return fmt::format("{} runs", of(e.job, e.attempt)); },
          [&](const Progressed& e) {
            return fmt::format("{} wrote checkpoint {}", of(e.job, e.attempt), e.checkpoint);
          },
          [&](const RankExited& e) {
            auto how = e.signal != 0 ? fmt::format("was killed by signal {}", e.signal)
                                     : fmt::format("exited with {}", e.code);
            return fmt::format("{} process rank {} {}{}{}", of(e.job, e.attempt), e.process_rank, how,
                               e.out_of_memory ? " for memory" : "", because(e.evidence));
          },
          [&](const ResultMissing& e) {
            return fmt::format("{} ended with 0 and left no result", of(e.job, e.attempt));
          },
          [&](const AttemptStopped& e) {
            return fmt::format("{} is being stopped: {}{}", of(e.job, e.attempt), name_of(e.cause), because(e.why));
          },
          [&](const AttemptEnded& e) {
            return fmt::format("{} ended: {}{}, {}{}", of(e.job, e.attempt), name_of(e.cause), because(e.evidence),
                               e.retry ? "will run again" : "given up", because(e.why));
          },
          [](const JobSucceeded& e) {
            if (e.attempt == 0) return fmt::format("job {} has its result already", e.job.value);
            return fmt::format("job {} succeeded in attempt {}", e.job.value, e.attempt);
          },
          [](const JobFailed& e) {
            return fmt::format("job {} failed: {}{}", e.job.value, name_of(e.cause), because(e.why));
          },
          [](const JobCancelled& e) { return fmt::format("job {} cancelled{}", e.job.value, because(e.why)); },
          [](const StopRequested& e) { return fmt::format("stop requested{}", because(e.why)); },
          [](const RunEnded& e) { return fmt::format("run ended: {}{}", name_of(e.end), because(e.why)); },
          [&](const Stalled& e) {
            return fmt::format("{} shows no sign of life{}", of(e.job, e.attempt), because(e.evidence));
          },
          [&](const HeldElsewhere& e) {
            return fmt::format("{} is not started here{}", of(e.job, e.attempt), because(e.why));
          },
          [](const AgentLeaving& e) { return fmt::format("agent {} will leave{}", e.agent.value, because(e.why)); },
          [](const HostDrained& e) {
            return fmt::format("host {} {}{}", e.host, e.on ? "drained" : "allowed again", because(e.why));
          },
          [](const HostExcluded& e) { return fmt::format("host {} excluded{}", e.host, because(e.why)); },
          [](const CancelRequested& e) {
            return fmt::format("job {} is wanted no more{}", e.job.value, because(e.why));
          },
          [&](const RanksGivenUp& e) {
            return fmt::format("{} cannot be ended and is given up{}", of(e.job, e.attempt), because(e.why));
          },
      },
      event);
}

}  // namespace resolute::orchestrator
