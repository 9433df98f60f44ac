#include "workers/weights/zip_archive.h"

#include <array>
#include <limits>

#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034B50, kDirectoryEntry = 0x02014B50, kEnd = 0x06054B50, kEnd64 = 0x06064B50,
                        kEnd64Locator = 0x07064B50;
constexpr std::size_t kEndBytes = 22, kEnd64LocatorBytes = 20, kLocalHeaderBytes = 30;
constexpr std::size_t kLongestComment = 0xFFFF;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kExtra64 = 0x0001, kExtraPadding = 0x4246;  // the second is torch.save's own
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;                         // the value stands in the 64-bit field
constexpr std::size_t kAlignment = 64;

template <class T>
T value_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}

// Where the record that ends the archive stands; it may be followed by a comment.
std::size_t find_end(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() >= kEndBytes) {
    const std::size_t last = bytes.size() - kEndBytes;
    const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
    for (std::size_t at = last + 1; at-- > first;)
      if (value_at<std::uint32_t>(bytes, at) == kEnd &&
          at + kEndBytes + value_at<std::uint16_t>(bytes, at + 20) == bytes.size())
        return at;
  }
  throw core::corrupt_error(fmt::format("{} is cut off", name),
                            "a ZIP archive ends with its directory, which is missing", "get the file again");
}

}  // namespace

std::uint32_t zip_crc32(std::span<const std::byte> bytes) {
  static constexpr auto kTable = crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::byte byte : bytes) crc = kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFU] ^ (crc >> 8);
  return crc ^ 0xFFFFFFFFU;
}

bool ZipArchive::begins(std::span<const std::byte> bytes) {
  return bytes.size() >= sizeof(kLocalHeader) && value_at<std::uint32_t>(bytes, 0) == kLocalHeader;
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {
  const std::size_t end = find_end(bytes, name);
  std::uint64_t count = value_at<std::uint16_t>(bytes, end + 10);
  std::uint64_t size = value_at<std::uint32_t>(bytes, end + 12);
  std::uint64_t offset = value_at<std::uint32_t>(bytes, end + 16);
  if (end >= kEnd64LocatorBytes && value_at<std::uint32_t>(bytes, end - kEnd64LocatorBytes) == kEnd64Locator) {
    const auto at = value_at<std::uint64_t>(bytes, end - kEnd64LocatorBytes + 8);
    constexpr std::size_t kNeeded = 56;
    if (at > end || end - at < kNeeded || value_at<std::uint32_t>(bytes, at) != kEnd64)
      throw core::corrupt_error(fmt::format("{} is damaged", name), "its 64-bit directory record is not where it says");
    count = value_at<std::uint64_t>(bytes, at + 32);
    size = value_at<std::uint64_t>(bytes, at + 40);
    offset = value_at<std::uint64_t>(bytes, at + 48);
  }
  if (offset > end || size > end - offset)
    throw core::corrupt_error(fmt::format("{} is damaged", name), "its directory lies outside of the file");
  read_directory(offset, size, count);
}

void ZipArchive::read_directory(std::uint64_t offset, std::uint64_t bytes, std::uint64_t count) {
  const std::string what = fmt::format("the directory of {}", name_);
  core::ByteReader reader(bytes_.subspan(offset, bytes), what);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (reader.take<std::uint32_t>() != kDirectoryEntry)
      throw core::corrupt_error(fmt::format("{} is damaged", name_),
                                fmt::format("directory entry {} does not begin with the signature of one", i));
    Entry entry{};
    reader.take_bytes(6);  // versions, flags
    entry.compression = reader.take<std::uint16_t>();
    reader.take_bytes(4);  // time, date
    entry.crc = reader.take<std::uint32_t>();
    entry.stored_bytes = reader.take<std::uint32_t>();
    entry.full_bytes = reader.take<std::uint32_t>();
    const auto name_bytes = reader.take<std::uint16_t>();
    const auto extra_bytes = reader.take<std::uint16_t>();
    const auto comment_bytes = reader.take<std::uint16_t>();
    reader.take_bytes(8);  // disk, attributes
    entry.header_offset = reader.take<std::uint32_t>();
    const std::string entry_name(core::as_text(reader.take_bytes(name_bytes)));
    core::ByteReader extra(reader.take_bytes(extra_bytes), what);
    reader.take_bytes(comment_bytes);
    while (extra.remaining() >= 4) {
      const auto id = extra.take<std::uint16_t>();
      const auto size = extra.take<std::uint16_t>();
      core::ByteReader field(extra.take_bytes(size), what);
      if (id != kExtra64) continue;
      // Only those values are there that do not fit their own place, in this order.
      for (std::uint64_t* value : {&entry.full_bytes, &entry.stored_bytes, &entry.header_offset})
        if (*value == kIn64) *value = field.take<std::uint64_t>();
    }
    if (!entries_.emplace(entry_name, entry).second)
      throw core::corrupt_error(fmt::format("{} is damaged", name_), "two of its entries have one name");
  }
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::span<const std::byte> ZipArchive::read(const std::string& entry_name) const {
  const auto found = entries_.find(entry_name);
  if (found == entries_.end())
    throw core::corrupt_error(fmt::format("{} is damaged", name_), fmt::format("entry '{}' is missing", entry_name));
  const Entry& entry = found->second;
  if (entry.compression != kStored || entry.stored_bytes != entry.full_bytes)
    throw core::input_error(fmt::format("{}: entry '{}' is compressed", name_, entry_name),
                            "torch.save stores entries as they are", "load it with Python and torch.save it again");
  const auto damaged = [&](std::string_view why) {
    return core::corrupt_error(fmt::format("{}: entry '{}' is damaged", name_, entry_name), why, "get the file again");
  };
  if (entry.header_offset > bytes_.size() || bytes_.size() - entry.header_offset < kLocalHeaderBytes ||
      value_at<std::uint32_t>(bytes_, entry.header_offset) != kLocalHeader)
    throw damaged("its header is not where the directory says");
  const std::uint64_t begin = entry.header_offset + kLocalHeaderBytes +
                              value_at<std::uint16_t>(bytes_, entry.header_offset + 26) +
                              value_at<std::uint16_t>(bytes_, entry.header_offset + 28);
  if (begin > bytes_.size() || entry.stored_bytes > bytes_.size() - begin) throw damaged("it ends outside of the file");
  const auto content = bytes_.subspan(begin, entry.stored_bytes);
  if (entry.crc != 0 && zip_crc32(content) != entry.crc) throw damaged("its checksum differs");
  return content;
}

void ZipWriter::add(const std::string& entry, std::span<const std::byte> bytes) {
  RESOLUTE_EXPECT(bytes_.size() + bytes.size() + entry.size() + 1024 < std::numeric_limits<std::uint32_t>::max() &&
                      count_ < std::numeric_limits<std::uint16_t>::max() && entry.size() < 256,
                  "an archive that needs 64-bit records");
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const std::uint32_t crc = zip_crc32(bytes);
  constexpr std::uint16_t kUtf8Names = 0x0800, kNoTime = 0, kFirstDay = 0x21;  // 1 January 1980
  const auto add_common = [&](core::Bytes& to) {
    core::append_little_endian(to, kUtf8Names);
    core::append_little_endian(to, kStored);
    core::append_little_endian(to, kNoTime);
    core::append_little_endian(to, kFirstDay);
    core::append_little_endian(to, crc);
    core::append_little_endian(to, size);
    core::append_little_endian(to, size);
    core::append_little_endian(to, static_cast<std::uint16_t>(entry.size()));
  };
  constexpr std::uint16_t kVersionNeeded = 20, kNoBytes = 0;
  core::append_little_endian(bytes_, kLocalHeader);
  core::append_little_endian(bytes_, kVersionNeeded);
  add_common(bytes_);
  const std::size_t content = bytes_.size() + 2 + entry.size() + 4;
  const auto padding = static_cast<std::uint16_t>((kAlignment - content % kAlignment) % kAlignment);
  core::append_little_endian(bytes_, static_cast<std::uint16_t>(4 + padding));
  core::append_bytes(bytes_, core::as_byte_span(entry));
  core::append_little_endian(bytes_, kExtraPadding);
  core::append_little_endian(bytes_, padding);
  bytes_.insert(bytes_.end(), padding, std::byte{'Z'});
  core::append_bytes(bytes_, bytes);

  core::append_little_endian(directory_, kDirectoryEntry);
  core::append_little_endian(directory_, kVersionNeeded);  // made by
  core::append_little_endian(directory_, kVersionNeeded);
  add_common(directory_);
  for (int field = 0; field < 4; ++field) core::append_little_endian(directory_, kNoBytes);  // extra, comment, disk, …
  core::append_little_endian(directory_, std::uint32_t{0});                                  // attributes
  core::append_little_endian(directory_, offset);
  core::append_bytes(directory_, core::as_byte_span(entry));
  ++count_;
}

core::Bytes ZipWriter::finish() {
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  core::append_bytes(bytes_, directory_);
  core::append_little_endian(bytes_, kEnd);
  core::append_little_endian(bytes_, std::uint32_t{0});  // disks
  core::append_little_endian(bytes_, count_);
  core::append_little_endian(bytes_, count_);
  core::append_little_endian(bytes_, static_cast<std::uint32_t>(directory_.size()));
  core::append_little_endian(bytes_, offset);
  core::append_little_endian(bytes_, std::uint16_t{0});  // comment
  return std::move(bytes_);
}

}  // namespace resolute::workers
