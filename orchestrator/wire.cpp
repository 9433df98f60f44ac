#include "orchestrator/wire.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "core/sha256.h"
#include "orchestrator/binary.h"

namespace resolute::orchestrator {

// Found by BinaryWriter and BinaryReader.
static void members(auto& visit, Of<RankCommand> auto& command) {
  visit.field(command.process_rank);
  visit.field(command.arguments);
  visit.field(command.out);
  visit.field(command.err);
  visit.field(command.progress);
  visit.field(command.listener);
  visit.field(command.gpu);
  visit.field(command.memory_mib);
  visit.field(command.visible_gpus);
  visit.field(command.processors);
}

namespace {

constexpr std::size_t kEnvelope = 8;  // u32 version, u32 type

// One pass over a message's members (message_fields() below) serves writing and reading, so that they cannot differ.
class Writer {
 public:
  explicit Writer(core::Bytes& to) : writer_(to) {}
  void field(const auto& value) { writer_.put(value); }
  void text(const std::string& value) { writer_.put(as_utf8(value)); }
  void key(const AttemptKey& value) {
    writer_.put(value.job);
    writer_.put(value.attempt);
  }

 private:
  BinaryWriter writer_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : reader_(bytes, "it") {}
  void field(auto& value) { reader_.take(value); }
  void text(std::string& value) {
    reader_.take(value);
    if (as_utf8(value) != value) reader_.refuse("a text is not UTF-8");
  }
  void key(AttemptKey& value) {
    reader_.take(value.job);
    reader_.take(value.attempt);
    if (!core::is_sha256_hex(value.job)) reader_.refuse("its job is no job's id");
  }
  void finish() const { reader_.finish(); }

 private:
  BinaryReader reader_;
};

// The order of the members is that of the bytes: a new one needs a new version.
template <class Visitor, class M>
void message_fields(Visitor& visit, M& message) {
  if constexpr (requires { message.key; }) visit.key(message.key);
  if constexpr (requires { message.process_rank; }) visit.field(message.process_rank);
  if constexpr (requires { message.host; }) visit.text(message.host);
  if constexpr (requires { message.slots; }) visit.field(message.slots);
  if constexpr (requires { message.gpus; }) visit.field(message.gpus);
  if constexpr (requires { message.memory_mib; }) visit.field(message.memory_mib);
  if constexpr (requires { message.numeric_class; }) visit.text(message.numeric_class);
  if constexpr (requires { message.port; }) visit.field(message.port);
  if constexpr (requires { message.address; }) visit.text(message.address);
  if constexpr (requires { message.problem; }) visit.text(message.problem);
  if constexpr (requires { message.line; }) visit.text(message.line);
  if constexpr (requires { message.code; }) visit.field(message.code);
  if constexpr (requires { message.signal; }) visit.field(message.signal);
  if constexpr (requires { message.evidence; }) visit.text(message.evidence);
  if constexpr (requires { message.out_of_memory; }) visit.field(message.out_of_memory);
  if constexpr (requires { message.why; }) visit.text(message.why);
  if constexpr (requires { message.stalls; }) visit.field(message.stalls);
  if constexpr (requires { message.several_hosts; }) visit.field(message.several_hosts);
  if constexpr (requires { message.ranks; }) visit.field(message.ranks);
  if constexpr (requires { message.secret; }) visit.text(message.secret);
  if constexpr (requires { message.grace_ms; }) visit.field(message.grace_ms);
  if constexpr (requires { message.orderly; }) visit.field(message.orderly);
  if constexpr (requires { message.exit_code; }) visit.field(message.exit_code);
}

template <std::size_t I = 0>
Message read_alternative(std::size_t index, Reader& reader) {
  if constexpr (I == std::variant_size_v<Message>) {
    throw core::input_error(fmt::format("message of type {} is not known here", index + 1));
  } else {
    if (index != I) return read_alternative<I + 1>(index, reader);
    std::variant_alternative_t<I, Message> message;
    message_fields(reader, message);
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
        if constexpr (requires { m.gpus; }) {
          require(m.slots >= 0 && m.slots <= kMostSlots, "slots");
          require(m.gpus >= 0 && m.gpus <= kMostSlots && m.slots + m.gpus >= 1, "gpus");
        }
        if constexpr (requires { m.memory_mib; })
          require(m.memory_mib >= 0 && m.memory_mib <= kMostMemoryMib, "memory_mib");
        if constexpr (requires { m.port; }) require(m.port >= 0 && m.port <= 65535, "port");
        if constexpr (requires { m.grace_ms; }) require(m.grace_ms >= 0 && m.grace_ms <= 86'400'000, "grace_ms");
        if constexpr (requires { m.exit_code; }) require(m.exit_code >= 0 && m.exit_code <= 255, "exit_code");
        if constexpr (requires { m.ranks; })
          for (const RankCommand& rank : m.ranks)
            require(rank.process_rank >= 0 && rank.memory_mib >= 0 && !rank.arguments.empty() &&
                        std::all_of(rank.processors.begin(), rank.processors.end(),
                                    [](int processor) { return processor >= 0 && processor < 65'536; }),
                    "ranks");
      },
      message);
}

}  // namespace

std::string encode(const Message& message) {
  core::Bytes bytes;
  core::append_little_endian(bytes, kWireVersion);
  core::append_little_endian(bytes, static_cast<std::uint32_t>(message.index()) + 1);
  Writer writer(bytes);
  std::visit([&](const auto& m) { message_fields(writer, m); }, message);
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
    Reader reader(core::as_byte_span(bytes.substr(kEnvelope)));
    Message message = read_alternative(static_cast<std::size_t>(envelope[1]) - 1, reader);
    check_ranges(message);
    return message;
  } catch (const core::RuntimeError& error) {
    if (error.kind() == core::ErrorKind::kInput) throw;
    throw core::input_error("a message cannot be understood", error.what());
  }
}

}  // namespace resolute::orchestrator
