#include "orchestrator/wire.h"

#include <array>
#include <cstring>
#include <type_traits>

#include "core/bytes.h"
#include "core/sha256.h"

namespace resolute::orchestrator {
namespace {

using core::Json;

constexpr std::size_t kEnvelope = 8;  // u32 version, u32 type

class Writer {
 public:
  template <class T>
  void field(const char* key, const T& value) {
    json[key] = value;
  }
  void field(const char* key, const AttemptKey& value) {
    json[key] = value.job;
    json["attempt"] = value.attempt;
  }
  void field(const char* key, const std::vector<RankCommand>& value);
  Json json = Json::object();
};

class Reader {
 public:
  explicit Reader(const Json& json) : object_(json, "message") {}
  template <class T>
  void field(const char* key, T& value) {
    value = object_.required<T>(key);
  }
  void field(const char* key, AttemptKey& value) {
    value.job = object_.required<std::string>(key);
    value.attempt = object_.required<int>("attempt");
    if (!core::is_sha256_hex(value.job)) throw core::input_error("message: key 'job' is no job's id");
  }
  void field(const char* key, std::vector<RankCommand>& value);
  void finish() const { object_.finish(); }

 private:
  core::ObjectReader object_;
};

template <class Visitor, class M>
void fields(Visitor& visit, M& message) {
  if constexpr (requires { message.key; }) visit.field("job", message.key);
  if constexpr (requires { message.process_rank; }) visit.field("process_rank", message.process_rank);
  if constexpr (requires { message.host; }) visit.field("host", message.host);
  if constexpr (requires { message.slots; }) visit.field("slots", message.slots);
  if constexpr (requires { message.port; }) visit.field("port", message.port);
  if constexpr (requires { message.problem; }) visit.field("problem", message.problem);
  if constexpr (requires { message.line; }) visit.field("line", message.line);
  if constexpr (requires { message.code; }) visit.field("code", message.code);
  if constexpr (requires { message.signal; }) visit.field("signal", message.signal);
  if constexpr (requires { message.evidence; }) visit.field("evidence", message.evidence);
  if constexpr (requires { message.why; }) visit.field("why", message.why);
  if constexpr (requires { message.everywhere; }) visit.field("everywhere", message.everywhere);
  if constexpr (requires { message.arguments; }) visit.field("arguments", message.arguments);
  if constexpr (requires { message.out; }) visit.field("out", message.out);
  if constexpr (requires { message.err; }) visit.field("err", message.err);
  if constexpr (requires { message.progress; }) visit.field("progress", message.progress);
  if constexpr (requires { message.listener; }) visit.field("listener", message.listener);
  if constexpr (requires { message.ranks; }) visit.field("ranks", message.ranks);
  if constexpr (requires { message.grace_ms; }) visit.field("grace_ms", message.grace_ms);
  if constexpr (requires { message.orderly; }) visit.field("orderly", message.orderly);
  if constexpr (requires { message.exit_code; }) visit.field("exit_code", message.exit_code);
}

void Writer::field(const char* key, const std::vector<RankCommand>& value) {
  json[key] = Json::array();
  for (const RankCommand& command : value) {
    Writer inner;
    fields(inner, command);
    json[key].push_back(std::move(inner.json));
  }
}

void Reader::field(const char* key, std::vector<RankCommand>& value) {
  for (const Json& entry : object_.required<std::vector<Json>>(key)) {
    Reader inner(entry);
    fields(inner, value.emplace_back());
    inner.finish();
  }
}

template <std::size_t I = 0>
Message read_alternative(std::size_t index, const Json& json) {
  if constexpr (I == std::variant_size_v<Message>) {
    throw core::input_error(fmt::format("message of type {} is not known here", index + 1));
  } else {
    if (index != I) return read_alternative<I + 1>(index, json);
    std::variant_alternative_t<I, Message> message;
    Reader reader(json);
    fields(reader, message);
    reader.finish();
    return message;
  }
}

void check_ranges(const Message& message) {
  auto require = [](bool holds, std::string_view what) {
    if (!holds) throw core::input_error(fmt::format("message: {} is out of range", what));
  };
  std::visit(
      [&](const auto& m) {
        if constexpr (requires { m.key; }) require(m.key.attempt >= 1, "attempt");
        if constexpr (requires { m.process_rank; }) require(m.process_rank >= 0, "process_rank");
        if constexpr (requires { m.slots; }) require(m.slots >= 1 && m.slots <= 1'000'000, "slots");
        if constexpr (requires { m.port; }) require(m.port >= 0 && m.port <= 65535, "port");
        if constexpr (requires { m.grace_ms; }) require(m.grace_ms >= 0 && m.grace_ms <= 86'400'000, "grace_ms");
        if constexpr (requires { m.exit_code; }) require(m.exit_code >= 0 && m.exit_code <= 255, "exit_code");
        if constexpr (requires { m.ranks; })
          for (const RankCommand& rank : m.ranks) require(rank.process_rank >= 0 && !rank.arguments.empty(), "ranks");
      },
      message);
}

}  // namespace

std::string encode(const Message& message) {
  Writer writer;
  std::visit([&](const auto& m) { fields(writer, m); }, message);
  const std::array<std::uint32_t, 2> envelope{kWireVersion, static_cast<std::uint32_t>(message.index()) + 1};
  std::string bytes(kEnvelope, '\0');
  std::memcpy(bytes.data(), envelope.data(), kEnvelope);
  // Evidence and progress lines come from workers and may hold any bytes.
  bytes += writer.json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (bytes.size() > kMaxMessage)
    throw core::input_error(fmt::format("a message has {} bytes", bytes.size()),
                            fmt::format("the limit is {}", kMaxMessage));
  return bytes;
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
  Message message =
      read_alternative(static_cast<std::size_t>(envelope[1]) - 1, core::parse_json(bytes.substr(kEnvelope), "message"));
  check_ranges(message);
  return message;
}

}  // namespace resolute::orchestrator
