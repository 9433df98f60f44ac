#include "core/protobuf.h"

namespace resolute::core {
namespace {

// The lowest three bits of a field's tag: how long the bytes behind it are.
enum WireType : std::uint64_t { kVarint = 0, kLengthPrefixed = 2 };

std::uint64_t tag(std::uint32_t field, WireType type) { return (std::uint64_t{field} << 3U) | type; }

}  // namespace

// Seven bits a byte, the lowest first; negative numbers as two's complement of 64 bits.
void ProtobufMessage::add_varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) bytes_.push_back(static_cast<std::byte>(value | 0x80U));
  bytes_.push_back(static_cast<std::byte>(value));
}

void ProtobufMessage::add_number(std::uint32_t field, std::int64_t value) {
  add_varint(tag(field, kVarint));
  add_varint(static_cast<std::uint64_t>(value));
}

void ProtobufMessage::add_bytes(std::uint32_t field, std::span<const std::byte> bytes) {
  add_varint(tag(field, kLengthPrefixed));
  add_varint(bytes.size());
  append_bytes(bytes_, bytes);
}

}  // namespace resolute::core
