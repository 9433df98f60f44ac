#pragma once
//! \file
//! Values to and from bytes, members in their order: little-endian integers; flags and enumerators as one byte; times
//! in milliseconds as i64; text and lists behind a u32 count; what may be missing behind a flag; a variant behind the
//! byte of its alternative. Journal records, snapshots and wire messages share it; each one's layout is in
//! docs/inside/formats/. A struct is its members in the order of its declaration (members.h): whoever changes one
//! raises the version of every format that holds it.

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/bytes.h"
#include "core/error.h"
#include "core/members.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

template <class T>
concept Number = std::same_as<T, JobIndex> || std::same_as<T, AgentNumber>;
template <class T>
concept Optional = std::same_as<T, std::optional<typename T::value_type>>;
template <class T>
concept Alternatives = requires(const T& value) {
  value.valueless_by_exception();
};
template <class T>
concept List = requires(const T& value) {
  value.begin();
  value.end();
};

//! Enumerators, from 0 on, that a byte may stand for.
constexpr std::size_t enumerators(Cause) { return kCauses; }
constexpr std::size_t enumerators(RunEnd) { return words_of(RunEnd{}).size(); }

//! The end of a rank, in events and messages.
inline constexpr core::Member kExitCode{"code", 0, 255}, kSignalNumber{"signal", 0, 127};

class BinaryWriter {
 public:
  explicit BinaryWriter(core::Bytes& to) : to_(to) {}

  template <class T>
  void put(const T& value) {
    if constexpr (std::same_as<T, bool> || std::is_enum_v<T>) {
      core::append_little_endian(to_, static_cast<std::uint8_t>(value));
    } else if constexpr (std::integral<T>) {
      core::append_little_endian(to_, value);
    } else if constexpr (std::same_as<T, std::string>) {
      put(static_cast<std::uint32_t>(value.size()));
      core::append_bytes(to_, core::as_byte_span(value));
    } else if constexpr (Number<T>) {
      put(value.value);
    } else if constexpr (std::same_as<T, Milliseconds>) {
      put(std::int64_t{value.count()});
    } else if constexpr (std::same_as<T, Instant>) {
      put(value.time_since_epoch());
    } else if constexpr (Optional<T>) {
      put(value.has_value());
      if (value) put(*value);
    } else if constexpr (Alternatives<T>) {
      put(static_cast<std::uint8_t>(value.index()));
      std::visit([&](const auto& alternative) { put(alternative); }, value);
    } else if constexpr (List<T>) {
      put(static_cast<std::uint32_t>(value.size()));
      for (const typename T::value_type& element : value) put(element);
    } else if constexpr (requires { value.first; }) {
      put(value.first);
      put(value.second);
    } else {
      core::visit_members(value, [&](const auto&... member) { (put(member), ...); });
    }
  }

 private:
  core::Bytes& to_;
};

//! Every take past the end, and every value that cannot be, throws a kCorrupt RuntimeError that opens with `where`.
//! Memory taken stays within a small multiple of the bytes given.
class BinaryReader {
 public:
  BinaryReader(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes, where), where_(where) {}

  template <class T>
  void take(T& value) {
    if constexpr (std::same_as<T, bool>) {
      value = byte_below(2) == 1;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(byte_below(enumerators(T{})));
    } else if constexpr (std::integral<T>) {
      value = bytes_.take<T>();
    } else if constexpr (std::same_as<T, std::string>) {
      value = std::string(core::as_text(bytes_.take_bytes(taken<std::uint32_t>())));
    } else if constexpr (Number<T>) {
      value.value = not_negative();
    } else if constexpr (std::same_as<T, Milliseconds>) {
      value = Milliseconds(taken<std::int64_t>());
    } else if constexpr (std::same_as<T, Instant>) {
      value = Instant(taken<Milliseconds>());
    } else if constexpr (std::same_as<T, Share>) {
      take(value.agent);
      value.slots = not_negative();
    } else if constexpr (Optional<T>) {
      if (taken<bool>()) take(value.emplace());
    } else if constexpr (Alternatives<T>) {
      take_alternative(value, byte_below(std::variant_size_v<T>));
    } else if constexpr (List<T>) {
      take_list(value);
    } else if constexpr (requires { value.first; }) {
      take(value.first);
      take(value.second);
    } else {
      core::visit_members(value, [&](auto&... member) { (take(member), ...); });
    }
  }

  bool has_more() const { return bytes_.remaining() > 0; }
  void finish() const {
    if (has_more()) refuse(fmt::format("{} bytes are left over", bytes_.remaining()));
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw core::corrupt_error(fmt::format("{} cannot be understood", where_), why);
  }

 private:
  template <class T>
  T taken() {
    T value{};
    take(value);
    return value;
  }
  std::uint8_t byte_below(std::size_t limit) {
    const auto byte = bytes_.take<std::uint8_t>();
    if (byte >= limit) refuse(fmt::format("{} stands where at most {} can", byte, limit - 1));
    return byte;
  }
  int not_negative() {
    const int value = taken<int>();
    if (value < 0) refuse(fmt::format("a number is {}", value));
    return value;
  }
  template <class T, std::size_t I = 0>
  void take_alternative(T& value, std::size_t index) {
    if constexpr (I < std::variant_size_v<T>) {
      if (index != I) return take_alternative<T, I + 1>(value, index);
      take(value.template emplace<I>());
    }
  }
  template <class T>
  void take_list(T& list) {
    const auto count = taken<std::uint32_t>();
    if constexpr (requires { std::tuple_size<T>::value; }) {
      if (count != list.size()) refuse(fmt::format("a list has {} elements instead of {}", count, list.size()));
      for (auto& element : list) take(element);
    } else if constexpr (requires { typename T::key_type; }) {
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t size = list.size();
        if constexpr (requires { typename T::mapped_type; })
          list.insert(taken<std::pair<typename T::key_type, typename T::mapped_type>>());
        else
          list.insert(taken<typename T::key_type>());
        if (list.size() == size) refuse("a key is there twice");
      }
    } else {
      list.clear();
      for (std::uint32_t i = 0; i < count; ++i) list.push_back(taken<typename T::value_type>());
    }
  }

  core::ByteReader bytes_;
  std::string_view where_;
};

}  // namespace resolute::orchestrator
