#include "datasets/hdf5/placed_file.h"

#include <array>
#include <utility>

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

}  // namespace resolute::datasets::hdf5
