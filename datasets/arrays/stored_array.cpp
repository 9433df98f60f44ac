#include "datasets/arrays/stored_array.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace resolute::datasets {
namespace {

// IEEE 754-2008's binary16; C++20 has no type for it.
struct Half {
  std::uint16_t bits = 0;
  explicit operator double() const {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value = std::ldexp(fraction, -24);
    if (exponent == 31) value = fraction == 0 ? HUGE_VAL : std::nan("");
    if (exponent > 0 && exponent < 31) value = std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 == 0 ? value : -value;
  }
  explicit operator float() const { return static_cast<float>(static_cast<double>(*this)); }
};

template <class Stored>
Stored element(const std::byte* from, bool big_endian) {
  std::byte bytes[sizeof(Stored)];
  std::memcpy(bytes, from, sizeof bytes);
  if (big_endian) std::reverse(std::begin(bytes), std::end(bytes));
  return std::bit_cast<Stored>(bytes);
}

// Calls `use` with a value of the type in which the elements are stored.
template <class Use>
void with_type(const ElementType& type, const Use& use) {
  switch (type.number) {
    case Number::kFloat:
      if (type.bytes == 2) return use(Half{});
      return type.bytes == 4 ? use(float{}) : use(double{});
    case Number::kSigned:
      if (type.bytes == 1) return use(std::int8_t{});
      if (type.bytes == 2) return use(std::int16_t{});
      return type.bytes == 4 ? use(std::int32_t{}) : use(std::int64_t{});
    case Number::kUnsigned:
      if (type.bytes == 1) return use(std::uint8_t{});
      if (type.bytes == 2) return use(std::uint16_t{});
      return type.bytes == 4 ? use(std::uint32_t{}) : use(std::uint64_t{});
  }
}

std::string words_of(const ElementType& type) {
  constexpr const char* kNames[] = {"float", "int", "uint"};
  return fmt::format("{}{}", kNames[static_cast<std::size_t>(type.number)], type.bytes * 8);
}

// Calls `take` with each element of `bytes`, by rows.
template <class Stored, class Take>
void each_element(const StoredArrayFacts& facts, const std::vector<std::byte>& bytes, const Take& take) {
  const std::uint64_t count = facts.elements();
  const auto at = [&](std::uint64_t place) {
    return element<Stored>(bytes.data() + place * sizeof(Stored), facts.type.big_endian);
  };
  if (!facts.column_major || facts.shape.size() < 2) {
    for (std::uint64_t i = 0; i < count; ++i) take(i, at(i));
    return;
  }
  const std::uint64_t rows = facts.shape[0], columns = facts.shape[1];
  constexpr std::uint64_t kBlock = 64;  // both sides of a square block lie in the cache
  for (std::uint64_t top = 0; top < rows; top += kBlock)
    for (std::uint64_t left = 0; left < columns; left += kBlock)
      for (std::uint64_t row = top; row < std::min(top + kBlock, rows); ++row)
        for (std::uint64_t column = left; column < std::min(left + kBlock, columns); ++column)
          take(row * columns + column, at(column * rows + row));
}

template <class T>
constexpr bool kWantsIntegers = std::is_same_v<T, std::int64_t>;

}  // namespace

std::uint64_t StoredArrayFacts::elements() const {
  std::uint64_t product = 1;
  if (std::ranges::find(shape, 0U) != shape.end()) return 0;
  for (std::uint64_t extent : shape) {
    if (extent > (std::uint64_t{1} << 48) / product)
      throw core::input_error(fmt::format("an array of {} dimensions has too many elements", shape.size()),
                              "more than 2^48");
    product *= extent;
  }
  return product;
}

core::RuntimeError StoredArrays::refusal(const std::string& name, const std::string& problem,
                                         const std::string& why) const {
  return core::input_error(fmt::format("cannot read '{}': '{}' {}", path_.string(), name, problem), why);
}

template <class T>
NamedArray<T> StoredArrays::read(const std::string& name, std::size_t rank) const {
  StoredArrayFacts facts = facts_of(name);
  const bool integers = facts.type.number != Number::kFloat;
  if (!kWantsIntegers<T> && integers)
    throw refusal(name, "is " + words_of(facts.type), fmt::format("{} is needed", kFloatsRead));
  if (kWantsIntegers<T> && facts.type.number == Number::kUnsigned && facts.type.bytes == 8)
    throw refusal(name, "is uint64", fmt::format("{} is needed", kIntegersRead));
  flatten_list(facts.shape, rank);  // by elements of one row or one column, either order of storage is the same
  if (facts.shape.size() != rank)
    throw refusal(name, fmt::format("has {} dimensions", facts.shape.size()), fmt::format("{} are needed", rank));
  const std::vector<std::byte> bytes = bytes_of(name);
  RESOLUTE_EXPECT(bytes.size() == facts.bytes(), "an array's bytes are as many as its facts say");
  NamedArray<T> array{facts.shape, std::vector<T>(static_cast<std::size_t>(facts.elements()))};
  [[maybe_unused]] const auto refuse = [&](const std::string& problem, const std::string& why) {
    return refusal(name, problem, why);
  };
  with_type(facts.type, [&]<class Stored>(Stored) {
    each_element<Stored>(facts, bytes, [&](std::uint64_t place, Stored value) {
      if constexpr (kWantsIntegers<T> && !std::is_integral_v<Stored>) {
        array.values[place] = to_integer(static_cast<double>(value), sizeof(Stored), place, refuse);
      } else if constexpr (std::is_same_v<T, float> && std::is_same_v<Stored, double>) {
        array.values[place] = to_float32(value, place, array.shape, refuse);
      } else {
        array.values[place] = static_cast<T>(value);  // NOLINT(bugprone-signed-char-misuse): an int8 is a number
      }
    });
  });
  return array;
}

NamedArray<float> StoredArrays::read_float32(const std::string& name, std::size_t rank) const {
  return read<float>(name, rank);
}

NamedArray<double> StoredArrays::read_float64(const std::string& name, std::size_t rank) const {
  return read<double>(name, rank);
}

bool StoredArrays::is_float64(const std::string& name) const {
  const ElementType type = facts_of(name).type;
  return type.number == Number::kFloat && type.bytes == sizeof(double);
}

NamedArray<std::int64_t> StoredArrays::read_int64(const std::string& name, std::size_t rank) const {
  return read<std::int64_t>(name, rank);
}

}  // namespace resolute::datasets
