#pragma once
//! \file
//! From pack rows to normalised floats in the caller's buffers. Layout N×H×W×3 (channels last in memory), float32,
//! (pixel/255 - mean)/std with ImageNet's mean (0.485, 0.456, 0.406) and std (0.229, 0.224, 0.225), H×W the pack's
//! network size. Augmentation is a pure function of (seed, epoch, row, occurrence); an image and its LR copy share the
//! draw.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "datasets/pack/pack.h"
#include "datasets/sampling.h"
#include "datasets/split.h"

namespace resolute::datasets {

struct LoaderOptions {
  std::vector<int> train_rates = {2, 3, 4};  //!< rates of the LR copies, drawn uniformly; 1 is a copy of the HR image
  double flip = 0.5;                         //!< probability of a horizontal flip
  int pad = 10;                              //!< black border, pixels, before a random crop back to size
  double erasing = 0.0;  //!< probability that a rectangle becomes the mean colour (0 after normalising)
  std::uint64_t seed = 0;
};

//! What happens to one training image; public for tests.
struct Augmentation {
  int rate = 1;  //!< of the LR copy
  bool flipped = false;
  int shift_y = 0;    //!< the image moves down by this, -pad to pad
  int shift_x = 0;    //!< and right
  int erase_top = 0;  //!< the erased rectangle; height 0: none
  int erase_left = 0;
  int erase_height = 0;
  int erase_width = 0;
  bool operator==(const Augmentation&) const = default;
};

//! Random erasing as in Zhong et al., AAAI 2020: area 2 % to 40 %, aspect 0.3 to 1/0.3.
Augmentation draw_augmentation(const LoaderOptions& options, int height, int width, std::uint64_t epoch,
                               std::size_t row, std::uint32_t occurrence);

//! Reads images of one pack. Not thread-safe (it keeps working buffers); make one a thread.
class Loader {
 public:
  //! \param pack must outlive the loader \throws RuntimeError (kInput): rates that the pack lacks, probabilities
  //! outside 0..1, pad outside 0..256
  Loader(const PackReader& pack, LoaderOptions options);

  //! Floats an image: H×W×3.
  std::size_t image_floats() const { return image_floats_; }

  //! Training images, augmented. Where an item has no HR image, `hr` is zeros and `lr` its stored view, enlarged; else
  //! `lr` is the LR copy at the drawn rate, enlarged, and `hr` zeros if the item is `low`. \param hr, lr items.size() ×
  //! image_floats() floats each; either may be empty: it is then left out
  //! \return the rate of each image of `lr`, there or left out
  std::vector<int> fill_training(const Split& split, std::span<const BatchItem> items, std::span<float> hr,
                                 std::span<float> lr);
  //! The LR copies at `rate` of the items that stand there with their HR image, augmented as it is; zeros for others.
  void fill_copies(const Split& split, std::span<const BatchItem> items, int rate, std::span<float> to);
  //! An HR image as it is. \param to image_floats() floats
  void fill_hr(std::size_t row, std::span<float> to);
  //! The LR image that a camera would have stored at `rate`, enlarged to network size, as it is.
  void fill_view(std::size_t row, int rate, std::span<float> to);

 private:
  void load_hr(std::size_t row);
  void load_enlarged();
  void normalise(const Augmentation& how, std::span<float> to) const;

  const PackReader& pack_;
  LoaderOptions options_;
  int height_;
  int width_;
  std::size_t image_floats_;
  Image image_;  // at network size
  Image small_;
};

//! One batch, or a rank's lanes of it.
struct LoadedBatch {
  std::uint64_t step = 0;
  std::vector<BatchItem> items;
  std::vector<float> hr;                   //!< N×H×W×3
  std::vector<float> lr;                   //!< N×H×W×3
  std::vector<std::vector<float>> copies;  //!< one for each of PrefetchOptions::copy_rates, N×H×W×3
  std::vector<int> lr_rates;               //!< N: the rate of each image of `lr`
  std::vector<std::int64_t> labels;        //!< N
  std::vector<std::uint8_t> has_hr;        //!< N, 0 or 1: whether the batch has the HR image
};

struct PrefetchOptions {
  ItemRange items;  //!< part of each batch: lane_items(); end 0: all of it
  std::uint64_t first_step = 0;
  std::uint64_t end_step = 0;  //!< one past the last
  bool hr = true;              //!< false leaves that buffer empty and its images unread
  bool lr = true;
  std::vector<int> copy_rates;  //!< each one of LoaderOptions::train_rates
};

//! Loads the next batch on a thread of its own while the caller works on this one. Buffers are used again: after two
//! batches none of this class allocates.
class PrefetchingLoader {
 public:
  //! \param pack, split must outlive the loader
  PrefetchingLoader(const PackReader& pack, const Split& split, LoaderOptions loader, const BatchShape& shape,
                    PrefetchOptions options);
  ~PrefetchingLoader();
  PrefetchingLoader(const PrefetchingLoader&) = delete;
  PrefetchingLoader& operator=(const PrefetchingLoader&) = delete;

  //! Steps come in order. The batch is valid until the next call. Call it from one thread.
  //! \throws what loading threw; ContractError after the last step
  const LoadedBatch& next();

 private:
  void work();
  void load(LoadedBatch& batch, std::uint64_t step);

  const Split& split_;
  PrefetchOptions options_;
  BatchPlanner planner_;
  Loader loader_;
  LoadedBatch batches_[2];
  std::uint64_t next_step_;  // what next() hands out
  // Guarded by mutex_:
  std::uint64_t loaded_;    // steps before this one are loaded
  std::uint64_t released_;  // steps before this one are no longer in use
  bool stop_ = false;
  std::exception_ptr error_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace resolute::datasets
