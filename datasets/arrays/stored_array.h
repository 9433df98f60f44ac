#pragma once
//! \file
//! Internal to datasets/arrays: an array as a file holds it, the numbers that it stands for, and the files that hold
//! some.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/arrays/named_arrays.h"

namespace resolute::datasets {

enum class Number { kFloat, kSigned, kUnsigned };

struct ElementType {
  Number number = Number::kFloat;
  std::size_t bytes = 4;  //!< 2, 4 or 8 of a float; 1, 2, 4 or 8 of an integer
  bool big_endian = false;
};

//! Facts that a file states of an array before its elements are read.
struct StoredArrayFacts {
  ElementType type;
  bool column_major = false;  //!< the first index runs fastest
  std::vector<std::uint64_t> shape;

  std::uint64_t elements() const;  //!< \throws RuntimeError (kInput) over 2^48
  std::uint64_t bytes() const { return elements() * type.bytes; }
};

//! Reads through what a format finds under a name.
class StoredArrays : public NamedArrays {
 public:
  explicit StoredArrays(std::filesystem::path path) : path_(std::move(path)) {}
  NamedArray<float> read_float32(const std::string& name, std::size_t rank) const override;
  NamedArray<double> read_float64(const std::string& name, std::size_t rank) const override;
  bool is_float64(const std::string& name) const override;
  NamedArray<std::int64_t> read_int64(const std::string& name, std::size_t rank) const override;

 protected:
  const std::filesystem::path& path() const { return path_; }
  //! \throws RuntimeError (kInput) where nothing of that name stands or its elements are no real numbers
  virtual StoredArrayFacts facts_of(const std::string& name) const = 0;
  //! Their number is that of facts_of().
  virtual std::vector<std::byte> bytes_of(const std::string& name) const = 0;
  //! An error about one array of the file.
  core::RuntimeError refusal(const std::string& name, const std::string& problem, const std::string& why) const;

 private:
  template <class T>
  NamedArray<T> read(const std::string& name, std::size_t rank) const;

  std::filesystem::path path_;
};

//! Bytes from which a header's length can be told.
constexpr std::size_t kNpyStart = 12;

//! \param start kNpyStart bytes or more \return bytes up to the first element \throws RuntimeError (kInput)
std::size_t npy_header_length(std::span<const std::byte> start);

//! \param bytes npy_header_length() of them \throws RuntimeError (kInput) for what is no header, and for objects, text,
//! records and complex numbers
StoredArrayFacts parse_npy_header(std::span<const std::byte> bytes);

//! The error about a file as torch.save writes: a pickle, or an archive with one.
core::RuntimeError pickle_refusal(const std::filesystem::path& path);
//! NumPy's `.npz` and folders of `.npy` (numpy.lib.format, versions 1.0 to 3.0).
std::unique_ptr<NamedArrays> open_npz(const std::filesystem::path& path);
std::unique_ptr<NamedArrays> open_npy_folder(const std::filesystem::path& folder);

//! 7 of version 7.3, which is HDF5 with a head of MATLAB's, and 5; 4 of older ones and of all other files.
int mat_version(core::ReadableFile& file);

//! MATLAB's `.mat`, versions 4, 5 (SciPy's) and 7.3. \throws RuntimeError (kInput) for what is no such file
std::unique_ptr<NamedArrays> open_mat(const std::filesystem::path& path);

}  // namespace resolute::datasets
