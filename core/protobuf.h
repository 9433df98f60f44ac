#pragma once
//! \file
//! Protobuf's wire format, written: for files of other programs whose few messages are not worth a compiler and a
//! library (docs/inside/decisions.md). Source: protobuf.dev, "Encoding".

#include <cstdint>
#include <span>
#include <string_view>

#include "core/bytes.h"

namespace resolute::core {

//! One message, its fields in the order in which they are added.
class ProtobufMessage {
 public:
  //! int32, int64, uint64, bool or an enumeration.
  void add_number(std::uint32_t field, std::int64_t value);
  void add_bytes(std::uint32_t field, std::span<const std::byte> bytes);
  void add_text(std::uint32_t field, std::string_view text) { add_bytes(field, as_byte_span(text)); }
  void add_message(std::uint32_t field, const ProtobufMessage& message) { add_bytes(field, message.bytes_); }
  const Bytes& bytes() const { return bytes_; }

 private:
  void add_varint(std::uint64_t value);
  Bytes bytes_;
};

}  // namespace resolute::core
