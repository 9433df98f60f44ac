#include "datasets/hdf5/placed_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/hash/sha256.h"
#include "core/log.h"

namespace resolute::datasets::hdf5 {

PlacedFile::PlacedFile(core::FileSystem& files, fs::path path, const FileImage& image)
    : files_(files), path_(std::move(path)), temporary_(core::temporary_beside(path_)), image_(image) {
  if (path_.has_parent_path()) files_.create_directories(path_.parent_path());
  file_ = files_.open_for_write(temporary_, core::OpenMode::kCreateNew);
  present_ = true;
  try {
    // The last byte first: the file has its full size whatever is written last.
    constexpr std::array<std::byte, 1> kZero{};
    if (image_.size > 0) file_->write_at(image_.size - 1, kZero);
    for (const auto& piece : image_.metadata) file_->write_at(piece.offset, piece.bytes);
  } catch (...) {
    remove_temporary();
    throw;
  }
}

PlacedFile::~PlacedFile() { remove_temporary(); }

void PlacedFile::remove_temporary() {
  if (!present_) return;
  present_ = false;
  file_.reset();
  try {
    files_.remove(temporary_);
  } catch (const std::exception& error) {
    core::log_warning("{}", error.what());
  }
}

void PlacedFile::write(std::size_t array, std::uint64_t at, std::span<const std::byte> bytes) {
  const PlacedArray& place = image_.arrays.at(array);
  std::uint64_t size = place.layout.bytes();
  RESOLUTE_EXPECT(at <= size && bytes.size() <= size - at, "write beyond the end of " + place.layout.name);
  if (!bytes.empty()) file_->write_at(place.offset + at, bytes);
}

void PlacedFile::publish() {
  file_->sync();
  file_->close();
  files_.rename(temporary_, path_);
  present_ = false;
  files_.sync_path(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

std::string sha256_of_file(const fs::path& path) {
  const auto file = core::real_file_system().open_for_read(path);
  core::Sha256 hash;
  core::Bytes buffer(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < file->size();) {
    const auto piece =
        std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), file->size() - at)));
    file->read_at(at, piece);
    hash.update(std::span<const std::byte>(piece));
    at += piece.size();
  }
  return hash.finish_hex();
}

}  // namespace resolute::datasets::hdf5
