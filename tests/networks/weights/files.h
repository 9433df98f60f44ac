#pragma once
//! \file
//! The weight files in tests/golden/weights and the tensors that stand in them.

#include <functional>
#include <string>

#include "core/files/file_system.h"
#include "core/files/zip_archive.h"
#include "networks/weights/torch_file.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"

namespace resolute::networks::network_tests {

//! Multiples of 1/64, exact in every floating type, as values() of tests/golden/weights/make_goldens.py has them.
inline at::Tensor values(std::int64_t count, std::int64_t salt) {
  return ((at::arange(count, at::kLong) * 37 + salt).remainder(101) - 50).to(at::kFloat) / 64;
}

inline std::filesystem::path golden_file(const std::string& name) {
  return tests::source_folder() / "tests/golden/weights" / name;
}

inline core::Bytes golden_bytes(const std::string& name) { return core::real_file_system().read(golden_file(name)); }

//! Of an archive: the pickle, in files of torch.save.
inline core::Bytes first_entry(std::span<const std::byte> archive) {
  return core::ZipReader(core::open_in_memory(archive, "file"), "file", "").read(0);
}

//! The golden files' tensor of resnet-small called `name`.
inline at::Tensor trunk_tensor(const std::string& name, at::IntArrayRef shape) {
  at::Tensor flat = values(4096, 9);
  if (name.ends_with("running_var")) flat = flat.abs() + 0.5;
  std::int64_t offset = 0;
  for (char letter : name) offset += static_cast<unsigned char>(letter);
  const std::vector<std::int64_t> strides =
      shape.size() == 4 ? std::vector<std::int64_t>{7, 5, 3, 1} : std::vector<std::int64_t>{1};
  return flat.as_strided(shape, strides, offset % 1000).contiguous();
}

//! The message that `action` is refused with; "accepted" if it is not.
inline std::string refusal(const std::function<void()>& action) {
  const auto error = tests::error_of(action);
  return error ? error->what() : "accepted";
}

//! Runs `read` on damaged copies: cut at every length, and every byte replaced by each of a few others. Anything but a
//! RuntimeError (another exception, a crash, a sanitizer's finding) fails the test. \return how many were accepted
inline std::size_t survive_damage(core::Bytes bytes, const std::function<void(std::span<const std::byte>)>& read,
                                  std::size_t stride = 1) {
  std::size_t accepted = 0;
  const auto attempt = [&](std::span<const std::byte> damaged) {
    accepted += tests::error_of([&] { read(damaged); }) ? 0 : 1;
  };
  // A copy of its own for each length, so that a read past the end is one past a block of memory.
  for (std::size_t length = 0; length < bytes.size(); length += stride)
    attempt(core::Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)));
  for (std::size_t at = 0; at < bytes.size(); at += stride) {
    const std::byte before = bytes[at];
    for (unsigned value : {0x00U, 0xFFU, 0x80U, static_cast<unsigned>(before) ^ 1U, static_cast<unsigned>('R'),
                           static_cast<unsigned>('('), static_cast<unsigned>('h')}) {
      bytes[at] = static_cast<std::byte>(value);
      attempt(bytes);
    }
    bytes[at] = before;
  }
  return accepted;
}

}  // namespace resolute::networks::network_tests
