#pragma once
//! \file
//! From pack rows to normalised floats in the caller's buffers. Layout N×H×W×3 (channels last in memory), float32,
//! (pixel/255 - mean)/std with ImageNet's mean (0.485, 0.456, 0.406) and std (0.229, 0.224, 0.225), H×W the pack's
//! network size. Augmentation is a pure function of (seed, round, row, occurrence); an image and its LR copy share the
//! draw.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "datasets/image/degradation.h"
#include "datasets/image/resample.h"
#include "datasets/loader/augmentation.h"
#include "datasets/loader/sampling.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"

namespace resolute::datasets {

//! Reads images of one pack. Not thread-safe, because it keeps working buffers: make one per thread. It allocates only
//! when an image is larger than all before.
class Loader {
 public:
  //! \param pack must outlive the loader \throws RuntimeError (kInput) for rates that the pack lacks; ContractError for
  //! probabilities outside 0..1, pad outside 0..256
  Loader(const PackReader& pack, LoaderOptions options);

  //! Numbers per image: H×W×3.
  std::size_t image_floats() const { return image_floats_; }

  //! One training image, augmented. If the item has no HR image, `hr` is zeros and `lr` its stored LR view, enlarged.
  //! Else `lr` is its PackReader::read_copy() at the drawn rate, enlarged, and `hr` is zeros if the item is `low`. With
  //! LoaderOptions::originals `hr` is the HR image of every item that has_original(). With LoaderOptions::copies the
  //! copy is degraded before it is enlarged (image/degradation.h), by draws of (seed, round, row, occurrence). \param
  //! hr, lr image_floats() of them each; either may be empty: it is then left out \return the rate of `lr`, there or
  //! left out, a real one rounded to the nearest, halves up \tparam Pixel float; or std::uint8_t where the caller
  //! flips, erases and normalises (augment()): as many levels
  template <class Pixel>
  int fill_item(const Split& split, const BatchItem& item, std::span<Pixel> hr, std::span<Pixel> lr);
  //! The LR copy at `rate` of an item that stands there with its HR image, augmented as it is; zeros for another. It is
  //! not degraded.
  //! \param to image_floats() of them
  template <class Pixel>
  void fill_copy(const Split& split, const BatchItem& item, int rate, std::span<Pixel> to);
  //! True where `hr` is an image of the item.
  bool fills_hr(const Split& split, const BatchItem& item) const;
  //! The changes to an item's images, the same for all.
  Augmentation augmentation(const Split& split, const BatchItem& item) const;
  //! The LR image that a camera would have stored at `rate`, enlarged to network size, as it is; at rate 1 the HR
  //! image. \param to image_floats() floats
  void fill_view(std::size_t row, int rate, std::span<float> to);

 private:
  void load_hr(std::size_t row);
  void load_enlarged();
  void change_colours(const Augmentation& augmentation);  // of image_
  int fill_small(const BatchItem& drawn, std::size_t row, int rate, bool wanted);

  const PackReader& pack_;
  LoaderOptions options_;
  int height_;
  int width_;
  std::size_t image_floats_;
  Image image_;  // at network size
  Image small_;
  ResizeScratch resize_scratch_;
  DegradationScratch degradation_scratch_;
  AugmentRows rows_;
  std::vector<std::uint8_t> colour_scratch_;
};

//! A block of memory that is freed when the last copy of this object is gone.
using BatchMemory = std::shared_ptr<std::byte>;
//! Gives at least so many bytes, more than 0, aligned to kBatchAlignment.
using BatchAllocator = std::function<BatchMemory(std::size_t bytes)>;
inline constexpr std::size_t kBatchAlignment = 64;
//! Memory of this process, of large pages where the kernel has them.
BatchMemory host_memory(std::size_t bytes);

//! A batch's images before they are flipped, erased and normalised (PrefetchOptions::levels).
struct BatchLevels {
  std::span<const std::uint8_t> hr;                   //!< N×H×W×3, zeros where the batch holds no HR image
  std::span<const std::uint8_t> lr;                   //!< N×H×W×3
  std::vector<std::span<const std::uint8_t>> copies;  //!< as LoadedBatch::copies, zeros as in `hr`
  std::vector<Augmentation> augmentations;            //!< N: of all images of an item
};

//! One batch, or a rank's lanes of it. The images lie in memory of PrefetchOptions::allocate.
struct LoadedBatch {
  //! Holds all images below. A caller that copies it keeps the images: the loader takes other memory for later batches,
  //! and this again once the caller has let go.
  std::vector<BatchMemory> memory;
  std::uint64_t step = 0;
  std::vector<BatchItem> items;
  std::span<const float> hr;                   //!< N×H×W×3
  std::span<const float> lr;                   //!< N×H×W×3
  std::vector<std::span<const float>> copies;  //!< one for each of PrefetchOptions::copy_rates, N×H×W×3
  BatchLevels levels;                          //!< in place of the three where they are asked for
  std::vector<int> lr_rates;                   //!< N: the rate of each image of `lr`, as Loader::fill_item() returns it
  std::vector<std::int64_t> labels;            //!< N
  std::vector<std::uint8_t> has_hr;            //!< N, 0 or 1: whether the batch has the HR image
  std::vector<std::uint8_t> has_target;        //!< N, 0 or 1: whether `hr` holds it (LoaderOptions::originals)
};

struct PrefetchOptions {
  ItemRange items = {};  //!< part of each batch: lane_items(); end 0: all of it
  std::uint64_t first_step = 0;
  std::uint64_t end_step = 0;  //!< one past the last
  bool hr = true;              //!< false leaves that buffer empty and its images unread
  bool lr = true;
  bool levels = false;               //!< LoadedBatch::levels in place of finished images: a quarter of the bytes
  std::vector<int> copy_rates = {};  //!< each one of LoaderOptions::train_rates
  int threads = 1;  //!< threads that load; 0: one per core that this process may use. No byte depends on it
  //! Batches that stay as they are: the one that next() gave last, and with 2 the one before, from which copies may
  //! still be under way. One more than these is in memory, being loaded.
  int kept = 1;
  BatchAllocator allocate = host_memory;  //!< called by the constructor, and where a caller keeps LoadedBatch::memory
};

//! Loads the next batch on threads of its own while the caller works on the current one; the threads share the images
//! of a batch. Memory for images is taken once. After the first batches nothing here allocates.
class PrefetchingLoader {
 public:
  //! \param pack, split must outlive the loader \throws what Loader, BatchPlanner and `allocate` throw
  PrefetchingLoader(const PackReader& pack, const Split& split, const LoaderOptions& loader, const BatchShape& shape,
                    PrefetchOptions options);
  ~PrefetchingLoader();
  PrefetchingLoader(const PrefetchingLoader&) = delete;
  PrefetchingLoader& operator=(const PrefetchingLoader&) = delete;

  //! Steps come in order. The batch is valid until the next call, or PrefetchOptions::kept calls later: then its
  //! buffers are filled anew. Call it from one thread. \throws what loading threw, of the first image where it did;
  //! ContractError after the last step
  const LoadedBatch& next();

 private:
  struct Slot {
    LoadedBatch batch;
    std::vector<BatchItem> plan;  // of all ranks
    std::span<std::byte> hr;      // what the batch's own show
    std::span<std::byte> lr;
    std::vector<std::span<std::byte>> copies;
    // Guarded by mutex_:
    std::size_t claimed = 0;   // images that a thread has begun
    std::size_t finished = 0;  // images that are there
    bool whole = false;
  };

  Slot& slot(std::uint64_t step) { return slots_[step % slots_.size()]; }
  void make_buffers(Slot& slot);
  void work(Loader& loader);
  void plan(Slot& slot, std::uint64_t step);
  template <class Pixel>
  void load(Loader& loader, Slot& slot, std::size_t image);
  bool has_work() const;
  void stop();

  const Split& split_;
  PrefetchOptions options_;
  BatchPlanner planner_;
  std::vector<Loader> loaders_;    // one a thread
  std::vector<Slot> slots_;        // PrefetchOptions::kept and one
  std::vector<BatchMemory> lent_;  // that callers kept; of whoever plans
  std::uint64_t next_step_;        // what next() hands out
  // Guarded by mutex_:
  std::uint64_t current_;   // the step whose images are handed to threads
  std::uint64_t released_;  // steps before this one are no longer in use
  bool planned_ = false;    // current_ is
  int busy_ = 0;            // threads that plan or load
  bool planning_ = false;
  bool stop_ = false;
  std::exception_ptr error_;  // the one of the first image of error_step_
  std::uint64_t error_step_ = 0;
  std::size_t error_image_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
};

}  // namespace resolute::datasets
