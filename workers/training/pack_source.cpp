#include "workers/training/pack_source.h"

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "datasets/split/labelled.h"
#include "workers/device/device.h"

namespace resolute::workers {
namespace {

// Batches of which copies may be under way: the last one and the one before.
constexpr int kKeptForCopies = 2;

std::vector<datasets::ItemRange> lanes_of_batch(const experiments::Recipe& recipe, int lanes) {
  std::vector<datasets::ItemRange> ranges;
  for (int lane = 0; lane < lanes; ++lane)
    ranges.push_back(datasets::lane_items(recipe.identities, recipe.images, lanes, lane, lane + 1));
  return ranges;
}

datasets::PrefetchOptions prefetch_options(const experiments::TrainingSpecification& specification, LaneRange range,
                                           std::uint64_t first_step, at::Device place, WantedImages wanted) {
  datasets::PrefetchOptions options;
  options.items = datasets::lane_items(specification.recipe.identities, specification.recipe.images,
                                       specification.lanes, range.first, range.first + range.count);
  options.first_step = first_step;
  options.lr = wanted.lr;
  options.copy_rates = std::move(wanted.copy_rates);
  options.end_step = static_cast<std::uint64_t>(specification.recipe.steps);
  options.allocate = batch_allocator(place);
  options.levels = !place.is_cpu();
  if (!place.is_cpu()) options.kept = kKeptForCopies;
  options.threads = loading_threads(place);
  return options;
}

}  // namespace

datasets::BatchShape batch_shape(const experiments::Recipe& recipe) {
  return {recipe.identities, recipe.images, recipe.lr_images};
}

datasets::BatchAllocator batch_allocator(at::Device place) {
  if (place.is_cpu()) return datasets::host_memory;
  return [](std::size_t bytes) {
    const at::Tensor pinned =
        at::empty({static_cast<std::int64_t>(bytes)}, at::TensorOptions(at::kByte).pinned_memory(true));
    return datasets::BatchMemory(reinterpret_cast<std::byte*>(pinned.mutable_data_ptr()),
                                 [pinned](std::byte*) { /* goes with the tensor */ });
  };
}

//! Batches travel on a stream of their own, beside the computing of the step before. A copy is only queued, and the
//! stream that computes goes on up to where it needs the batch.
struct PackSource::Copies {
  explicit Copies(at::Device where)
      : guard(where.type()),
        stream(guard.getStreamFromGlobalPool(where)),
        last{c10::Event(where.type()), c10::Event(where.type())} {}
  // Copies may still be under way, and the memory that they read goes with the loader.
  ~Copies() {
    try {
      for (const c10::Event& event : last) event.synchronize();
    } catch (const std::exception&) {  // a GPU that failed copies nothing any more
    }
  }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;

  // The loader is about to fill the memory of the batch before the last: its copies have to be over. They are where the
  // trainer has read that step's losses.
  void begin(std::uint64_t step) {
    of_step = &last[step % last.size()];
    if (!of_step->query()) of_step->synchronize();  // CUDA's waits even for what is over
  }
  at::Tensor copied(const at::Tensor& pinned) {
    const c10::Stream computing = guard.getStream(stream.device());
    at::Tensor copy;
    {
      const c10::StreamGuard beside(stream);
      copy = pinned.to(stream.device(), pinned.scalar_type(), /*non_blocking=*/true);
    }
    of_step->record(stream);
    of_step->block(computing);
    copy.record_stream(computing);
    return copy;
  }

  c10::impl::VirtualGuardImpl guard;
  c10::Stream stream;
  std::array<c10::Event, kKeptForCopies> last;  // by step: after its last copy so far
  c10::Event* of_step = nullptr;
};

PackSource::PackSource(const datasets::PackReader& pack, const datasets::Split& split,
                       const experiments::TrainingSpecification& specification, LaneRange range,
                       std::uint64_t first_step, at::Device place, WantedImages wanted)
    : place_(place),
      normalise_(place),
      height_(pack.options().height),
      width_(pack.options().width),
      seed_(specification.seed),
      next_step_(first_step),
      labelled_(
          specification.recipe.labelled_fraction < 1
              ? datasets::draw_labelled(split, specification.recipe.labelled_fraction, specification.recipe.labelled_by)
              : std::vector<std::uint8_t>()),
      lanes_(lanes_of_batch(specification.recipe, specification.lanes)),
      first_item_(lanes_[static_cast<std::size_t>(range.first)].begin),
      originals_(wanted.originals),
      loader_(pack, split, datasets::loader_options(specification.recipe, specification.seed, wanted.originals),
              batch_shape(specification.recipe),
              prefetch_options(specification, range, first_step, place, std::move(wanted))) {
  if (!place_.is_cpu()) copies_ = std::make_unique<Copies>(place_);
}

PackSource::~PackSource() = default;

std::vector<std::int64_t> PackSource::lane_rows(std::uint64_t) {
  std::vector<std::int64_t> rows;
  for (const datasets::ItemRange& lane : lanes_) rows.push_back(static_cast<std::int64_t>(lane.size()));
  return rows;
}

methods::LaneBatch PackSource::batch(std::uint64_t step, int lane) {
  if (current_ == nullptr || current_->step != step) {
    RESOLUTE_EXPECT(step == next_step_, "batches are asked for in the order of steps");
    const auto begun = std::chrono::steady_clock::now();
    if (copies_) copies_->begin(step);
    current_ = &loader_.next();
    waited_ += std::chrono::steady_clock::now() - begun;
    ++next_step_;
  }
  datasets::ItemRange items = lanes_.at(static_cast<std::size_t>(lane));
  items.begin -= first_item_;
  items.end -= first_item_;
  methods::LaneBatch batch;
  if (place_.is_cpu()) {
    batch.hr = images(current_->hr, items);
    if (!current_->lr.empty()) batch.lr = images(current_->lr, items);
    for (const std::span<const float> copies : current_->copies) batch.copies.push_back(images(copies, items));
  } else {
    put_levels(current_->levels, items, batch);
  }
  const auto rows = static_cast<std::int64_t>(items.size());
  // These stay on the CPU: methods branch on them, and reading them on a GPU would wait for all that is under way
  // there.
  batch.labels = at::empty({rows}, at::kLong);
  batch.has_hr = at::empty({rows}, at::kBool);
  batch.lr_rates = at::empty({rows}, at::kLong);
  if (!labelled_.empty()) batch.has_label = at::empty({rows}, at::kBool);
  if (originals_) batch.has_target = at::empty({rows}, at::kBool);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool labelled = labelled_.empty() || labelled_[current_->items[items.begin + i].item] != 0;
    batch.labels.mutable_data_ptr<std::int64_t>()[i] = labelled ? current_->labels[items.begin + i] : -1;
    batch.lr_rates.mutable_data_ptr<std::int64_t>()[i] = current_->lr_rates[items.begin + i];
    batch.has_hr.mutable_data_ptr<bool>()[i] = current_->has_hr[items.begin + i] != 0;
    if (originals_) batch.has_target.mutable_data_ptr<bool>()[i] = current_->has_target[items.begin + i] != 0;
    if (batch.has_label.defined()) batch.has_label.mutable_data_ptr<bool>()[i] = labelled;
  }
  batch.seed = seed_;
  batch.step = step;
  batch.lane = lane;
  return batch;
}

// A copy in memory of its own: where a lane's images begin must not depend on which other lanes this rank runs, lest a
// kernel that looks at alignment takes another path.
at::Tensor PackSource::images(std::span<const float> pixels, datasets::ItemRange items) const {
  const std::size_t floats = static_cast<std::size_t>(height_ * width_ * 3);
  const auto floats_of_items = pixels.subspan(items.begin * floats, items.size() * floats);
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(items.size()), height_, width_, 3}, at::kFloat);
  std::copy(floats_of_items.begin(), floats_of_items.end(), tensor.mutable_data_ptr<float>());
  return tensor.permute({0, 3, 1, 2});
}

// A GPU gets levels, a quarter of the bytes, flips them and makes numbers of them.
void PackSource::put_levels(const datasets::BatchLevels& levels, datasets::ItemRange items, methods::LaneBatch& batch) {
  const std::size_t bytes = static_cast<std::size_t>(height_ * width_ * 3);
  std::vector<datasets::Augmentation> augmentations(
      levels.augmentations.begin() + static_cast<std::ptrdiff_t>(items.begin),
      levels.augmentations.begin() + static_cast<std::ptrdiff_t>(items.end));
  const at::Tensor flips = normalise_.flips_of(augmentations);
  const auto placed_images = [&](std::span<const std::uint8_t> all) {
    return normalise_(copied(all.subspan(items.begin * bytes, items.size() * bytes)), flips, augmentations);
  };
  if (!levels.lr.empty()) batch.lr = placed_images(levels.lr);
  for (std::size_t i = 0; i < items.size(); ++i)
    if (current_->has_target[items.begin + i] == 0)
      augmentations[i] = {.erase_height = static_cast<int>(height_), .erase_width = static_cast<int>(width_)};
  batch.hr = placed_images(levels.hr);
  for (const std::span<const std::uint8_t> copies : levels.copies) batch.copies.push_back(placed_images(copies));
}

// From the loader's pinned memory itself, which stays until the copy has ended (Copies::begin).
at::Tensor PackSource::copied(std::span<const std::uint8_t> levels) {
  const std::int64_t images = static_cast<std::int64_t>(levels.size()) / (height_ * width_ * 3);
  return copies_->copied(
      at::from_blob(const_cast<std::uint8_t*>(levels.data()), {images, height_, width_, 3}, at::kByte));
}

}  // namespace resolute::workers
