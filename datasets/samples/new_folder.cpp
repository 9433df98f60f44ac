#include "datasets/samples/new_folder.h"

#include <future>
#include <system_error>

namespace resolute::datasets {

void NewFolder::write(const std::string& path, std::span<const std::byte> bytes) {
  const fs::path full = folder_ / path;
  for (fs::path parent = full.parent_path(); parent != folder_.parent_path(); parent = parent.parent_path())
    if (folders_.insert(parent).second) files_.create_directories(parent);
  auto file = files_.open_for_write(full, core::OpenMode::kCreateNew);
  file->write(bytes);
  file->close();
  written_.push_back(full);
}

// One fsync waits for one journal commit of the file system; calls made side by side share it. Measured for 512
// images: 5.4 s one after the other, and as below 0.8 s.
void NewFolder::sync() const {
  constexpr std::size_t kSideBySide = 32;
  std::vector<std::future<void>> parts;
  for (std::size_t part = 0; part < kSideBySide; ++part)
    parts.push_back(std::async(std::launch::async, [this, part] {
      for (std::size_t i = part; i < written_.size(); i += kSideBySide) files_.sync_path(written_[i]);
    }));
  for (std::future<void>& part : parts) part.get();
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) files_.sync_path(*folder);
}

fs::path without_slash(const fs::path& folder) { return folder.has_filename() ? folder : folder.parent_path(); }

void write_new_folder(core::FileSystem& files, const fs::path& out, const std::function<void(NewFolder&)>& fill) {
  const fs::path target = without_slash(out);
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const fs::path temporary = core::temporary_beside(target);
  try {
    NewFolder folder(files, temporary);
    fill(folder);
    folder.sync();
    files.rename(temporary, target);
    files.sync_path(parent);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to report
    fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace resolute::datasets
