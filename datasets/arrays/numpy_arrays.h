#pragma once
//! \file
//! Internal to datasets/arrays: NumPy's `.npz` and folders of `.npy` (numpy.lib.format, versions 1.0 to 3.0).

#include <cstddef>
#include <span>

#include "datasets/arrays/stored_array.h"

namespace resolute::datasets {

//! Bytes from which a header's length can be told.
constexpr std::size_t kNpyStart = 12;

//! \param start kNpyStart bytes or more \return bytes up to the first element \throws RuntimeError (kInput)
std::size_t npy_header_length(std::span<const std::byte> start);

//! \param bytes npy_header_length() of them \throws RuntimeError (kInput) for what is no header, and for objects, text,
//! records and complex numbers
StoredArrayFacts parse_npy_header(std::span<const std::byte> bytes);

//! The error about a file as torch.save writes: a pickle, or an archive with one.
core::RuntimeError pickle_refusal(const std::filesystem::path& path);
std::unique_ptr<NamedArrays> open_npz(const std::filesystem::path& path);
std::unique_ptr<NamedArrays> open_npy_folder(const std::filesystem::path& folder);

}  // namespace resolute::datasets
