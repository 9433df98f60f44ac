#pragma once
//! \file
//! gradients.bin: digests of steps' gradients, one file per training attempt (docs/inside/formats/gradients.md).
//! Written by workers, read by `resolute repro`: where two runs part, it tells the step, the lane and the tensor.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/files/file_system.h"

namespace resolute::results {

//! Name of an attempt's file (StoreLayout::attempt_file()).
inline constexpr const char* kGradientLogName = "gradients.bin";

//! The log of one training step. The hash function is the writer's choice; digests are only ever compared.
struct StepGradients {
  std::uint64_t step = 0;              //!< from 1
  std::vector<std::uint64_t> lanes;    //!< [L] one digest per lane: of its gradients of all phases, in phase order
  std::vector<std::uint32_t> tensors;  //!< [T] one digest per tensor: of its gradients in all lanes, in the log's order
};

//! Not thread-safe. A killed process loses at most the record that it was writing.
class GradientLogWriter {
 public:
  //! Creates the file with its header and the folder it lies in, or empties one that an earlier start of the same
  //! attempt left. \param lanes L, from 1 to 65536 \param tensor_names [T] each "PHASE/PARAMETER", e.g.
  //! "networks/trunk.conv1.weight"; none empty, none twice
  //! \throws core::RuntimeError of the file system; core::ContractError for arguments that break the above
  GradientLogWriter(core::FileSystem& files, const std::filesystem::path& path, int lanes,
                    std::vector<std::string> tensor_names);
  //! Appends one record of 12 + 8·L + 4·T bytes with one write() and no sync. Steps ascend; some may be missing.
  //! \throws core::RuntimeError of the file system; core::ContractError for a wrong number of digests or order
  void write(const StepGradients& gradients);
  //! Syncs. \throws core::RuntimeError if what was written did not reach the disk
  void close();

 private:
  std::unique_ptr<core::WritableFile> file_;
  std::size_t lanes_;
  std::size_t tensors_;
  std::uint64_t last_step_ = 0;  // 0: none yet
  core::Bytes record_;           // reused: a step must not wait for the allocator
};

struct GradientLog {
  int lanes = 0;                     //!< L; 0 for a log that was cut off inside its header
  std::vector<std::string> tensors;  //!< [T]
  std::vector<StepGradients> steps;  //!< ascending
};

//! Reads a log. Bytes behind the last whole record are what a killed writer left, and ignored; so is a header that is
//! cut off, which gives a log without lanes, tensors and steps.
//! \throws core::RuntimeError: of the file system; kCorrupt for a wrong checksum, magic or structure; kInput for
//! another version of the format
GradientLog read_gradient_log(core::FileSystem& files, const std::filesystem::path& path);

}  // namespace resolute::results
