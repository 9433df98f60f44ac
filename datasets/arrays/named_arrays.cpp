#include "datasets/arrays/named_arrays.h"

#include <fmt/format.h>

#include "datasets/arrays/mat_arrays.h"
#include "datasets/arrays/numpy_arrays.h"

namespace resolute::datasets {
namespace {

class Hdf5Arrays final : public NamedArrays {
 public:
  explicit Hdf5Arrays(const std::filesystem::path& path) : file_(path) {}
  bool has(const std::string& name) const override { return file_.has(name); }
  NamedArray<float> read_float32(const std::string& name, std::size_t rank) const override {
    return file_.read_float32(name, rank);
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

}  // namespace

std::unique_ptr<NamedArrays> open_named_arrays(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.extension() == ".npz") return open_npz(path);
  if (path.extension() == ".mat") return open_mat(path);
  if (path.extension() == ".npy")
    throw core::input_error(fmt::format("'{}' holds one array", path.string()), "a ranking needs several",
                            "name the folder in which they lie, each under its name, as query_features.npy");
  if (std::filesystem::is_directory(path, ignored)) return open_npy_folder(path);
  return std::make_unique<Hdf5Arrays>(path);
}

}  // namespace resolute::datasets
