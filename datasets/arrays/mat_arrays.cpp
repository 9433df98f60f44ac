#include <fmt/format.h>
#include <matio.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "core/files/file_system.h"
#include "datasets/arrays/stored_array.h"
#include "datasets/hdf5/array_file.h"
#include "datasets/hdf5/library.h"

namespace resolute::datasets {
namespace {

// Version 7.3 is HDF5, which the library calls.
struct CloseMat {
  void operator()(mat_t* file) const {
    const hdf5::LibraryLock lock;
    Mat_Close(file);
  }
  void operator()(matvar_t* array) const {
    const hdf5::LibraryLock lock;
    Mat_VarFree(array);
  }
};
using Array = std::unique_ptr<matvar_t, CloseMat>;

// Not of text, structures, cells, sparse matrices and functions.
std::optional<ElementType> type_of(const matvar_t& array) {
  static const std::map<matio_classes, ElementType> kTypes = {
      {MAT_C_DOUBLE, {Number::kFloat, 8}},    {MAT_C_SINGLE, {Number::kFloat, 4}},
      {MAT_C_INT8, {Number::kSigned, 1}},     {MAT_C_INT16, {Number::kSigned, 2}},
      {MAT_C_INT32, {Number::kSigned, 4}},    {MAT_C_INT64, {Number::kSigned, 8}},
      {MAT_C_UINT8, {Number::kUnsigned, 1}},  {MAT_C_UINT16, {Number::kUnsigned, 2}},
      {MAT_C_UINT32, {Number::kUnsigned, 4}}, {MAT_C_UINT64, {Number::kUnsigned, 8}}};
  const auto found = kTypes.find(array.class_type);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

// Version 4 has no mark: a row of arrays, each five numbers, a name and elements. For a name the library
// takes whatever memory its length asks for, so each array is first held against the file. \throws RuntimeError
// (kInput)
void check_version_4(core::ReadableFile& file, const std::filesystem::path& path) {
  constexpr std::uint32_t kLargestType = 4052;
  constexpr std::array<std::uint64_t, 6> kElementBytes{8, 4, 4, 2, 2, 1};
  std::array<std::uint32_t, 5> header{};
  for (std::uint64_t at = 0; file.size() - at >= sizeof header;) {
    file.read_at(at, std::as_writable_bytes(std::span(header)));
    at += sizeof header;
    std::uint32_t type = header[0] <= kLargestType ? header[0] : __builtin_bswap32(header[0]);
    if (type > kLargestType) return;  // it is no array, which the library sees
    if (type / 1000 == 1)
      for (std::uint32_t& number : header) number = __builtin_bswap32(number);
    const std::uint64_t rows = header[1], columns = header[2], name = header[4];
    const std::uint64_t parts = header[3] != 0 && type % 10 != 2 ? 2 : 1;  // a sparse one has them in its columns
    const std::uint64_t left = file.size() - at, element = kElementBytes[std::min<std::uint32_t>(type / 10 % 10, 5)];
    // rows * columns does not overflow: each has 32 bits.
    if (name > left || rows * columns > (left - name) / element / parts)
      throw core::input_error(fmt::format("cannot read '{}'", path.string()),
                              fmt::format("an array of {}×{} and a name of {} bytes do not fit into the {} bytes left",
                                          rows, columns, name, left),
                              "it is cut off or damaged: write it again");
    at += name + rows * columns * element * parts;
  }
}

mat_t* open_file(core::ReadableFile& file, const std::filesystem::path& path) {
  if (mat_version(file) == 4) check_version_4(file, path);
  const hdf5::LibraryLock lock;
  return Mat_Open(path.c_str(), MAT_ACC_RDONLY);
}

// Version 7.3 is HDF5. The library leaves out an array that it does not understand, and those behind it.
std::vector<std::string> arrays_there(core::ReadableFile& file, const std::filesystem::path& path) {
  if (mat_version(file) != 7) return {};
  std::vector<std::string> names = ArrayFileReader(path).names();
  std::erase_if(names, [](const std::string& name) { return name.starts_with('#'); });  // MATLAB's own
  return names;
}

class MatArrays final : public StoredArrays {
 public:
  explicit MatArrays(const std::filesystem::path& path)
      : StoredArrays(path), bytes_(core::real_file_system().open_for_read(path)), file_bytes_(bytes_->size()) {
    const std::vector<std::string> there = arrays_there(*bytes_, path);  // HDF5 opens no file in two ways at once
    file_.reset(open_file(*bytes_, path));
    if (!file_) throw core::input_error(fmt::format("cannot read '{}'", path.string()), "it is no .mat file");
    const hdf5::LibraryLock lock;
    std::size_t count = 0;
    char** names = Mat_GetDir(file_.get(), &count);
    if (names == nullptr && count > 0)
      throw core::input_error(fmt::format("cannot read '{}'", path.string()), "its list of arrays is damaged");
    for (char* name : std::span(names, names == nullptr ? 0 : count)) {
      if (name == nullptr) continue;
      if (has(name))  // programs differ in which of two they take
        throw core::input_error(fmt::format("cannot read '{}'", path.string()),
                                fmt::format("'{}' is in it twice", name), "save the arrays anew");
      names_.emplace_back(name);
    }
    for (const std::string& name : there)
      if (!has(name))
        throw core::input_error(fmt::format("cannot read '{}'", path.string()),
                                fmt::format("'{}' is not written as MATLAB writes it, and hides others", name),
                                "leave it out, or save the arrays by -v7, as .npz or in a new HDF5 file");
  }
  bool has(const std::string& name) const override { return std::ranges::find(names_, name) != names_.end(); }

 protected:
  StoredArrayFacts facts_of(const std::string& name) const override { return facts_of(*header_of(name), name); }
  std::vector<std::byte> bytes_of(const std::string& name) const override {
    const hdf5::LibraryLock lock;
    const Array array = header_of(name);
    const std::uint64_t bytes = facts_of(*array, name).bytes();
    if (bytes > file_bytes_ * kMaxCompression)
      throw refusal(name, fmt::format("claims {} bytes", bytes), fmt::format("the file has {}", file_bytes_));
    if (bytes == 0) return {};
    if (Mat_VarReadDataAll(file_.get(), array.get()) != 0 || array->data == nullptr || array->nbytes != bytes)
      throw refusal(name, "does not read", "the file is damaged");
    const auto* from = static_cast<const std::byte*>(array->data);
    return {from, from + bytes};
  }

 private:
  Array header_of(const std::string& name) const {
    if (!has(name)) throw refusal(name, "is missing", "the file has no such array");
    const hdf5::LibraryLock lock;
    Array array(Mat_VarReadInfo(file_.get(), name.c_str()));
    if (!array) throw refusal(name, "does not read", "the file is damaged");
    return array;
  }
  StoredArrayFacts facts_of(const matvar_t& array, const std::string& name) const {
    const auto type = type_of(array);
    if (array.class_type == MAT_C_EMPTY)
      throw refusal(name, "has no class of MATLAB's", "it is not written as MATLAB writes it");
    if (!type || array.isComplex != 0)
      throw refusal(name, type ? "is complex" : "holds no numbers", "an array of real numbers is needed");
    return {*type, true, std::vector<std::uint64_t>(array.dims, array.dims + std::max(array.rank, 0))};
  }

  std::unique_ptr<core::ReadableFile> bytes_;
  std::uint64_t file_bytes_;
  std::unique_ptr<mat_t, CloseMat> file_;
  std::vector<std::string> names_;
};

}  // namespace

// 5 and later write it, and their byte order, into their head; 4 and before have no mark.
int mat_version(core::ReadableFile& file) {
  constexpr std::uint64_t kAt = 124;
  std::array<char, 4> mark{};
  if (file.size() < kAt + mark.size()) return 4;
  file.read_at(kAt, std::as_writable_bytes(std::span(mark)));
  const std::string_view text(mark.data(), mark.size());
  if (text == std::string_view("\0\2IM", 4) || text == std::string_view("\2\0MI", 4)) return 7;
  return text == std::string_view("\0\1IM", 4) || text == std::string_view("\1\0MI", 4) ? 5 : 4;
}

std::unique_ptr<NamedArrays> open_mat(const std::filesystem::path& path) { return std::make_unique<MatArrays>(path); }

}  // namespace resolute::datasets
