#include "results/exports/event_file.h"

#include <bit>
#include <concepts>
#include <string_view>

#include "core/bytes.h"
#include "core/hash/crc32c.h"

namespace resolute::results {
namespace {

enum WireType : std::uint32_t { kVarint = 0, kLengthPrefixed = 2, kFixed32 = 5 };

// Of Event, Summary and Summary.Value: the members that are written.
constexpr std::uint32_t kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5;
constexpr std::uint32_t kSummaryValue = 1;
constexpr std::uint32_t kValueTag = 1, kValueSimple = 2;

void append_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}

// Little-endian, as this machine's (core/bytes.h).
template <std::integral T>
void append_fixed(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void append_key(std::string& to, std::uint32_t number, WireType type) { append_varint(to, number << 3 | type); }

void append_member(std::string& to, std::uint32_t number, std::string_view bytes) {
  append_key(to, number, kLengthPrefixed);
  append_varint(to, bytes.size());
  to += bytes;
}

// So that the checksum of data which hold a checksum does not come out as a constant.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(core::crc32c(core::as_byte_span(bytes)), 15) + 0xa282ead8U;
}

std::string record_of(std::string_view event) {
  std::string record;
  append_fixed(record, std::uint64_t{event.size()});
  append_fixed(record, masked_crc(record));
  record += event;
  append_fixed(record, masked_crc(event));
  return record;
}

}  // namespace

std::string version_record() {
  std::string event;
  append_member(event, kEventFileVersion, "brain.Event:2");
  return record_of(event);
}

std::string scalars_record(std::uint64_t step, const std::map<std::string, double>& values) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    append_member(value, kValueTag, tag);
    append_key(value, kValueSimple, kFixed32);
    append_fixed(value, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    append_member(summary, kSummaryValue, value);
  }
  std::string event;
  append_key(event, kEventStep, kVarint);
  append_varint(event, step);
  append_member(event, kEventSummary, summary);
  return record_of(event);
}

}  // namespace resolute::results
