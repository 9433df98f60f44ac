#include "datasets/arrays/named_arrays.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "datasets/arrays/mat_arrays.h"
#include "datasets/arrays/numpy_arrays.h"

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

// The files that torch.save writes: a ZIP file with a pickle in it, or, before 1.6, a pickle.
bool is_of_torch(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::array<char, 4> first{};
  std::ifstream file(path, std::ios::binary);
  if (!file.read(first.data(), first.size())) return false;
  const std::string_view bytes(first.data(), first.size());
  return bytes == std::string_view("PK\x03\x04", 4) || (bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5);
}

std::unique_ptr<NamedArrays> open_hdf5(const std::filesystem::path& path) {
  try {
    return std::make_unique<Hdf5Arrays>(path);
  } catch (const core::RuntimeError&) {
    if (!is_of_torch(path)) throw;
    throw core::input_error(fmt::format("'{}' is no HDF5 file but one as torch.save writes", path.string()),
                            "to read it is to run a program that is in it",
                            "write its arrays by numpy.savez (.npz) or as HDF5");
  }
}

}  // namespace

std::unique_ptr<FloatRows> NamedArrays::float32_rows(const std::string& name) const {
  return std::make_unique<RowsInMemory>(read_float32(name, 2));
}

std::unique_ptr<NamedArrays> open_named_arrays(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.extension() == ".npz") return open_npz(path);
  if (path.extension() == ".mat") return open_mat(path);
  if (path.extension() == ".npy")
    throw core::input_error(fmt::format("'{}' holds one array", path.string()), "a ranking needs several",
                            "name the folder in which they lie, each under its name, as query_features.npy");
  if (std::filesystem::is_directory(path, ignored)) return open_npy_folder(path);
  return open_hdf5(path);
}

}  // namespace resolute::datasets
