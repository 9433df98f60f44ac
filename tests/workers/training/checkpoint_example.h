#pragma once
//! \file
//! Small checkpoints and a folder for the tests of checkpoints.

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/hash/crc32c.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"
#include "tests/workers/training/checkpoint_bytes.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {

inline const CheckpointOwner kOwner{std::string(64, 'a'), "device=cpu threads=1"};

//! Two tensors whose values depend on the step.
inline Checkpoint example(std::uint64_t step) {
  return {step,
          0.1 + static_cast<double>(step),
          {{"model.w", at::arange(6, at::kFloat) + static_cast<double>(step)},
           {"optimiser.g.steps", at::full({1}, 3, at::kLong)}}};
}

//! The same values in 300 KB: a header of some kilobytes, kernels channels-last, several types.
inline Checkpoint larger_example(std::uint64_t step) {
  Checkpoint checkpoint = example(step);
  for (int layer = 0; layer < 16; ++layer) {
    const std::string name = "model.layer" + std::to_string(layer);
    const at::Tensor kernel = at::arange(16 * 16 * 9, at::kFloat).view({16, 16, 3, 3}) + static_cast<double>(layer);
    checkpoint.tensors[name + ".weight"] = kernel.contiguous(at::MemoryFormat::ChannelsLast);
    checkpoint.tensors[name + ".half"] = at::full({2048}, layer + 5, at::kBFloat16);
    checkpoint.tensors[name + ".num_batches_tracked"] = at::full({}, layer, at::kLong);
    checkpoint.tensors[name + ".seen"] = at::ones({3}, at::kBool);
  }
  return checkpoint;
}

//! Makes the checksum fit whatever the bytes say, as docs/inside/formats/checkpoint.md describes it.
inline void seal_again(core::Bytes& bytes) {
  constexpr std::size_t kDigits = 8 + 27;
  std::memcpy(bytes.data() + kDigits, "00000000", 8);
  const std::string digits = fmt::format("{:08x}", core::crc32c_portable(bytes));
  std::memcpy(bytes.data() + kDigits, digits.data(), 8);
}

class CheckpointFolderTest : public testing::Test {
 protected:
  void write(std::uint64_t step) {
    CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
    checkpoints.save(example(step));
    checkpoints.finish();
  }
  std::uint64_t latest(const CheckpointOwner& owner = kOwner) {
    auto checkpoint = CheckpointFolder(core::real_file_system(), folder_, owner).load_latest();
    return checkpoint ? checkpoint->checkpoint.step : 0;
  }
  std::filesystem::path file(int step) { return folder_ / fmt::format("step-{:09}.safetensors", step); }
  void overwrite(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::vector<std::string> names() { return core::real_file_system().list(folder_); }
  const tests::TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path() / "checkpoints";
};

}  // namespace resolute::workers
