// The header of a `.npy` file: a magic string, a version, a length, and a Python dictionary as text,
//     {'descr': '<f4', 'fortran_order': False, 'shape': (3368, 2048), }

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "core/bytes.h"
#include "datasets/arrays/stored_array.h"

namespace resolute::datasets {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLongestHeader = 1 << 16;

core::RuntimeError no_header(const std::string& why) { return core::input_error("not a .npy array", why); }

class Dictionary {
 public:
  explicit Dictionary(std::string_view text) : rest_(text) {}

  StoredArrayFacts parse() {
    StoredArrayFacts facts;
    bool type = false, order = false, shape = false;
    expect('{');
    while (!next_is('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        facts.type = element_type();
        type = true;
      } else if (key == "fortran_order") {
        facts.column_major = boolean();
        order = true;
      } else if (key == "shape") {
        facts.shape = extents();
        shape = true;
      } else {
        throw no_header(fmt::format("its header has '{}'", key));
      }
      if (!next_is(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty() || !type || !order || !shape) throw no_header("its header is not whole");
    return facts;
  }

 private:
  void skip_space() {
    const auto at = rest_.find_first_not_of(" \n");
    rest_.remove_prefix(std::min(at, rest_.size()));
  }
  bool next_is(char wanted) {
    skip_space();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!next_is(wanted)) throw no_header(fmt::format("its header has no '{}' where one is needed", wanted));
  }
  bool word(std::string_view wanted) {
    skip_space();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  std::string_view quoted() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    const auto end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) throw no_header("its header has no quoted word where one is needed");
    const auto text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    if (word("True")) return true;
    if (word("False")) return false;
    throw no_header("its header says neither True nor False of its order");
  }
  ElementType element_type() {
    if (next_is('[')) throw core::input_error("it holds records", "an array of numbers is needed");
    const std::string_view text = quoted();
    const auto refuse = [&] {
      return core::input_error(fmt::format("its elements are '{}'", text),
                               "floats of 16, 32 or 64 bits and integers are read",
                               text.find('O') != std::string_view::npos ? "save plain arrays, not Python objects" : "");
    };
    if (text.size() != 3 || std::string_view("<>|=").find(text[0]) == std::string_view::npos) throw refuse();
    const auto bytes = static_cast<std::size_t>(text[2] - '0');
    const bool width_of_integer = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
    if (!width_of_integer || (text[1] == 'f' && bytes == 1)) throw refuse();
    const bool big_endian = text[0] == '>';
    if (text[1] == 'f') return {Number::kFloat, bytes, big_endian};
    if (text[1] == 'i') return {Number::kSigned, bytes, big_endian};
    if (text[1] == 'u') return {Number::kUnsigned, bytes, big_endian};
    throw refuse();
  }
  std::vector<std::uint64_t> extents() {
    std::vector<std::uint64_t> shape;
    expect('(');
    while (!next_is(')')) {
      skip_space();
      std::uint64_t extent = 0;
      const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (failed != std::errc() || shape.size() == 32) throw no_header("its header has no shape");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      word("L");  // as Python 2 wrote whole numbers
      shape.push_back(extent);
      if (!next_is(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view rest_;
};

}  // namespace

std::size_t npy_header_length(std::span<const std::byte> start) {
  if (start.size() < kNpyStart) throw no_header("it is too short");
  if (!core::as_text(start).starts_with(kMagic)) throw no_header("it does not begin as one");
  core::ByteReader reader(start.subspan(kMagic.size()), "a .npy header");
  const auto version = reader.take<std::uint8_t>();
  reader.take<std::uint8_t>();
  if (version < 1 || version > 3) throw no_header(fmt::format("its version is {}, 1 to 3 are read", version));
  const std::size_t text = version == 1 ? reader.take<std::uint16_t>() : reader.take<std::uint32_t>();
  if (text > kLongestHeader) throw no_header(fmt::format("its header claims {} bytes", text));
  return kMagic.size() + reader.position() + text;
}

StoredArrayFacts parse_npy_header(std::span<const std::byte> bytes) {
  const std::size_t before = kMagic.size() + (std::to_integer<int>(bytes[kMagic.size()]) == 1 ? 4 : 6);
  return Dictionary(core::as_text(bytes.subspan(before))).parse();
}

}  // namespace resolute::datasets
