#include "core/files/mount.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

namespace resolute::core {

Mount::Mount(FileSystem& files, std::filesystem::path folder)
    : folder_(std::filesystem::absolute(std::move(folder))), point_(folder_) {
  const auto folder_identity = files.identity(point_);
  if (!folder_identity) return;
  device_ = folder_identity->device;
  for (auto above = point_.parent_path(); above != point_; above = point_.parent_path()) {
    const auto found = files.identity(above);
    if (!found || found->device != device_) return;
    point_ = above;
  }
}

bool Mount::is_gone(FileSystem& files) const {
  if (device_ == 0) return false;
  try {
    // Also behind a new mount, whose device may have another number.
    if (files.identity(folder_)) return false;
    const auto now = files.identity(point_);
    return !now || now->device != device_;
  } catch (const RuntimeError&) {
    return true;
  }
}

void Mount::require_there(FileSystem& files) const {
  if (is_gone(files)) throw system_error(fmt::format("'{}' is not mounted", folder_.string()), ESTALE);
}

bool Mount::storage_fails_too(FileSystem& files, const RuntimeError& error) const {
  if (error.error_number() == 0 || error.is_storage()) return false;
  if (error.is_missing()) return is_gone(files);
  try {
    probe_storage(files, folder_);
    return false;
  } catch (const RuntimeError&) {
    return true;
  }
}

}  // namespace resolute::core
