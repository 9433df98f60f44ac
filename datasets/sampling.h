#pragma once
//! \file
//! Which training images a step sees: P identities × K images, a pure function of (seed, step), so that a resumed job
//! and every rank agree without a word.

#include <cstdint>
#include <vector>

#include "datasets/split.h"

namespace resolute::datasets {

struct BatchItem {
  std::size_t item = 0;     //!< index into split.train
  std::uint64_t epoch = 0;  //!< how often its identity was drawn before: keys augmentation, with row and occurrence
  std::uint32_t occurrence = 0;  //!< 0, 1, … where an identity has fewer than K images and one comes again
  bool operator==(const BatchItem&) const = default;
};

//! Identities come in epochs, each all of them once in random order, cut into batches of P without regard to the
//! epochs' ends: after e epochs each has come exactly e times. A batch never has an identity twice. An identity's K
//! images are drawn without repetition while it has any left, its cameras taking turns, so both resolutions are there
//! where they exist.
class BatchPlanner {
 public:
  //! \param split must outlive the planner \throws RuntimeError (kInput) if it has fewer than `identities` to train on;
  //! ContractError for sizes below 1
  BatchPlanner(const Split& split, int identities, int images, std::uint64_t seed);

  //! The P×K items of batch `step` (0, 1, …), grouped by identity. Fastest in ascending order; any order gives the
  //! same.
  std::vector<BatchItem> plan(std::uint64_t step);

  const Split& split() const { return *split_; }
  int identities() const { return identities_; }
  int images() const { return images_; }
  std::uint64_t seed() const { return seed_; }

 private:
  void go_to_epoch(std::uint64_t epoch);
  void choose_images(int label, std::uint64_t epoch, std::uint64_t step, std::vector<BatchItem>& to) const;

  const Split* split_;
  int identities_;
  int images_;
  std::uint64_t seed_;
  // Items by label, each label's in groups of one camera.
  std::vector<std::vector<std::vector<std::size_t>>> by_camera_;
  std::uint64_t epoch_ = 0;
  std::vector<std::size_t> order_;     // of epoch_
  std::vector<std::size_t> previous_;  // of epoch_ - 1; empty in epoch 0
};

//! One batch: BatchPlanner(…).plan(step).
std::vector<BatchItem> plan_batch(const Split& split, int identities, int images, std::uint64_t seed,
                                  std::uint64_t step);

//! Lane sizes in identities: the first P mod L lanes have one more.
std::vector<int> identities_per_lane(int identities, int lanes);

//! Items [begin, end) of a batch that lanes first to last - 1 hold, whole identities.
struct ItemRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};
ItemRange lane_items(int identities, int images, int lanes, int first, int last);

}  // namespace resolute::datasets
