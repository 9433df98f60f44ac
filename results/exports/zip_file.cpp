#include "results/exports/zip_file.h"

#include <zip.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>

#include "core/error.h"
#include "core/hash/sha256.h"

namespace resolute::results {
namespace {

constexpr zip_uint16_t kDosMidnight = 0, kDosFirstOfJanuary1980 = 1 << 5 | 1;
constexpr zip_uint32_t kDeflateLevel = 6;
constexpr zip_uint32_t kRegularFile644 = 0100644U << 16;  // else unpackers make files that anybody may write

struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};

// What all entries of an archive share while it is written.
struct ZipProgress {
  std::exception_ptr failure;  // of whoever read an entry: no exception may pass through libzip
  std::uint64_t bytes = 0;
  const std::function<void(std::uint64_t)>& report;
};

// An entry as libzip reads it. Lives until the archive is closed or discarded.
class EntryReader {
 public:
  EntryReader(const ZipEntry& entry, ZipProgress& progress) : entry_(entry), progress_(progress) {}

  static zip_int64_t call(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    return static_cast<EntryReader*>(self)->answer(data, length, command);
  }

 private:
  zip_int64_t answer(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, -1);
      case ZIP_SOURCE_OPEN:
        return guarded([&] { return open(); });
      case ZIP_SOURCE_READ:
        return guarded([&] { return read({static_cast<std::byte*>(data), length}); });
      case ZIP_SOURCE_STAT: {
        auto* stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->size = entry_.size;
        stat->valid |= ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
      }
      case ZIP_SOURCE_ERROR: {
        zip_error_t error;
        zip_error_init_with_code(&error, ZIP_ER_READ);
        const zip_int64_t told = zip_error_to_data(&error, data, length);
        zip_error_fini(&error);
        return told;
      }
      case ZIP_SOURCE_CLOSE:
        file_.reset();
        return 0;
      case ZIP_SOURCE_FREE:
        return 0;
      default:
        return -1;
    }
  }

  zip_int64_t guarded(const auto& call) {
    try {
      return call();
    } catch (...) {
      if (!progress_.failure) progress_.failure = std::current_exception();
      return -1;
    }
  }
  zip_int64_t open() {
    file_ = entry_.open();
    if (file_->size() != entry_.size) throw changed();
    hash_.emplace();
    at_ = 0;
    checked_ = false;
    return 0;
  }
  zip_int64_t read(std::span<std::byte> to) {
    const auto part = to.first(static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), entry_.size - at_)));
    file_->read_at(at_, part);
    hash_->update(part);
    at_ += part.size();
    if (at_ == entry_.size && !checked_) {
      checked_ = true;
      if (hash_->finish_hex() != entry_.sha256) throw changed();
    }
    progress_.bytes += part.size();
    if (progress_.report) progress_.report(progress_.bytes);
    return static_cast<zip_int64_t>(part.size());
  }
  core::RuntimeError changed() const {
    return core::corrupt_error(fmt::format("'{}' does not have the bytes that the store recorded", entry_.name),
                               fmt::format("it should have {} bytes and the SHA-256 {}", entry_.size, entry_.sha256),
                               "remove the job's result.json and run the suite again");
  }

  const ZipEntry& entry_;
  ZipProgress& progress_;
  std::unique_ptr<core::ReadableFile> file_;
  std::optional<core::Sha256> hash_;
  std::uint64_t at_ = 0;
  bool checked_ = false;
};

[[noreturn]] void throw_zip_error(const std::filesystem::path& path, zip_error_t& error) {
  const std::string problem = fmt::format("cannot write '{}'", path.string());
  if (zip_error_system_type(&error) == ZIP_ET_SYS && zip_error_code_system(&error) != 0)
    throw core::system_error(problem, zip_error_code_system(&error));
  throw core::RuntimeError(core::ErrorKind::kEnvironment, problem, zip_error_strerror(&error));
}

}  // namespace

void write_zip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries,
               const std::function<void(std::uint64_t)>& progress) {
  ZipProgress shared{nullptr, 0, progress};
  std::deque<EntryReader> readers;
  int code = 0;
  std::unique_ptr<zip_t, DiscardArchive> archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    throw_zip_error(path, error);
  }
  const auto check = [&](bool holds) {
    if (!holds) throw_zip_error(path, *zip_get_error(archive.get()));
  };
  for (const ZipEntry& entry : entries) {
    EntryReader& reader = readers.emplace_back(entry, shared);
    zip_source_t* source = zip_source_function(archive.get(), &EntryReader::call, &reader);
    check(source != nullptr);
    const zip_int64_t index = zip_file_add(archive.get(), entry.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);
    check(index >= 0);
    const auto place = static_cast<zip_uint64_t>(index);
    check(zip_set_file_compression(archive.get(), place, entry.deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                   entry.deflated ? kDeflateLevel : 0) == 0);
    check(zip_file_set_external_attributes(archive.get(), place, 0, ZIP_OPSYS_UNIX, kRegularFile644) == 0);
    check(zip_file_set_dostime(archive.get(), place, kDosMidnight, kDosFirstOfJanuary1980, 0) == 0);
  }
  if (zip_close(archive.get()) != 0) {
    if (shared.failure) std::rethrow_exception(shared.failure);
    throw_zip_error(path, *zip_get_error(archive.get()));
  }
  static_cast<void>(archive.release());
}

}  // namespace resolute::results
