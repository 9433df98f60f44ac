#pragma once
//! \file
//! Small files of finished jobs, many in one file: `STORE/bundles/SUITE-NNNNNN`, made by `resolute suite compact`
//! (operations/space/compact.h). A stored ZIP archive: docs/inside/formats/bundle.md.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/files/zip_archive.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! One file of a job.
struct BundledFile {
  std::string name;  //!< relative to the job's folder: "attempts/001/stdout"
  core::Bytes bytes;
  bool operator==(const BundledFile&) const = default;
};
struct BundledJob {
  JobId job;
  std::string result_sha256;  //!< of the result.json that the job had
  std::vector<BundledFile> files;
  bool operator==(const BundledJob&) const = default;
};

//! Tells whether a file may go by this name in a bundle: relative, without "..", at most 255 bytes of UTF-8, no control
//! characters.
bool is_bundled_name(const std::string& name);

//! A bundle's bytes. \param jobs their files' names are is_bundled_name(), each once in its job; a job without any is
//! left out
core::Bytes encode_bundle(const std::vector<BundledJob>& jobs);
//! The place of a job's files in a bundle.
struct BundleEntry {
  struct File {
    std::string name;
    std::size_t place = 0;  //!< in the archive
    std::uint64_t size = 0;
  };
  JobId job;
  std::string result_sha256;
  std::vector<File> files;
};

//! A bundle that is read in parts. Any thread.
class Bundle {
 public:
  //! Reads its directory and its list. \throws RuntimeError: kCorrupt for a damaged one; kInput for one whose list has
  //! another schema or grammar, and for one made before 0.1.0
  Bundle(core::FileSystem& files, std::filesystem::path path);
  const std::filesystem::path& path() const { return path_; }
  const std::vector<BundleEntry>& entries() const { return entries_; }
  //! \throws RuntimeError (kCorrupt) if its checksum differs
  core::Bytes read(const BundleEntry::File& file) const { return zip_.read(file.place); }

 private:
  void read_list(const std::vector<core::Json>& jobs);

  std::filesystem::path path_;
  core::ZipReader zip_;
  std::vector<BundleEntry> entries_;
};

std::filesystem::path bundles_folder(const StoreLayout& store);
//! A suite's, or every suite's, sorted by suite and number.
std::vector<std::filesystem::path> bundle_files(core::FileSystem& files, const StoreLayout& store,
                                                const std::optional<std::string>& suite = std::nullopt);
//! Publishes bytes as the suite's next bundle. \return its path
std::filesystem::path publish_bundle(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                                     std::span<const std::byte> bytes);

//! A file system in which bundled files stand where they stood: for whoever reads what finished jobs left behind. A
//! file that is really there comes first. A job's bundled files count while its result.json is the one that it was
//! bundled with; a bundle that cannot be read is left out with a warning. Bundles are looked for once, at the first
//! file of a job that is missing. Writing goes to the file system beneath. Any thread.
class BundledFiles final : public core::FileSystem {
 public:
  BundledFiles(core::FileSystem& files, StoreLayout store) : files_(files), store_(std::move(store)) {}

  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    return files_.open_for_write(path, mode);
  }
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override;
  std::unique_ptr<core::ReadableFile> open_for_read(const std::filesystem::path& path) override;
  bool exists(const std::filesystem::path& path) override;
  std::vector<std::string> list(const std::filesystem::path& folder) override;
  bool make_folder(const std::filesystem::path& folder) override { return files_.make_folder(folder); }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override { files_.rename(from, to); }
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return files_.link(from, to);
  }
  void remove(const std::filesystem::path& path) override { files_.remove(path); }
  bool remove_folder(const std::filesystem::path& folder) override { return files_.remove_folder(folder); }
  void sync_path(const std::filesystem::path& path) override { files_.sync_path(path); }

 private:
  struct Place {
    const Bundle* bundle;
    const BundleEntry::File* file;
  };
  using Places = std::map<std::string, Place>;  // by name in the job's folder
  struct Found {
    const Places* places = nullptr;  // of a job that has bundled files
    std::string name;                // below its folder
  };
  Found find(const std::filesystem::path& path);
  void look_for_bundles();
  const Places& places_of(const std::string& job);

  core::FileSystem& files_;
  StoreLayout store_;
  std::mutex guard_;  // of what follows
  bool looked_ = false;
  std::vector<std::unique_ptr<Bundle>> bundles_;
  std::map<std::string, std::vector<std::pair<const Bundle*, const BundleEntry*>>> entries_;  // by job
  std::map<std::string, Places> places_;  // by job, of those that were asked for
};

}  // namespace resolute::experiments
