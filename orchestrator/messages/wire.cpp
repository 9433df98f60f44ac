#include "orchestrator/messages/wire.h"

#include <array>
#include <cstring>
#include <tuple>

#include "core/files/utf8.h"
#include "core/hash/sha256.h"
#include "orchestrator/messages/binary.h"

namespace resolute::orchestrator {

namespace {

using core::Member;
using core::Row;
using core::row;

constexpr std::size_t kEnvelope = 8;  // u32 version, u32 type
constexpr Member kSlots{"slots", 0, kMostSlots}, kGpus{"gpus", 0, kMostSlots}, kRank{"process_rank", 0};

// The members of messages, and of the structs in them, and their ranges.
constexpr std::tuple kMessageRows{
    row<AttemptKey>("attempt", {"job", {"attempt", 1}}),
    row<RankCommand>("rank", {kRank,
                              "arguments",
                              "out",
                              "err",
                              "progress",
                              "listener",
                              "gpu",
                              {"memory_mib", 0},
                              "visible_gpus",
                              {"processors", 0, 65'535}}),
    row<BurnIn>("burn-in", {"gpu",
                            "digest",
                            "problem",
                            {"images_a_minute", 0, kMostMemoryMib},
                            {"free_mib", 0, kMostMemoryMib},
                            {"took_ms", 0, kLongestTime.count()}}),
    row<Join>("join", {"host", kSlots, kGpus, {"memory_mib", 0, kMostMemoryMib}, "numeric_class", "burn_ins"}),
    row<Heartbeat>("heartbeat"),
    row<Prepared>("prepared", {"key", {"port", 0, 65'535}, "address", "problem"}),
    row<RankStarted>("rank-started", {"key", kRank}),
    row<ProgressLine>("progress-line", {"key", "line"}),
    row<RankEnded>("rank-ended", {"key",
                                  kRank,
                                  kExitCode,
                                  kSignalNumber,
                                  "evidence",
                                  "out_of_memory",
                                  {"peak_mib", 0, kMostMemoryMib},
                                  {"cpu_ms", 0},
                                  "gpu",
                                  "store_failed"}),
    row<Leave>("leave", {"why"}),
    row<HeartbeatAnswer>("heartbeat-answer", {"stalls"}),
    row<Prepare>("prepare", {"key", "several_hosts"}),
    row<Launch>("launch", {"key", "ranks", "secret", "gpus_aside"}),
    row<Kill>("kill", {"key", {"grace_ms", 0, 86'400'000}}),
    row<Rejoin>("rejoin"),
    row<Shutdown>("shutdown", {"orderly", {"exit_code", 0, 255}})};

// A message's own texts are UTF-8; paths and arguments within it are any bytes.
void write(BinaryWriter& writer, const auto& message) {
  [[maybe_unused]] auto put = [&]<class T>(const T& member) {
    if constexpr (std::same_as<T, std::string>)
      writer.put(core::as_utf8(member));
    else
      writer.put(member);
  };
  core::visit_members(message, [&](const auto&... member) { (put(member), ...); });
}

void refuse_unless(bool holds, const std::string& message, const std::string& why) {
  if (!holds) throw core::input_error(fmt::format("a message '{}' cannot be", message), why);
}

template <class M>
void check(const M& message) {
  const std::string name(std::get<Row<M>>(kMessageRows).name);
  const std::string wrong = out_of_range(kMessageRows, message);
  refuse_unless(wrong.empty(), name, wrong);
  for_each_member(std::get<Row<M>>(kMessageRows), message, [&]<class T>(const Member& member, const T& value) {
    if constexpr (std::same_as<T, std::string>)
      refuse_unless(core::as_utf8(value) == value, name, fmt::format("{} is not UTF-8", member.name));
  });
  if constexpr (requires { message.key; })
    refuse_unless(core::is_sha256_hex(message.key.job), name, "its job is no job's id");
  if constexpr (std::same_as<M, Join>) refuse_unless(message.slots + message.gpus >= 1, name, "it has no slots");
  if constexpr (std::same_as<M, Launch>)
    for (const RankCommand& rank : message.ranks) refuse_unless(!rank.arguments.empty(), name, "a rank has no program");
}

template <std::size_t I = 0>
Message read_alternative(std::size_t index, BinaryReader& reader) {
  if constexpr (I == std::variant_size_v<Message>) {
    throw core::input_error(fmt::format("message of type {} is not known here", index + 1));
  } else {
    if (index != I) return read_alternative<I + 1>(index, reader);
    std::variant_alternative_t<I, Message> message;
    reader.take(message);
    reader.finish();
    check(message);
    return message;
  }
}

}  // namespace

RankExited exited(JobIndex job, const RankEnded& ended) {
  return {
      job,       ended.key.attempt, ended.process_rank, ended.code, ended.signal, ended.evidence, ended.out_of_memory,
      ended.gpu, ended.store_failed};
}

std::string encode(const Message& message) {
  core::Bytes bytes;
  core::append_little_endian(bytes, kWireVersion);
  core::append_little_endian(bytes, static_cast<std::uint32_t>(message.index()) + 1);
  BinaryWriter writer(bytes);
  std::visit([&](const auto& alternative) { write(writer, alternative); }, message);
  if (bytes.size() > kMaxMessage)
    throw core::input_error(fmt::format("a message has {} bytes", bytes.size()),
                            fmt::format("the limit is {}", kMaxMessage));
  return std::string(core::as_text(bytes));
}

Message decode(std::string_view bytes) {
  if (bytes.size() < kEnvelope || bytes.size() > kMaxMessage)
    throw core::input_error(fmt::format("a message has {} bytes", bytes.size()),
                            fmt::format("it may have {} to {}", kEnvelope, kMaxMessage));
  std::array<std::uint32_t, 2> envelope{};
  std::memcpy(envelope.data(), bytes.data(), kEnvelope);
  if (envelope[0] != kWireVersion)
    throw core::input_error(fmt::format("a message has version {}", envelope[0]),
                            fmt::format("this resolute speaks {}", kWireVersion),
                            "run the same resolute on every node");
  try {
    BinaryReader reader(core::as_byte_span(bytes.substr(kEnvelope)), "it");
    return read_alternative(static_cast<std::size_t>(envelope[1]) - 1, reader);
  } catch (const core::RuntimeError& error) {
    if (error.kind() == core::ErrorKind::kInput) throw;
    throw core::input_error("a message cannot be understood", error.what());
  }
}

}  // namespace resolute::orchestrator
