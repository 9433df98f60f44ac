#include "datasets/image/odd_images.h"

#include <fmt/format.h>

#include "core/bytes.h"

namespace resolute::datasets {
namespace {

// Numbers of a file that may end anywhere: what lies behind its end is 0.
class Numbers {
 public:
  Numbers(std::string_view bytes, bool little_endian) : bytes_(bytes), little_endian_(little_endian) {}

  std::size_t at(std::size_t place, std::size_t width) const {
    if (place > bytes_.size() || width > bytes_.size() - place) return 0;
    std::size_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes_[place + (little_endian_ ? width - 1 - i : i)]);
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_endian_;
};

// \param tiff what follows "Exif\0\0"
int orientation_in(std::string_view tiff) {
  constexpr std::size_t kEntryBytes = 12, kOrientation = 0x0112, kShort = 3, kMagic = 42;
  if (!tiff.starts_with("II") && !tiff.starts_with("MM")) return 1;
  const Numbers numbers(tiff, tiff.starts_with('I'));
  if (numbers.at(2, 2) != kMagic) return 1;
  const std::size_t directory = numbers.at(4, 4), entries = numbers.at(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (numbers.at(entry, 2) != kOrientation) continue;
    const std::size_t value = numbers.at(entry + 8, 2);
    return numbers.at(entry + 2, 2) == kShort && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int orientation_in_jpeg(std::string_view file) {
  constexpr std::string_view kExif{"Exif\0\0", 6};
  constexpr std::size_t kFirstSegment = 0xffc0, kEnd = 0xffd9, kScan = 0xffda, kExifMarker = 0xffe1;
  const Numbers numbers(file, false);
  for (std::size_t at = 2;;) {
    const std::size_t marker = numbers.at(at, 2), length = numbers.at(at + 2, 2);
    if (marker < kFirstSegment || marker == kEnd || marker == kScan || length < 2) return 1;
    if (at + 2 + length > file.size()) return 1;
    const std::string_view content = file.substr(at + 4, length - 2);
    if (marker == kExifMarker && content.starts_with(kExif)) return orientation_in(content.substr(kExif.size()));
    at += 2 + length;
  }
}

int orientation_in_png(std::string_view file) {
  constexpr std::size_t kSignature = 8, kFrame = 12;  // bytes of a chunk beside its content: length, name, checksum
  const Numbers numbers(file, false);
  for (std::size_t at = kSignature; at + kFrame <= file.size();) {
    const std::size_t length = numbers.at(at, 4);
    if (length > file.size() - at - kFrame) return 1;
    if (file.substr(at + 4, 4) == "eXIf") return orientation_in(file.substr(at + 8, length));
    at += kFrame + length;
  }
  return 1;
}

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";

bool has_16_bits(std::string_view file) {
  constexpr std::size_t kDepthAt = 24;  // behind signature, frame of the header, width and height
  return file.starts_with(kPng) && file.size() > kDepthAt && file[kDepthAt] == 16;
}

}  // namespace

int exif_orientation(std::span<const std::byte> bytes) {
  const std::string_view file = core::as_text(bytes);
  if (file.starts_with("\xff\xd8")) return orientation_in_jpeg(file);
  return file.starts_with(kPng) ? orientation_in_png(file) : 1;
}

void CountedImages::add(std::string_view name) {
  if (count++ == 0) first = name;
}

void CountedImages::add(const CountedImages& others) {
  if (count == 0) first = others.first;
  count += others.count;
}

void OddImages::look_at(std::span<const std::byte> bytes, std::string_view name, bool filled) {
  if (exif_orientation(bytes) != 1) turned.add(name);
  if (filled) truncated.add(name);
  if (has_16_bits(core::as_text(bytes))) deep.add(name);
}

void OddImages::add(const OddImages& others) {
  turned.add(others.turned);
  truncated.add(others.truncated);
  deep.add(others.deep);
}

std::vector<std::string> OddImages::warnings(std::size_t all) const {
  std::vector<std::string> lines;
  if (turned.count > 0)
    lines.push_back(fmt::format(
        "{} of {} images carry an EXIF orientation that is not applied, as '{}': their pixels are taken as they are "
        "stored, which Pillow and torchvision do too; turn the files themselves where people lie down in them",
        turned.count, all, turned.first));
  if (truncated.count > 0)
    lines.push_back(
        fmt::format("{} of {} images end early and are filled, as '{}'", truncated.count, all, truncated.first));
  if (deep.count > 0)
    lines.push_back(fmt::format(
        "{} of {} images have 16 bits a value, of which the upper 8 are taken, as '{}': they are nearly black where a "
        "camera filled fewer bits; write them with 8 bits then",
        deep.count, all, deep.first));
  return lines;
}

}  // namespace resolute::datasets
