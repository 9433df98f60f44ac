#pragma once
//! \file
//! Which training images a step sees: P identities × K images. It is a pure function of (seed, step), so a resumed job
//! and all ranks agree without messages.

#include <cstdint>
#include <vector>

#include "datasets/split/split.h"

namespace resolute::datasets {

struct BatchItem {
  std::size_t item = 0;  //!< index into split.train
  //! How often its identity was drawn before; with row and occurrence the key of augmentation
  std::uint64_t round = 0;
  std::uint32_t occurrence = 0;  //!< 0, 1, …: counts repetitions where an identity has too few images
  bool low = false;              //!< the image has an HR image, and the batch has its LR copy alone
  bool operator==(const BatchItem&) const = default;
};

//! How large a batch is and what it is made of.
struct BatchShape {
  int identities = 1;  //!< P, at least 1
  int images = 1;      //!< K of each identity, at least 1
  int lr_images = 0;   //!< how many of the K are LR images without an HR image: 0 to K − 1
};

//! Identities come in rounds. A round has every identity once, in random order; batches of P identities are cut from
//! the rounds without regard to where a round ends. So after e rounds each identity has come exactly e times. A batch
//! never has an identity twice. The K images of an identity are drawn without repetition as long as it has images left,
//! its cameras taking turns, so both resolutions come where both exist.
//!
//! With lr_images = l above 0 an identity has K − l HR rows and then l LR rows. If the identity has images of both
//! kinds (train_pool mlr), images with an HR image and images without are drawn separately, as above. If all its images
//! have an HR image, K are drawn as above and the last l are `low`. If none has, all K are LR.
class BatchPlanner {
 public:
  //! \param split must outlive the planner \throws RuntimeError (kInput) if it has fewer identities to train on than
  //! `shape` asks for; ContractError for sizes out of range
  BatchPlanner(const Split& split, const BatchShape& shape, std::uint64_t seed);

  //! The P×K items of batch `step` (0, 1, …), grouped by identity. Fastest in ascending order; any order gives the
  //! same.
  std::vector<BatchItem> plan(std::uint64_t step);
  //! The same, replacing the contents of `to`; allocates only if `to` has too little room.
  void plan(std::uint64_t step, std::vector<BatchItem>& to);

 private:
  // One camera's images in a list of items.
  struct Group {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  void go_to_round(std::uint64_t round);
  void draw_order(std::uint64_t round);
  void choose_images(std::size_t label, std::uint64_t round, std::uint64_t step, std::vector<BatchItem>& to);
  static void take_turns(const std::vector<std::size_t>& items, const std::vector<Group>& cameras, int count,
                         std::uint64_t round, std::vector<BatchItem>& to);

  const Split* split_;
  BatchShape shape_;
  std::uint64_t seed_;
  // Items by label, each label's in groups of one camera.
  std::vector<std::vector<std::vector<std::size_t>>> by_camera_;
  std::uint64_t round_ = 0;
  std::vector<std::size_t> order_;     // of round_
  std::vector<std::size_t> previous_;  // of round_ - 1; empty where that was not drawn
  // Working memory:
  std::vector<std::size_t> drawn_;
  std::vector<std::size_t> items_;
  std::vector<Group> cameras_;
  std::vector<std::size_t> with_hr_;
  std::vector<Group> cameras_with_hr_;
  std::vector<std::size_t> low_;
  std::vector<Group> cameras_low_;
};

//! Items [begin, end) of a batch that belong to lanes first to last - 1. Lanes have whole identities; the first P mod L
//! lanes have one more.
struct ItemRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};
ItemRange lane_items(int identities, int images, int lanes, int first, int last);

}  // namespace resolute::datasets
