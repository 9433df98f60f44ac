#include <fmt/format.h>

#include <algorithm>

#include "core/files/zip_archive.h"
#include "datasets/arrays/stored_array.h"

namespace resolute::datasets {
namespace {

//! Arrays of `.npy` form, each in a file of its own.
class NpyArrays : public StoredArrays {
 public:
  using StoredArrays::StoredArrays;

 private:
  template <class Read>
  auto naming(const std::string& name, const Read& read) const {
    try {
      return read();
    } catch (const core::RuntimeError& error) {
      if (error.kind() == core::ErrorKind::kCorrupt) throw;  // it names the file
      throw error.at(fmt::format("{}, array '{}'", path().string(), name));
    }
  }
  static StoredArrayFacts read_header(core::ReadableFile& file, std::uint64_t& end) {
    std::vector<std::byte> bytes(std::min<std::uint64_t>(kNpyStart, file.size()));
    file.read_at(0, bytes);
    const std::size_t length = npy_header_length(bytes);
    if (length > file.size()) throw core::input_error("not a .npy array", "its header is not whole");
    bytes.resize(std::max(length, kNpyStart));
    file.read_at(kNpyStart, std::span(bytes).subspan(kNpyStart));
    StoredArrayFacts facts = parse_npy_header(bytes);
    end = bytes.size();
    if (file.size() - end != facts.bytes())
      throw core::input_error(fmt::format("it has {} bytes of elements", file.size() - end),
                              fmt::format("{} are in an array of its shape", facts.bytes()));
    return facts;
  }

 protected:
  //! \throws RuntimeError (kInput) where nothing of that name stands
  virtual std::unique_ptr<core::ReadableFile> open(const std::string& name) const = 0;

  StoredArrayFacts facts_of(const std::string& name) const override {
    std::uint64_t end = 0;
    return naming(name, [&] { return read_header(*open(name), end); });
  }
  std::vector<std::byte> bytes_of(const std::string& name) const override {
    return naming(name, [&] {
      const auto file = open(name);
      std::uint64_t at = 0;
      std::vector<std::byte> bytes(read_header(*file, at).bytes());
      file->read_at(at, bytes);
      return bytes;
    });
  }
};

class NpzArrays final : public NpyArrays {
 public:
  explicit NpzArrays(const std::filesystem::path& path)
      : NpyArrays(path),
        zip_(core::real_file_system().open_for_read(path), fmt::format("'{}'", path.string()), "save the arrays anew") {
    if (std::ranges::any_of(zip_.entries(), [](const auto& entry) { return entry.name.ends_with("/data.pkl"); }))
      throw pickle_refusal(path);
  }
  bool has(const std::string& name) const override { return place_of(name) < zip_.entries().size(); }

 protected:
  std::unique_ptr<core::ReadableFile> open(const std::string& name) const override {
    if (!has(name)) throw core::input_error("it is missing", "the file has no such array");
    return zip_.open(place_of(name));
  }

 private:
  std::size_t place_of(const std::string& name) const {
    const auto& entries = zip_.entries();
    const auto found = std::ranges::find(entries, name + ".npy", &core::ZipReader::Entry::name);
    return static_cast<std::size_t>(found - entries.begin());
  }

  core::ZipReader zip_;
};

class NpyFolder final : public NpyArrays {
 public:
  using NpyArrays::NpyArrays;
  // A link that leads nowhere is an array that does not read.
  bool has(const std::string& name) const override {
    return std::filesystem::exists(std::filesystem::symlink_status(path() / (name + ".npy")));
  }

 protected:
  std::unique_ptr<core::ReadableFile> open(const std::string& name) const override {
    return core::real_file_system().open_for_read(path() / (name + ".npy"));
  }
};

}  // namespace

core::RuntimeError pickle_refusal(const std::filesystem::path& path) {
  return core::input_error(fmt::format("'{}' is no HDF5 file but one as torch.save writes", path.string()),
                           "to read it is to run a program that is in it",
                           "write its arrays by numpy.savez (.npz) or as HDF5");
}

std::unique_ptr<NamedArrays> open_npz(const std::filesystem::path& path) { return std::make_unique<NpzArrays>(path); }

std::unique_ptr<NamedArrays> open_npy_folder(const std::filesystem::path& folder) {
  return std::make_unique<NpyFolder>(folder);
}

}  // namespace resolute::datasets
