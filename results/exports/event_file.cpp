#include "results/exports/event_file.h"

#include <bit>
#include <concepts>
#include <string_view>

#include "core/bytes.h"
#include "core/hash/crc32c.h"
#include "core/protobuf.h"

namespace resolute::results {
namespace {

// Of Event, Summary and Summary.Value: the members that are written.
constexpr std::uint32_t kEventStep = 2, kEventFileVersion = 3, kEventSummary = 5;
constexpr std::uint32_t kSummaryValue = 1;
constexpr std::uint32_t kValueTag = 1, kValueSimple = 2;

// Little-endian, as this machine's (core/bytes.h).
template <std::integral T>
void append_fixed(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// So that the checksum of data which hold a checksum does not come out as a constant.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(core::crc32c(core::as_byte_span(bytes)), 15) + 0xa282ead8U;
}

std::string record_of(const core::ProtobufMessage& message) {
  const std::string_view event = core::as_text(message.bytes());
  std::string record;
  append_fixed(record, std::uint64_t{event.size()});
  append_fixed(record, masked_crc(record));
  record += event;
  append_fixed(record, masked_crc(event));
  return record;
}

}  // namespace

std::string version_record() {
  core::ProtobufMessage event;
  event.add_text(kEventFileVersion, "brain.Event:2");
  return record_of(event);
}

std::string scalars_record(std::uint64_t step, const std::map<std::string, double>& values) {
  core::ProtobufMessage summary, event;
  for (const auto& [tag, number] : values) {
    core::ProtobufMessage value;
    value.add_text(kValueTag, tag);
    value.add_float(kValueSimple, static_cast<float>(number));
    summary.add_message(kSummaryValue, value);
  }
  event.add_number(kEventStep, static_cast<std::int64_t>(step));
  event.add_message(kEventSummary, summary);
  return record_of(event);
}

}  // namespace resolute::results
