#include "datasets/arrays/numpy_arrays.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>

#include "core/files/file_system.h"

namespace resolute::datasets {
namespace {

//! Bytes from the first on.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual std::uint64_t size() const = 0;
  virtual void read(std::span<std::byte> to) = 0;  //!< the next so many \throws RuntimeError where they end before
};

class FileStream final : public Stream {
 public:
  explicit FileStream(const std::filesystem::path& path) : file_(core::real_file_system().open_for_read(path)) {}
  std::uint64_t size() const override { return file_->size(); }
  void read(std::span<std::byte> to) override {
    file_->read_at(at_, to);
    at_ += to.size();
  }

 private:
  std::unique_ptr<core::ReadableFile> file_;
  std::uint64_t at_ = 0;
};

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

class ZipStream final : public Stream {
 public:
  ZipStream(zip_t* archive, const zip_stat_t& stat)
      : entry_(zip_fopen_index(archive, stat.index, 0)), size_(stat.size) {
    if (!entry_) throw core::input_error("it does not open", zip_strerror(archive));
  }
  std::uint64_t size() const override { return size_; }
  void read(std::span<std::byte> to) override {
    read_ += to.size();
    while (!to.empty()) {
      const auto got = zip_fread(entry_.get(), to.data(), to.size());
      if (got < 0) throw core::input_error("it does not read", zip_file_strerror(entry_.get()));
      if (got == 0) throw core::input_error("it does not read", "it ends early");
      to = to.subspan(static_cast<std::size_t>(got));
    }
    if (read_ < size_) return;
    // The read after the last compares the checksum; what is damaged may also go on.
    std::byte beyond{};
    const auto more = zip_fread(entry_.get(), &beyond, 1);
    if (more != 0)
      throw core::input_error("it does not read", more < 0 ? zip_file_strerror(entry_.get()) : "it does not end");
  }

 private:
  std::unique_ptr<zip_file_t, CloseZip> entry_;
  std::uint64_t size_, read_ = 0;
};

//! Arrays of `.npy` form, each in a stream of its own.
class NpyArrays : public StoredArrays {
 public:
  using StoredArrays::StoredArrays;

 private:
  template <class Read>
  auto naming(const std::string& name, const Read& read) const {
    try {
      return read();
    } catch (const core::RuntimeError& error) {
      throw error.at(fmt::format("{}, array '{}'", path().string(), name));
    }
  }
  static StoredArrayFacts read_header(Stream& stream) {
    std::vector<std::byte> bytes(std::min<std::uint64_t>(kNpyStart, stream.size()));
    stream.read(bytes);
    const std::size_t length = npy_header_length(bytes);
    if (length > stream.size()) throw core::input_error("not a .npy array", "its header is not whole");
    bytes.resize(std::max(length, kNpyStart));
    stream.read(std::span(bytes).subspan(kNpyStart));
    StoredArrayFacts facts = parse_npy_header(bytes);
    if (stream.size() - bytes.size() != facts.bytes())
      throw core::input_error(fmt::format("it has {} bytes of elements", stream.size() - bytes.size()),
                              fmt::format("{} are in an array of its shape", facts.bytes()));
    return facts;
  }

 protected:
  //! \throws RuntimeError (kInput) where nothing of that name stands
  virtual std::unique_ptr<Stream> open(const std::string& name) const = 0;

  StoredArrayFacts facts_of(const std::string& name) const override {
    return naming(name, [&] { return read_header(*open(name)); });
  }
  std::vector<std::byte> bytes_of(const std::string& name) const override {
    return naming(name, [&] {
      const auto stream = open(name);
      std::vector<std::byte> bytes(read_header(*stream).bytes());
      stream->read(bytes);
      return bytes;
    });
  }
};

class NpzArrays final : public NpyArrays {
 public:
  explicit NpzArrays(const std::filesystem::path& path)
      : NpyArrays(path), file_bytes_(core::real_file_system().open_for_read(path)->size()) {
    int code = 0;
    archive_.reset(zip_open(path.c_str(), ZIP_RDONLY, &code));
    if (!archive_) {
      zip_error_t error;
      zip_error_init_with_code(&error, code);
      const std::string why = zip_error_strerror(&error);
      zip_error_fini(&error);
      throw core::input_error(fmt::format("cannot read '{}'", path.string()), "as a .npz file: " + why);
    }
    std::vector<std::string> names;
    const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive_.get(), 0));
    for (zip_uint64_t i = 0; i < count; ++i)
      if (const char* name = zip_get_name(archive_.get(), i, 0)) names.emplace_back(name);
    refuse_doubles(std::move(names));
  }
  bool has(const std::string& name) const override {
    return zip_name_locate(archive_.get(), (name + ".npy").c_str(), 0) >= 0;
  }

 protected:
  std::unique_ptr<Stream> open(const std::string& name) const override {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat(archive_.get(), (name + ".npy").c_str(), 0, &stat) != 0)
      throw core::input_error("it is missing", zip_strerror(archive_.get()));
    // An archive that is written in a stream has no size in front; the directory at the end has it.
    constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_INDEX;
    if ((stat.valid & kNeeded) != kNeeded) throw core::input_error("it does not open", "its size is not told");
    if (stat.comp_size > file_bytes_ || stat.size / kMaxCompression > stat.comp_size)
      throw core::input_error(fmt::format("it claims {} bytes", stat.size),
                              fmt::format("the file holds {} for it", std::min(stat.comp_size, file_bytes_)));
    return std::make_unique<ZipStream>(archive_.get(), stat);
  }

 private:
  std::uint64_t file_bytes_;
  std::unique_ptr<zip_t, CloseZip> archive_;
};

class NpyFolder final : public NpyArrays {
 public:
  using NpyArrays::NpyArrays;
  bool has(const std::string& name) const override { return core::real_file_system().exists(path() / (name + ".npy")); }

 protected:
  std::unique_ptr<Stream> open(const std::string& name) const override {
    return std::make_unique<FileStream>(path() / (name + ".npy"));
  }
};

}  // namespace

std::unique_ptr<NamedArrays> open_npz(const std::filesystem::path& path) { return std::make_unique<NpzArrays>(path); }

std::unique_ptr<NamedArrays> open_npy_folder(const std::filesystem::path& folder) {
  return std::make_unique<NpyFolder>(folder);
}

}  // namespace resolute::datasets
