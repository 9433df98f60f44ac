#pragma once
//! \file
//! Checkpoints of a training: docs/inside/formats/checkpoint.md. One safetensors file with weights, optimiser states
//! and step, guarded by a CRC-32C over every byte. Values are copied once, into an image of the file in memory; a
//! thread writes that image while the training goes on, under its name whole or not at all; the last two are kept. And
//! the weights file that a finished training publishes.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "core/process/page_memory.h"
#include "networks/nn/device_snapshot.h"
#include "networks/weights/safetensors.h"

namespace resolute::workers {

//! A training between two steps.
struct Checkpoint {
  std::uint64_t step = 0;          //!< optimiser steps done
  double loss = 0;                 //!< of the last step, as metrics print it
  networks::NamedTensors tensors;  //!< `model.NAME`, `optimiser.GROUP.NAME.…`, `average.NAME`
};

//! The owner of a checkpoint; a checkpoint of another owner is foreign.
struct CheckpointOwner {
  std::string job;  //!< id of the training's specification
  std::string numeric_class;
};

core::Bytes encode_checkpoint(const Checkpoint& checkpoint, const CheckpointOwner& owner);
//! \param file as decode_safetensors() takes it \param name names it in messages \return tensors that are views into it
//! \throws RuntimeError (kCorrupt) if any byte differs from what was written, or it is of another owner or a newer
//! format
Checkpoint decode_checkpoint(const at::Tensor& file, const CheckpointOwner& owner, std::string_view name);

//! A checkpoint as it was read.
struct StoredCheckpoint {
  Checkpoint checkpoint;  //!< tensors are views into `file`, which they hold
  at::Tensor file;        //!< its bytes
};

//! The checkpoints folder of one job. Used by process rank 0 alone, from one thread.
class CheckpointFolder {
 public:
  CheckpointFolder(core::FileSystem& files, std::filesystem::path folder, CheckpointOwner owner);
  //! Waits for a write under way; what it failed with is lost (call finish() to learn it).
  ~CheckpointFolder();
  CheckpointFolder(const CheckpointFolder&) = delete;
  CheckpointFolder& operator=(const CheckpointFolder&) = delete;

  //! The newest usable checkpoint, or nothing. A torn, damaged, foreign or newer one is named in the log and the one
  //! before used. Let go of it once it is taken up: save() writes its image into the same memory.
  //! \throws RuntimeError, not kCorrupt, if none was usable and one could not even be read
  std::optional<StoredCheckpoint> load_latest();
  //! Gets the memory ready that save() will need for such a checkpoint, the host's in the background: without it the
  //! first save() does that, which takes it several times as long.
  void prepare(const Checkpoint& checkpoint);
  //! Copies the values and starts writing them in the background: when it returns, the tensors may change. A device's
  //! are copied there, and the host waits for none of it. First waits for the write before. \throws what the one before
  //! failed with
  void save(const Checkpoint& checkpoint);
  //! Waits for the write under way. \throws what it failed with (kEnvironment for a full disk)
  void finish();
  //! The step of the newest checkpoint that this object has put on disk; 0: none yet.
  std::uint64_t written_step() const { return written_step_.load(); }

 private:
  at::Tensor read(const std::filesystem::path& path, std::string_view name);
  void make_room(std::size_t bytes);
  void write(std::span<const std::byte> file, std::uint64_t step);
  void remove_older(std::uint64_t step);

  core::FileSystem& files_;
  std::filesystem::path folder_;
  CheckpointOwner owner_;
  // One image, kept from checkpoint to checkpoint: its pages are touched for the first time only once. Shared with the
  // tensors of a checkpoint that was read into it.
  std::shared_ptr<core::PageMemory> image_;
  networks::DeviceSnapshot snapshot_;
  std::uint64_t usable_step_ = 0;  // the newest checkpoint known to be good, read or written by this object; 0: none
  std::thread writer_;
  std::exception_ptr failure_;
  std::atomic<std::uint64_t> written_step_{0};
};

//! When a checkpoint is due, where nobody says after how many steps: so far apart that what one holds the training up
//! for, the wait for the one before it included, is at most a hundredth of the time between two (the rule of CheckFreq,
//! Mohan et al., FAST 2021), and no nearer than a minute: a store has many trainings. Pure.
class CheckpointPace {
 public:
  static constexpr std::chrono::seconds kShortest{60};
  static constexpr int kTimesHeldUp = 100;

  explicit CheckpointPace(core::MonotonicTime begun) : last_(begun) {}
  bool is_due(core::MonotonicTime now) const { return now - last_ >= interval_; }
  //! \param held_up of the training, by the checkpoint that has just been handed over
  void written(core::MonotonicTime now, std::chrono::nanoseconds held_up) {
    last_ = now;
    interval_ = std::max<std::chrono::nanoseconds>(kShortest, kTimesHeldUp * held_up);
  }

 private:
  core::MonotonicTime last_;
  std::chrono::nanoseconds interval_ = kShortest;
};

//! A finished training's weights: parameters and buffers by name, and what a reader needs to build the network again.
struct Weights {
  std::string method;
  int classes = 0;
  networks::NamedTensors tensors;
};
//! The same bytes for the same weights: nothing variable in it.
core::Bytes encode_weights(const Weights& weights);
//! \throws RuntimeError (kCorrupt)
Weights decode_weights(std::span<const std::byte> bytes, std::string_view name);
//! `weights-` and the first 16 digits of the file's SHA-256.
std::string weights_file_name(const std::string& sha256_hex);

//! A module's parameters and buffers themselves, under `prefix` + name: live tensors, which whoever
//! encodes or saves them copies.
void list_module(const torch::nn::Module& module, const std::string& prefix, networks::NamedTensors& to);
//! The inverse, strict. \throws RuntimeError (kCorrupt) for a tensor that is missing, has another shape, or that the
//! module does not know (of those whose name starts with `prefix`)
void load_module(torch::nn::Module& module, const std::string& prefix, const networks::NamedTensors& from,
                 std::string_view name);
//! Copies the tensor of that key. \throws RuntimeError (kCorrupt) if it is missing or has another shape or type
void load_tensor(const at::Tensor& target, const std::string& key, const networks::NamedTensors& from,
                 std::string_view name);

}  // namespace resolute::workers
