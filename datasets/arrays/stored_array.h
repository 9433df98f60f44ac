#pragma once
//! \file
//! Internal to datasets/arrays: an array as a file holds it, and the numbers that it stands for.

#include <cstddef>
#include <cstdint>
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

}  // namespace resolute::datasets
