#pragma once
//! \file
//! Checkpoints of a training: docs/formats/checkpoint.md. One safetensors file with weights, optimiser states and step,
//! guarded by a CRC-32C over every byte; written in the background on a snapshot, under its name whole or not at all;
//! the last two are kept. And the weights file that a finished training publishes.

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "core/file_system.h"
#include "workers/safetensors.h"

namespace resolute::workers {

//! A training between two steps. Tensors are copies that nothing else changes.
struct Checkpoint {
  std::uint64_t step = 0;  //!< optimiser steps done
  double loss = 0;         //!< of the last step, as metrics print it
  NamedTensors tensors;    //!< `model.NAME` and `optimiser.GROUP.NAME.…`
};

//! Whose checkpoint it is; one that says otherwise is foreign.
struct CheckpointOwner {
  std::string job;  //!< id of the training's specification
  std::string numeric_class;
};

core::Bytes encode_checkpoint(const Checkpoint& checkpoint, const CheckpointOwner& owner);
//! \param name names it in messages
//! \throws RuntimeError (kCorrupt) if any byte differs from what was written, or it is of another owner
Checkpoint decode_checkpoint(std::span<const std::byte> bytes, const CheckpointOwner& owner, std::string_view name);

//! The checkpoints folder of one job. Used by process rank 0 alone, from one thread.
class CheckpointFolder {
 public:
  CheckpointFolder(core::FileSystem& files, std::filesystem::path folder, CheckpointOwner owner);
  //! Waits for a write under way; what it failed with is lost (call finish() to learn it).
  ~CheckpointFolder();
  CheckpointFolder(const CheckpointFolder&) = delete;
  CheckpointFolder& operator=(const CheckpointFolder&) = delete;

  //! The newest usable checkpoint, or nothing. A torn, damaged or foreign one is named in the log and the one before
  //! used.
  std::optional<Checkpoint> load_latest();
  //! Starts writing in the background; first waits for the one before. \throws what the one before failed with
  void save(Checkpoint checkpoint);
  //! Waits for the write under way. \throws what it failed with (kEnvironment for a full disk)
  void finish();
  //! The step of the newest checkpoint that this object has put on disk; 0: none yet.
  std::uint64_t written_step() const { return written_step_.load(); }

 private:
  void write(const Checkpoint& checkpoint);

  core::FileSystem& files_;
  std::filesystem::path folder_;
  CheckpointOwner owner_;
  std::thread writer_;
  std::exception_ptr failure_;
  std::atomic<std::uint64_t> written_step_{0};
};

//! A finished training's weights: parameters and buffers by name, and what a reader needs to build the network again.
struct Weights {
  std::string method;
  int classes = 0;
  NamedTensors tensors;
};
//! The same bytes for the same weights: nothing variable in it.
core::Bytes encode_weights(const Weights& weights);
//! \throws RuntimeError (kCorrupt)
Weights decode_weights(std::span<const std::byte> bytes, std::string_view name);
//! `weights-` and the first 16 digits of the file's SHA-256.
std::string weights_file_name(const std::string& sha256_hex);

//! Copies of a module's parameters and buffers, row-major, under `prefix` + name.
void save_module(const torch::nn::Module& module, const std::string& prefix, NamedTensors& to);
//! The inverse, strict. \throws RuntimeError (kCorrupt) for a tensor that is missing, has another shape, or that the
//! module does not know (of those whose name starts with `prefix`)
void load_module(torch::nn::Module& module, const std::string& prefix, const NamedTensors& from, std::string_view name);

}  // namespace resolute::workers
