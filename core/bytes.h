#pragma once
//! \file
//! Little-endian integers to and from byte buffers, for the formats in docs/inside/formats/.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace resolute::core {

static_assert(std::endian::native == std::endian::little,
              "formats are little-endian; other hosts need byte swaps here");

using Bytes = std::vector<std::byte>;

inline std::span<const std::byte> as_byte_span(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <std::integral T>
void append_little_endian(Bytes& to, T value) {
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), from, from + sizeof(T));
}

inline void append_bytes(Bytes& to, std::span<const std::byte> from) { to.insert(to.end(), from.begin(), from.end()); }

//! Reads values one after the other; every read past the end throws a kCorrupt RuntimeError naming `name`.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}
  template <std::integral T>
  T take() {
    T value{};
    std::memcpy(&value, take_bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::span<const std::byte> take_bytes(std::size_t count) {
    if (count > bytes_.size() - at_)
      throw corrupt_error(fmt::format("{} ends after {} bytes", name_, bytes_.size()),
                          fmt::format("{} more are needed at {}", count, at_));
    auto part = bytes_.subspan(at_, count);
    at_ += count;
    return part;
  }
  std::size_t remaining() const { return bytes_.size() - at_; }
  std::size_t position() const { return at_; }

 private:
  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::size_t at_ = 0;
};

}  // namespace resolute::core
