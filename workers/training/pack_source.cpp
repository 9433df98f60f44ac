#include "workers/training/pack_source.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "core/error.h"
#include "core/process/processors.h"
#include "datasets/split/labelled.h"

namespace resolute::workers {
namespace {

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
  // Where the CPU trains, its cores are busy with that; beside a GPU they have nothing better to do.
  if (!place.is_cpu()) options.threads = std::clamp(core::usable_processors(), 1, 4);
  return options;
}

datasets::LoaderOptions loader_options(const experiments::TrainingSpecification& specification) {
  const experiments::Recipe& recipe = specification.recipe;
  return {recipe.train_rates, recipe.flip, recipe.pad, recipe.erasing, specification.seed, recipe.copies_from};
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

PackSource::PackSource(const datasets::PackReader& pack, const datasets::Split& split,
                       const experiments::TrainingSpecification& specification, LaneRange range,
                       std::uint64_t first_step, at::Device place, WantedImages wanted)
    : place_(place),
      normalise_(place),
      height_(pack.options().height),
      width_(pack.options().width),
      seed_(specification.seed),
      next_step_(first_step),
      labelled_(specification.recipe.labelled_fraction < 1
                    ? datasets::draw_labelled(split, specification.recipe.labelled_fraction)
                    : std::vector<std::uint8_t>()),
      lanes_(lanes_of_batch(specification.recipe, specification.lanes)),
      first_item_(lanes_[static_cast<std::size_t>(range.first)].begin),
      loader_(pack, split, loader_options(specification), batch_shape(specification.recipe),
              prefetch_options(specification, range, first_step, place, std::move(wanted))) {}

// A copy from the loader's memory may still be under way, and that memory goes with the loader.
PackSource::~PackSource() {
  try {
    wait_for_copies();
  } catch (const std::exception&) {  // a GPU that failed copies nothing any more
  }
}

std::vector<std::int64_t> PackSource::lane_rows(std::uint64_t) {
  std::vector<std::int64_t> rows;
  for (const datasets::ItemRange& lane : lanes_) rows.push_back(static_cast<std::int64_t>(lane.size()));
  return rows;
}

LaneBatch PackSource::batch(std::uint64_t step, int lane) {
  if (current_ == nullptr || current_->step != step) {
    RESOLUTE_EXPECT(step == next_step_, "batches are asked for in the order of steps");
    const auto begun = std::chrono::steady_clock::now();
    wait_for_copies();
    current_ = &loader_.next();
    waited_ += std::chrono::steady_clock::now() - begun;
    ++next_step_;
  }
  datasets::ItemRange items = lanes_.at(static_cast<std::size_t>(lane));
  items.begin -= first_item_;
  items.end -= first_item_;
  LaneBatch batch;
  if (place_.is_cpu()) {
    batch.hr = images(current_->hr, items);
    if (!current_->lr.empty()) batch.lr = images(current_->lr, items);
    for (const std::span<const float> copies : current_->copies) batch.copies.push_back(images(copies, items));
  } else {
    put_levels(current_->levels, items, batch);
  }
  note_copies();
  const auto rows = static_cast<std::int64_t>(items.size());
  // These stay on the CPU: methods branch on them, and reading them on a GPU would wait for all that is under way
  // there.
  batch.labels = at::empty({rows}, at::kLong);
  batch.has_hr = at::empty({rows}, at::kBool);
  batch.lr_rates = at::empty({rows}, at::kLong);
  if (!labelled_.empty()) batch.has_label = at::empty({rows}, at::kBool);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool labelled = labelled_.empty() || labelled_[current_->items[items.begin + i].item] != 0;
    batch.labels.mutable_data_ptr<std::int64_t>()[i] = labelled ? current_->labels[items.begin + i] : -1;
    batch.lr_rates.mutable_data_ptr<std::int64_t>()[i] = current_->lr_rates[items.begin + i];
    batch.has_hr.mutable_data_ptr<bool>()[i] = current_->has_hr[items.begin + i] != 0;
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
  const auto own = pixels.subspan(items.begin * floats, items.size() * floats);
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(items.size()), height_, width_, 3}, at::kFloat);
  std::copy(own.begin(), own.end(), tensor.mutable_data_ptr<float>());
  return tensor.permute({0, 3, 1, 2});
}

// A GPU gets levels, a quarter of the bytes, from the loader's pinned memory itself, and makes numbers of them;
// note_copies() remembers that the copies may still be under way.
void PackSource::put_levels(const datasets::BatchLevels& levels, datasets::ItemRange items, LaneBatch& batch) const {
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(items.size()), height_, width_, 3};
  const std::size_t bytes = static_cast<std::size_t>(height_ * width_ * 3);
  std::vector<datasets::ErasedArea> erased(levels.erased.begin() + static_cast<std::ptrdiff_t>(items.begin),
                                           levels.erased.begin() + static_cast<std::ptrdiff_t>(items.end));
  const auto placed_images = [&](std::span<const std::uint8_t> all) {
    const auto own = all.subspan(items.begin * bytes, items.size() * bytes);
    const at::Tensor there =
        at::from_blob(const_cast<std::uint8_t*>(own.data()), shape, at::kByte).to(place_, at::kByte, true);
    return normalise_(there, erased);
  };
  if (!levels.lr.empty()) batch.lr = placed_images(levels.lr);
  for (std::size_t i = 0; i < items.size(); ++i)
    if (current_->has_hr[items.begin + i] == 0) erased[i] = {0, 0, static_cast<int>(height_), static_cast<int>(width_)};
  batch.hr = placed_images(levels.hr);
  for (const std::span<const std::uint8_t> copies : levels.copies) batch.copies.push_back(placed_images(copies));
}

// Copies of one stream end in their order, so the last one's event tells of all.
void PackSource::note_copies() {
  if (place_.is_cpu()) return;
  if (!copied_) copied_.emplace(place_.type());
  copied_->record(c10::impl::VirtualGuardImpl(place_.type()).getStream(place_));
}

// The loader fills a batch's memory anew once the next one is asked for. The copies stand before all computing of their
// step in the stream, so this waits for the step before at most, and not at all where the CPU is the slower one.
void PackSource::wait_for_copies() {
  if (copied_) copied_->synchronize();
}

}  // namespace resolute::workers
