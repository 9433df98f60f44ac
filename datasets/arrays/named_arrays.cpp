#include "datasets/arrays/named_arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"
#include "datasets/arrays/stored_array.h"

namespace resolute::datasets {
namespace {

class RowsInMemory final : public FloatRows {
 public:
  explicit RowsInMemory(NamedArray<float> array) : array_(std::move(array)) {}
  std::uint64_t rows() const override { return array_.shape[0]; }
  std::uint64_t width() const override { return array_.shape[1]; }
  std::span<const float> read(std::uint64_t first, std::uint64_t count) override {
    return std::span(array_.values).subspan(first * width(), count * width());
  }

 private:
  NamedArray<float> array_;
};

class Hdf5Rows final : public FloatRows {
 public:
  Hdf5Rows(const ArrayFileReader& file, std::string name)
      : file_(file), name_(std::move(name)), shape_(file.shape_of_floats(name_)) {}
  std::uint64_t rows() const override { return shape_[0]; }
  std::uint64_t width() const override { return shape_[1]; }
  std::span<const float> read(std::uint64_t first, std::uint64_t count) override {
    const std::uint64_t size = count * width();
    const auto has = [&](const Some& some) { return some.first == first && some.values.size() == size; };
    Some& last = read_[0];
    if (has(last)) return last.values;
    std::swap(last, read_[1]);  // what was given out last stays, whether it was read then or before
    if (has(last)) return last.values;
    last.values.resize(size);
    file_.read_float32_rows(name_, first, last.values);
    last.first = first;
    return last.values;
  }

 private:
  struct Some {
    std::uint64_t first = 0;
    std::vector<float> values;
  };

  const ArrayFileReader& file_;
  std::string name_;
  std::vector<std::uint64_t> shape_;
  std::array<Some, 2> read_;  // the last ones, the very last first
};

class Hdf5Arrays final : public NamedArrays {
 public:
  explicit Hdf5Arrays(const std::filesystem::path& path) : file_(path) {}
  bool has(const std::string& name) const override { return file_.has(name); }
  NamedArray<float> read_float32(const std::string& name, std::size_t rank) const override {
    return file_.read_float32(name, rank);
  }
  std::unique_ptr<FloatRows> float32_rows(const std::string& name) const override {
    return std::make_unique<Hdf5Rows>(file_, name);
  }
  NamedArray<double> read_float64(const std::string& name, std::size_t rank) const override {
    return file_.read_float64(name, rank);
  }
  bool is_float64(const std::string& name) const override { return file_.is_float64(name); }
  NamedArray<std::int64_t> read_int64(const std::string& name, std::size_t rank) const override {
    return file_.read_int64(name, rank);
  }

 private:
  ArrayFileReader file_;
};

enum class Format { kFolder, kHdf5, kMat, kNpy, kNpz, kPickle };

// By the first bytes: programs write one format under the ending of another. The ending tells of what has no mark of
// its own, as MATLAB's version 4, and of a damaged file.
Format format_of(const std::filesystem::path& path) {
  using namespace std::string_view_literals;
  constexpr auto kHdf5 = "\x89HDF\r\n\x1a\n"sv;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return Format::kFolder;
  if (!std::filesystem::is_regular_file(path, ignored)) return Format::kHdf5;  // to open a pipe would wait for ever
  const auto file = core::real_file_system().open_for_read(path);
  const auto has = [&](std::string_view mark, std::uint64_t at) {
    std::array<char, 8> bytes{};
    if (file->size() < at + mark.size()) return false;
    file->read_at(at, std::as_writable_bytes(std::span(bytes.data(), mark.size())));
    return std::string_view(bytes.data(), mark.size()) == mark;
  };
  if (has("PK\x03\x04"sv, 0)) return Format::kNpz;
  if (has("\x93NUMPY"sv, 0)) return Format::kNpy;
  if (has(kHdf5, 0)) return Format::kHdf5;
  if (mat_version(*file) > 4) return Format::kMat;
  for (std::uint64_t at = 512; at < file->size(); at *= 2)  // behind a block of the program that wrote the file
    if (has(kHdf5, at)) return Format::kHdf5;
  for (const std::string_view protocol : {"\x80\x02"sv, "\x80\x03"sv, "\x80\x04"sv, "\x80\x05"sv})
    if (has(protocol, 0)) return Format::kPickle;
  std::string begin(std::min<std::uint64_t>(file->size(), 64), '\0');
  file->read_at(0, std::as_writable_bytes(std::span(begin)));
  core::refuse_undelivered(begin, fmt::format("'{}'", path.string()));
  const std::filesystem::path ending = path.extension();
  return ending == ".npz"   ? Format::kNpz
         : ending == ".npy" ? Format::kNpy
         : ending == ".mat" ? Format::kMat
                            : Format::kHdf5;
}

}  // namespace

std::unique_ptr<FloatRows> NamedArrays::float32_rows(const std::string& name) const {
  return std::make_unique<RowsInMemory>(read_float32(name, 2));
}

std::unique_ptr<NamedArrays> open_named_arrays(const std::filesystem::path& path) {
  switch (format_of(path)) {
    case Format::kFolder:
      return open_npy_folder(path);
    case Format::kNpz:
      return open_npz(path);
    case Format::kMat:
      return open_mat(path);
    case Format::kNpy:
      throw core::input_error(fmt::format("'{}' holds one array", path.string()), "a ranking needs several",
                              "name the folder in which they lie, each under its name, as query_features.npy");
    case Format::kPickle:
      throw pickle_refusal(path);
    case Format::kHdf5:
      break;
  }
  return std::make_unique<Hdf5Arrays>(path);
}

}  // namespace resolute::datasets
