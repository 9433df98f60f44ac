#pragma once
//! \file
//! A training's batches from a sealed pack, loaded one step ahead on a thread of its own, on the device that trains.

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "datasets/loader/loader.h"
#include "experiments/specification/specification.h"
#include "workers/ddp/lane_sum.h"
#include "workers/training/batch_source.h"
#include "workers/training/normalised_levels.h"

namespace resolute::workers {

//! The images that a method wants in a batch beside the HR images.
struct WantedImages {
  bool lr = true;               //!< Needs::lr
  std::vector<int> copy_rates;  //!< methods::copy_rates()
  bool originals = false;       //!< methods::reads_originals()
};

//! Memory that `place` copies from: for a GPU page-locked, by libtorch's caching allocator, so that the CPU need not
//! wait for a copy; for the CPU datasets::host_memory.
datasets::BatchAllocator batch_allocator(at::Device place);

//! The recipe's settings of a batch's rows.
datasets::BatchShape batch_shape(const experiments::Recipe& recipe);

class PackSource final : public BatchSource {
 public:
  //! \param pack, split outlive the source \param range this rank's lanes: no other images are read
  //! \param first_step the step that batch() is asked for first
  //! \param place where batches lie; values do not depend on it. On a GPU they arrive by copies that the CPU does not
  //! wait for \param wanted what the method looks at; the rest of a LaneBatch stays undefined and its images unread
  //! \throws RuntimeError (kInput) for a split with too few identities, or rates that the pack lacks
  PackSource(const datasets::PackReader& pack, const datasets::Split& split,
             const experiments::TrainingSpecification& specification, LaneRange range, std::uint64_t first_step,
             at::Device place = at::kCPU, WantedImages wanted = {});
  PackSource(const PackSource&) = delete;
  PackSource& operator=(const PackSource&) = delete;
  ~PackSource() override;
  std::vector<std::int64_t> lane_rows(std::uint64_t step) override;
  //! \throws RuntimeError (kCorrupt) naming the row that failed its checksum
  methods::LaneBatch batch(std::uint64_t step, int lane) override;
  //! Reading and decoding that did not fit beside the steps' computing.
  double seconds_waited() const override { return std::chrono::duration<double>(waited_).count(); }

 private:
  at::Tensor images(std::span<const float> pixels, datasets::ItemRange items) const;
  void put_levels(const datasets::BatchLevels& levels, datasets::ItemRange items, methods::LaneBatch& batch);
  at::Tensor copied(std::span<const std::uint8_t> levels);

  struct Copies;
  at::Device place_;
  LevelNormalisation normalise_;
  std::int64_t height_;
  std::int64_t width_;
  std::uint64_t seed_;
  std::uint64_t next_step_;
  std::vector<std::uint8_t> labelled_;      // an item of the split; empty: all of them
  std::vector<datasets::ItemRange> lanes_;  // of the whole batch
  std::size_t first_item_;                  // of this rank
  bool originals_;                          // WantedImages::originals
  datasets::PrefetchingLoader loader_;
  const datasets::LoadedBatch* current_ = nullptr;
  std::unique_ptr<Copies> copies_;  // null on the CPU
  std::chrono::steady_clock::duration waited_{0};
};

}  // namespace resolute::workers
