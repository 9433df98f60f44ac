#include "core/files/zip_archive.h"

#include <zip.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <mutex>
#include <set>
#include <utility>

#include "core/error.h"

namespace resolute::core {
namespace {

constexpr zip_uint16_t kDosMidnight = 0, kDosFirstOfJanuary1980 = 1 << 5 | 1;
constexpr zip_uint32_t kDeflateLevel = 6;
constexpr zip_uint16_t kPadding = 0x4246;  // torch.save's own extra field
constexpr std::size_t kLocalHeaderBytes = 30, kExtraHeaderBytes = 4;
constexpr zip_uint64_t kMostDeflated = 1100;              // to one byte; 1032 at most
constexpr zip_uint32_t kRegularFile644 = 0100644U << 16;  // else unpackers make files that anybody may write

}  // namespace

// The members of ZipReader::Archive have external linkage, else compilers complain.
struct ReleaseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_source_t* source) const { zip_source_free(source); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using ZipHandle = std::unique_ptr<zip_t, ReleaseZip>;

struct ZipError : zip_error_t {
  ZipError() { zip_error_init(this); }
  ~ZipError() { zip_error_fini(this); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
};

// A file as libzip reads it: an archive, or an entry of one that is written. Outlives the archive.
class ZipSource {
 public:
  ZipSource(std::uint64_t size, std::function<std::shared_ptr<ReadableFile>()> open)
      : size_(size), open_(std::move(open)) {}

  static zip_int64_t call(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    return static_cast<ZipSource*>(self)->answer(data, length, command);
  }
  std::uint64_t size() const { return size_; }
  // No exception may pass through libzip.
  void rethrow() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  zip_int64_t answer(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, -1);
      case ZIP_SOURCE_OPEN:
        at_ = 0;
        return guarded([&] {
          file_ = open_();
          return 0;
        });
      case ZIP_SOURCE_READ:
        return guarded([&] { return read({static_cast<std::byte*>(data), static_cast<std::size_t>(length)}); });
      case ZIP_SOURCE_SEEK: {
        const zip_int64_t to = zip_source_seek_compute_offset(at_, size_, data, length, &error_);
        if (to >= 0) at_ = static_cast<std::uint64_t>(to);
        return to < 0 ? -1 : 0;
      }
      case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(at_);
      case ZIP_SOURCE_STAT: {
        auto* stat = static_cast<zip_stat_t*>(data);
        zip_stat_init(stat);
        stat->size = size_;
        stat->valid |= ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
      }
      case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&error_, data, length);
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
      if (!failure_) failure_ = std::current_exception();
      zip_error_set(&error_, ZIP_ER_READ, 0);
      return -1;
    }
  }
  zip_int64_t read(std::span<std::byte> to) {
    const auto part = to.first(static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), size_ - at_)));
    file_->read_at(at_, part);
    at_ += part.size();
    return static_cast<zip_int64_t>(part.size());
  }

  std::uint64_t size_, at_ = 0;
  std::function<std::shared_ptr<ReadableFile>()> open_;
  std::shared_ptr<ReadableFile> file_;
  std::exception_ptr failure_;
  ZipError error_;
};

namespace {

[[noreturn]] void throw_zip_error(const std::string& problem, zip_error_t& error) {
  if (zip_error_system_type(&error) == ZIP_ET_SYS && zip_error_code_system(&error) != 0)
    throw system_error(problem, zip_error_code_system(&error));
  throw RuntimeError(ErrorKind::kEnvironment, problem, zip_error_strerror(&error));
}

void add_and_close(ZipHandle archive_of_caller, const std::string& problem, const std::vector<ZipEntry>& entries,
                   std::size_t alignment = 1) {
  std::deque<ZipSource> sources;
  ZipHandle archive = std::move(archive_of_caller);  // goes before the sources
  const auto check = [&](bool holds) {
    if (holds) return;
    for (ZipSource& source : sources) source.rethrow();
    throw_zip_error(problem, *zip_get_error(archive.get()));
  };
  std::uint64_t end = 0;  // of the entry before, where the archive is aligned
  for (const ZipEntry& entry : entries) {
    ZipSource& reader = sources.emplace_back(entry.size, entry.open);
    zip_source_t* source = zip_source_function(archive.get(), &ZipSource::call, &reader);
    check(source != nullptr);
    const zip_int64_t index = zip_file_add(archive.get(), entry.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);
    check(index >= 0);
    const auto place = static_cast<zip_uint64_t>(index);
    check(zip_set_file_compression(archive.get(), place, entry.deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                   entry.deflated ? kDeflateLevel : 0) == 0);
    check(zip_file_set_external_attributes(archive.get(), place, 0, ZIP_OPSYS_UNIX, kRegularFile644) == 0);
    check(zip_file_set_dostime(archive.get(), place, kDosMidnight, kDosFirstOfJanuary1980, 0) == 0);
    if (alignment == 1) continue;
    const std::uint64_t begin = end + kLocalHeaderBytes + entry.name.size() + kExtraHeaderBytes;
    const std::string padding((alignment - begin % alignment) % alignment, 'Z');
    check(zip_file_extra_field_set(archive.get(), place, kPadding, ZIP_EXTRA_FIELD_NEW,
                                   reinterpret_cast<const zip_uint8_t*>(padding.data()),
                                   static_cast<zip_uint16_t>(padding.size()), ZIP_FL_LOCAL) == 0);
    end = begin + padding.size() + entry.size;
  }
  check(zip_close(archive.get()) == 0);
  static_cast<void>(archive.release());
}

}  // namespace

ZipEntry stored_entry(std::string name, std::span<const std::byte> bytes) {
  return {name, bytes.size(), false, [name, bytes] { return open_in_memory(bytes, name); }};
}

void write_zip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries) {
  const std::string problem = fmt::format("cannot write '{}'", path.string());
  int code = 0;
  ZipHandle archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &code));
  if (!archive) {
    ZipError error;
    zip_error_init_with_code(&error, code);
    throw_zip_error(problem, error);
  }
  add_and_close(std::move(archive), problem, entries);
}

Bytes encode_zip(const std::vector<ZipEntry>& entries, std::size_t alignment) {
  RESOLUTE_EXPECT(!entries.empty(), "libzip writes no archive without entries");
  const std::string problem = "cannot make a ZIP archive in memory";
  ZipError error;
  const std::unique_ptr<zip_source_t, ReleaseZip> target(zip_source_buffer_create(nullptr, 0, 0, &error));
  ZipHandle archive(target ? zip_open_from_source(target.get(), ZIP_CREATE | ZIP_TRUNCATE, &error) : nullptr);
  if (!archive) throw_zip_error(problem, error);
  zip_source_keep(target.get());  // closing the archive gives up the other one
  add_and_close(std::move(archive), problem, entries, alignment);
  if (zip_source_open(target.get()) != 0 || zip_source_seek(target.get(), 0, SEEK_END) != 0)
    throw_zip_error(problem, *zip_source_error(target.get()));
  Bytes bytes(static_cast<std::size_t>(std::max<zip_int64_t>(zip_source_tell(target.get()), 0)));
  if (zip_source_seek(target.get(), 0, SEEK_SET) != 0 ||
      zip_source_read(target.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size()))
    throw_zip_error(problem, *zip_source_error(target.get()));
  return bytes;
}

struct ZipReader::Archive {
  explicit Archive(const std::shared_ptr<ReadableFile>& file) : source(file->size(), [file] { return file; }) {}
  ZipSource source;
  ZipHandle handle;  // goes before its source
  std::mutex guard;  // of the handle
};

ZipReader::ZipReader(std::unique_ptr<ReadableFile> file, std::string name, std::string advice)
    : name_(std::move(name)), advice_(std::move(advice)), archive_(std::make_unique<Archive>(std::move(file))) {
  ZipError error;
  zip_source_t* source = zip_source_function_create(&ZipSource::call, &archive_->source, &error);
  if (source != nullptr) archive_->handle.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  zip_t* archive = archive_->handle.get();
  if (archive == nullptr) {
    zip_source_free(source);
    archive_->source.rethrow();
    throw corrupt_error(fmt::format("{} is cut off or damaged", name_),
                        fmt::format("as a ZIP archive: {}", zip_error_strerror(&error)), advice_);
  }
  if (archive_->source.size() == 0)  // libzip takes no bytes for no entries
    throw corrupt_error(fmt::format("{} is cut off or damaged", name_), "as a ZIP archive: it is empty", advice_);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                   ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_CRC;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive, 0));
  std::set<std::string> names;  // readers differ in which of two they take
  for (zip_uint64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive, i, ZIP_FL_ENC_RAW, &stat) != 0 || (stat.valid & kNeeded) != kNeeded)
      throw corrupt_error(fmt::format("{} is damaged", name_),
                          fmt::format("its directory does not tell of entry {}", i), advice_);
    if (!names.insert(stat.name).second)
      throw corrupt_error(fmt::format("{} is damaged", name_), fmt::format("entry '{}' is in it twice", stat.name),
                          advice_);
    entries_.push_back(
        {stat.name, stat.size, stat.comp_size, stat.crc,
         stat.comp_method == ZIP_CM_STORE && stat.encryption_method == ZIP_EM_NONE && stat.comp_size == stat.size});
  }
}

ZipReader::~ZipReader() = default;

class ZipReader::OpenEntry final : public ReadableFile {
 public:
  OpenEntry(const ZipReader& zip, std::size_t index) : zip_(zip), entry_(zip.entries_.at(index)) {
    const std::lock_guard lock(zip.archive_->guard);
    file_.reset(zip_fopen_index(zip.archive_->handle.get(), index, 0));
    if (!file_) refuse(*zip_get_error(zip.archive_->handle.get()));
  }
  ~OpenEntry() override {
    const std::lock_guard lock(zip_.archive_->guard);
    file_.reset();
  }
  std::uint64_t size() const override { return entry_.size; }
  void read_at(std::uint64_t offset, std::span<std::byte> to) override {
    RESOLUTE_EXPECT(offset == at_, "parts of an entry are read in turn");
    const std::lock_guard lock(zip_.archive_->guard);
    at_ += to.size();
    std::byte beyond{};  // the read after the last compares the checksum
    if (zip_fread(file_.get(), to.data(), to.size()) != static_cast<zip_int64_t>(to.size()) ||
        (at_ >= entry_.size && zip_fread(file_.get(), &beyond, 1) != 0))
      refuse(*zip_file_get_error(file_.get()));
  }

 private:
  [[noreturn]] void refuse(zip_error_t& error) const {
    zip_.archive_->source.rethrow();
    const int code = zip_error_code_zip(&error);
    throw zip_.damaged(entry_, code == ZIP_ER_CRC  ? "its checksum differs"
                               : code == ZIP_ER_OK ? "its end is not where it says"
                                                   : zip_error_strerror(&error));
  }

  const ZipReader& zip_;
  const Entry& entry_;
  std::unique_ptr<zip_file_t, ReleaseZip> file_;
  std::uint64_t at_ = 0;
};

RuntimeError ZipReader::damaged(const Entry& entry, std::string_view why) const {
  return corrupt_error(fmt::format("{}: entry '{}' is damaged", name_, entry.name), why, advice_);
}

// Before it takes memory.
void ZipReader::check_claim(const Entry& entry) const {
  if (entry.packed > archive_->source.size() || entry.size / kMostDeflated > entry.packed)
    throw damaged(entry, fmt::format("it claims {} bytes, more than the file can hold", entry.size));
}

std::unique_ptr<ReadableFile> ZipReader::open(std::size_t index) const {
  check_claim(entries_.at(index));
  return std::make_unique<OpenEntry>(*this, index);
}

Bytes ZipReader::read(std::size_t index, bool zero_is_none) const {
  const Entry& entry = entries_.at(index);
  if (!entry.stored)
    throw input_error(fmt::format("{}: entry '{}' is compressed", name_, entry.name),
                      "entries that are stored as they are can be read", "write the archive anew without compression");
  check_claim(entry);
  Bytes bytes(static_cast<std::size_t>(entry.size));
  if (!zero_is_none || entry.checksum != 0 || entry.size == 0) {
    OpenEntry(*this, index).read_at(0, bytes);
    return bytes;
  }
  // libzip compares no checksum of a part of an entry, however long.
  const std::lock_guard lock(archive_->guard);
  const std::unique_ptr<zip_source_t, ReleaseZip> part(zip_source_zip(
      archive_->handle.get(), archive_->handle.get(), index, 0, 0, static_cast<zip_int64_t>(entry.size)));
  const bool is_read =
      part && zip_source_open(part.get()) == 0 &&
      zip_source_read(part.get(), bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size());
  archive_->source.rethrow();
  if (!is_read) throw damaged(entry, "it ends early");
  return bytes;
}

}  // namespace resolute::core
