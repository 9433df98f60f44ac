#include "datasets/hdf5/raw_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/sha256.h"

namespace resolute::datasets::hdf5 {

RawFile::RawFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(core::open_regular(path_, O_RDONLY)) {}

RawFile::~RawFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RawFile::RawFile(RawFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RawFile& RawFile::operator=(RawFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void RawFile::read_at(std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    ssize_t count = ::pread(descriptor_, to.data(), to.size(), static_cast<off_t>(offset));
    if (count < 0) {
      if (errno == EINTR) continue;
      throw core::system_error(fmt::format("cannot read '{}'", path_.string()), errno);
    }
    if (count == 0)
      throw core::corrupt_error(fmt::format("'{}' ends after {} bytes", path_.string(), offset),
                                fmt::format("{} more are needed there", to.size()));
    offset += static_cast<std::uint64_t>(count);
    to = to.subspan(static_cast<std::size_t>(count));
  }
}

std::uint64_t RawFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0)
    throw core::system_error(fmt::format("cannot stat '{}'", path_.string()), errno);
  return static_cast<std::uint64_t>(status.st_size);
}

std::string sha256_of_file(const std::filesystem::path& path) {
  RawFile file(path);
  core::Sha256 hash;
  core::Bytes buffer(std::size_t{1} << 20);
  std::uint64_t size = file.size();
  for (std::uint64_t at = 0; at < size;) {
    auto piece = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at)));
    file.read_at(at, piece);
    hash.update(std::span<const std::byte>(piece));
    at += piece.size();
  }
  return hash.finish_hex();
}

}  // namespace resolute::datasets::hdf5
