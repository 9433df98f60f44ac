// The metadata of files that lay_out() planned, read without the library: HDF5 trusts metadata whose checksums are
// right, and a few hostile bytes in it (a message said to be shared in a file that shares none) end the process. The
// writer uses little of the format, and anything else is refused. "HDF5 File Format Specification", version 3.0:
// superblock version 2 (II.A), object headers version 2 (IV.A.1.b), messages (IV.A.2).

#include <algorithm>
#include <optional>
#include <set>

#include "core/files/file_system.h"
#include "datasets/hdf5/checksum.h"
#include "datasets/hdf5/layout.h"

namespace resolute::datasets::hdf5 {
namespace {

constexpr std::size_t kMaxEntries = 4096;
constexpr int kMaxDepth = 8;
constexpr std::uint64_t kMaxBlock = std::uint64_t{1} << 20;     // bytes of one block of metadata
constexpr std::uint64_t kMaxMetadata = std::uint64_t{4} << 20;  // bytes of all of them
constexpr std::size_t kMaxDimensions = 8;
constexpr std::uint64_t kUndefined = ~std::uint64_t{0};

enum MessageType : std::uint8_t {
  kNil = 0x00,
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kFillValue = 0x05,
  kLink = 0x06,
  kDataLayout = 0x08,
  kGroupInfo = 0x0a,
  kContinuation = 0x10,
};

// The bytes that say an element's type: integers are little-endian, of full precision; the float is IEEE's.
core::Bytes datatype_of(ElementType type) {
  core::Bytes bytes;
  const auto append = [&](std::initializer_list<int> values) {
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  };
  if (type == ElementType::kFloat32) {
    append({0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0});
    return bytes;
  }
  const int size = static_cast<int>(element_size(type));
  const bool is_signed = type == ElementType::kInt32 || type == ElementType::kInt64;
  append({0x10, is_signed ? 8 : 0, 0, 0, size, 0, 0, 0, 0, 0, 8 * size, 0});
  return bytes;
}

class Refusal : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Reads metadata and complains with a Refusal.
class LayoutReader {
 public:
  explicit LayoutReader(core::ReadableFile& file) : file_(file), size_(file.size()) {}

  std::vector<PlacedArray> read() {
    visit_group(messages_at(superblock_root()), "", 1);
    std::ranges::sort(arrays_,
                      [](const PlacedArray& a, const PlacedArray& b) { return a.layout.name < b.layout.name; });
    return std::move(arrays_);
  }

 private:
  struct Message {
    std::uint8_t type;
    core::Bytes body;
  };

  [[noreturn]] static void refuse(const std::string& why) { throw Refusal(why); }
  static void require(bool holds, const char* why) {
    if (!holds) refuse(why);
  }

  core::Bytes bytes_at(std::uint64_t offset, std::uint64_t count) const {
    require(count <= kMaxBlock && offset <= size_ && count <= size_ - offset, "its metadata ends beyond the file");
    core::Bytes bytes(static_cast<std::size_t>(count));
    file_.read_at(offset, bytes);
    return bytes;
  }

  // A block whose last four bytes are its checksum; without these. Blocks may not come again, nor be more than any
  // writer needs: a few of them that lead to each other would fill the memory.
  core::Bytes block_at(std::uint64_t offset, std::uint64_t count, std::string_view signature) {
    require(count >= signature.size() + 4, "a block of its metadata is too short");
    require(visited_.insert(offset).second, "a block of its metadata comes twice");
    require(count <= kMaxMetadata - read_, "it has too much metadata");
    read_ += count;
    core::Bytes bytes = bytes_at(offset, count);
    require(core::as_text(bytes).starts_with(signature), "a block of its metadata has another signature");
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + bytes.size() - 4, 4);
    bytes.erase(bytes.end() - 4, bytes.end());
    require(metadata_checksum(bytes) == stored, "a checksum of its metadata is wrong");
    return bytes;
  }

  std::uint64_t superblock_root() {
    using namespace std::string_view_literals;
    constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n\x02\x08\x08\x00"sv;  // version 2, offsets of 8 bytes
    require(size_ >= 48, "it is too short to be HDF5");
    const core::Bytes bytes = block_at(0, 48, kSignature);
    core::ByteReader reader(bytes, "superblock");
    reader.take_bytes(kSignature.size());
    require(reader.take<std::uint64_t>() == 0, "its base address is not 0");
    require(reader.take<std::uint64_t>() == kUndefined, "its superblock has an extension");
    require(reader.take<std::uint64_t>() <= size_, "it ends before its end of file");
    return reader.take<std::uint64_t>();
  }

  // Every message of an object; continuations are followed, room that is free is left out.
  std::vector<Message> messages_at(std::uint64_t address) {
    const core::Bytes start = bytes_at(address, 6);
    const auto flags = std::to_integer<unsigned>(start[5]);
    require(core::as_text(start).starts_with("OHDR\x02") && flags <= 3, "an object header is of another kind");
    const unsigned width = 1U << flags;
    std::uint64_t length = 0;
    std::memcpy(&length, bytes_at(address + 6, width).data(), width);
    require(length <= kMaxBlock, "an object header is too long");
    struct Block {
      std::uint64_t offset, count;
      std::size_t prefix;
      std::string_view signature;
    };
    std::vector<Block> blocks{{address, 6 + width + length + 4, 6 + width, "OHDR"}};
    std::vector<Message> messages;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const core::Bytes bytes = block_at(blocks[i].offset, blocks[i].count, blocks[i].signature);
      const std::span<const std::byte> inside = std::span(bytes).subspan(blocks[i].prefix);
      core::ByteReader reader(inside, "object header");
      while (reader.remaining() >= 4) {
        Message message{reader.take<std::uint8_t>(), {}};
        const auto size = reader.take<std::uint16_t>();
        // Bit 0: the message does not change. The others are for files that share messages, or are newer.
        require(reader.take<std::uint8_t>() <= 1, "a message has flags that the writer never sets");
        require(size <= reader.remaining(), "a message ends beyond its block");
        const auto body = reader.take_bytes(size);
        message.body.assign(body.begin(), body.end());
        if (message.type == kContinuation) {
          core::ByteReader to(message.body, "continuation");
          require(size == 16, "a continuation has another length");
          const auto offset = to.take<std::uint64_t>();
          blocks.push_back({offset, to.take<std::uint64_t>(), 4, "OCHK"});
        } else if (message.type != kNil) {
          messages.push_back(std::move(message));
        }
      }
    }
    return messages;
  }

  void visit_group(const std::vector<Message>& messages, const std::string& prefix, int depth) {
    std::set<std::string> names;
    for (const Message& message : messages) {
      if (message.type == kLinkInfo) {
        // Version and flags 0, no heap and no tree: all links stand here.
        require(message.body.size() == 18 && std::to_integer<int>(message.body[0]) == 0 &&
                    std::to_integer<int>(message.body[1]) == 0 &&
                    std::all_of(message.body.begin() + 2, message.body.end(),
                                [](std::byte byte) { return byte == std::byte{0xff}; }),
                "a group keeps its links elsewhere");
      } else if (message.type == kLink) {
        const auto [name, address] = link_of(message.body);
        require(names.insert(name).second, "a group has two links of one name");
        visit_object(address, prefix + name, depth);
      } else {
        require(message.type == kGroupInfo, "a group has a message that the writer never writes");
      }
    }
  }

  static std::pair<std::string, std::uint64_t> link_of(const core::Bytes& body) {
    core::ByteReader reader(body, "link");
    // Version 1, a hard link in ASCII whose name's length takes one byte.
    require(body.size() >= 12 && reader.take<std::uint8_t>() == 1 && reader.take<std::uint8_t>() == 0,
            "a link is not a plain one");
    const std::size_t length = reader.take<std::uint8_t>();
    require(length >= 1 && body.size() == 3 + length + 8, "a link has another length");
    std::string name(core::as_text(reader.take_bytes(length)));
    require(std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127 && c != '/'; }),
            "a link has another name");
    return {std::move(name), reader.take<std::uint64_t>()};
  }

  void visit_object(std::uint64_t address, const std::string& name, int depth) {
    require(++entries_ <= kMaxEntries, "it has too many data sets");
    const std::vector<Message> messages = messages_at(address);
    const bool is_array =
        std::ranges::any_of(messages, [](const Message& message) { return message.type == kDataLayout; });
    if (is_array) return arrays_.push_back(array_of(messages, name));
    require(depth < kMaxDepth, "its groups lie too deep");
    visit_group(messages, name + "/", depth + 1);
  }

  PlacedArray array_of(const std::vector<Message>& messages, const std::string& name) const {
    const auto refuse_array = [&](const char* why) { refuse(fmt::format("data set '{}' {}", name, why)); };
    const core::Bytes* dataspace = nullptr;
    const core::Bytes* datatype = nullptr;
    const core::Bytes* layout = nullptr;
    for (const Message& message : messages) {
      const core::Bytes** place = message.type == kDataspace    ? &dataspace
                                  : message.type == kDatatype   ? &datatype
                                  : message.type == kDataLayout ? &layout
                                                                : nullptr;
      if (place == nullptr && message.type != kFillValue) refuse_array("has a message that the writer never writes");
      if (place == nullptr) continue;
      if (*place != nullptr) refuse_array("says something twice");
      *place = &message.body;
    }
    if (dataspace == nullptr || datatype == nullptr) refuse_array("lacks its type or its shape");
    PlacedArray placed;
    placed.layout.name = name;
    const std::optional<ElementType> type = type_of(*datatype);
    if (!type) refuse_array("has an element type that a pack never has");
    placed.layout.type = *type;
    placed.layout.shape = shape_of(*dataspace);
    std::uint64_t bytes = element_size(*type);
    for (const std::uint64_t extent : placed.layout.shape) {
      if (extent > 0 && bytes > size_ / extent) refuse_array("ends beyond the end of the file");
      bytes *= extent;
    }
    core::ByteReader reader(*layout, "data layout");
    if (layout->size() != 18 || reader.take<std::uint8_t>() != 3 || reader.take<std::uint8_t>() != 1)
      refuse_array("does not lie in one piece in the file");
    const auto address = reader.take<std::uint64_t>();
    if (reader.take<std::uint64_t>() != bytes) refuse_array("has another size than its shape");
    if (bytes == 0) return placed;
    if (address > size_ || bytes > size_ - address) refuse_array("ends beyond the end of the file");
    placed.offset = address;
    return placed;
  }

  static std::optional<ElementType> type_of(const core::Bytes& body) {
    for (const ElementType type : {ElementType::kUint8, ElementType::kUint32, ElementType::kUint64, ElementType::kInt32,
                                   ElementType::kInt64, ElementType::kFloat32})
      if (body == datatype_of(type)) return type;
    return std::nullopt;
  }

  static std::vector<std::uint64_t> shape_of(const core::Bytes& body) {
    core::ByteReader reader(body, "dataspace");
    require(body.size() >= 4 && reader.take<std::uint8_t>() == 2, "a shape is of another kind");
    const std::size_t dimensions = reader.take<std::uint8_t>();
    const auto has_maximum = reader.take<std::uint8_t>();
    require(has_maximum <= 1 && reader.take<std::uint8_t>() == 1 && dimensions >= 1 && dimensions <= kMaxDimensions &&
                body.size() == 4 + dimensions * 8 * (1U + has_maximum),
            "a shape is of another kind");
    const auto take = [&] {
      std::vector<std::uint64_t> extents(dimensions);
      for (std::uint64_t& extent : extents) extent = reader.take<std::uint64_t>();
      return extents;
    };
    std::vector<std::uint64_t> shape = take();
    require(has_maximum == 0 || take() == shape, "a data set may grow");
    return shape;
  }

  core::ReadableFile& file_;
  std::uint64_t size_;
  std::size_t entries_ = 0;
  std::set<std::uint64_t> visited_;  // offsets of blocks
  std::uint64_t read_ = 0;           // bytes of blocks
  std::vector<PlacedArray> arrays_;
};

}  // namespace

std::vector<PlacedArray> read_layout(const std::filesystem::path& path, std::string_view advice) {
  const auto file = core::real_file_system().open_for_read(path);
  try {
    return LayoutReader(*file).read();
  } catch (const Refusal& refusal) {
    throw core::corrupt_error(fmt::format("cannot read '{}'", path.string()), refusal.what(), advice);
  }
}

}  // namespace resolute::datasets::hdf5
