#include "workers/pack_source.h"

#include "core/error.h"
#include "datasets/labelled.h"
#include "workers/dataset_settings.h"

namespace resolute::workers {
namespace {

std::vector<datasets::ItemRange> lanes_of_batch(const experiments::Recipe& recipe, int lanes) {
  std::vector<datasets::ItemRange> ranges;
  for (int lane = 0; lane < lanes; ++lane)
    ranges.push_back(datasets::lane_items(recipe.identities, recipe.images, lanes, lane, lane + 1));
  return ranges;
}

datasets::PrefetchOptions prefetch_options(const experiments::TrainingSpecification& specification, LaneRange range,
                                           std::uint64_t first_step, WantedImages wanted) {
  datasets::PrefetchOptions options;
  options.items = datasets::lane_items(specification.recipe.identities, specification.recipe.images,
                                       specification.lanes, range.first, range.first + range.count);
  options.first_step = first_step;
  options.lr = wanted.lr;
  options.copy_rates = std::move(wanted.copy_rates);
  options.end_step = static_cast<std::uint64_t>(specification.recipe.steps);
  return options;
}

}  // namespace

PackSource::PackSource(const datasets::PackReader& pack, const datasets::Split& split,
                       const experiments::TrainingSpecification& specification, LaneRange range,
                       std::uint64_t first_step, at::Device place, WantedImages wanted)
    : place_(place),
      height_(pack.options().height),
      width_(pack.options().width),
      seed_(specification.seed),
      next_step_(first_step),
      labelled_(specification.recipe.labelled_fraction < 1
                    ? datasets::draw_labelled(split, specification.recipe.labelled_fraction)
                    : std::vector<std::uint8_t>()),
      lanes_(lanes_of_batch(specification.recipe, specification.lanes)),
      first_item_(lanes_[static_cast<std::size_t>(range.first)].begin),
      loader_(pack, split, loader_options(specification.recipe, specification.seed), batch_shape(specification.recipe),
              prefetch_options(specification, range, first_step, std::move(wanted))) {}

std::vector<std::int64_t> PackSource::lane_rows(std::uint64_t) {
  std::vector<std::int64_t> rows;
  for (const datasets::ItemRange& lane : lanes_) rows.push_back(static_cast<std::int64_t>(lane.size()));
  return rows;
}

LaneBatch PackSource::batch(std::uint64_t step, int lane) {
  if (current_ == nullptr || current_->step != step) {
    RESOLUTE_EXPECT(step == next_step_, "batches are asked for in the order of steps");
    const auto begun = std::chrono::steady_clock::now();
    current_ = &loader_.next();
    waited_ += std::chrono::steady_clock::now() - begun;
    ++next_step_;
  }
  datasets::ItemRange items = lanes_.at(static_cast<std::size_t>(lane));
  items.begin -= first_item_;
  items.end -= first_item_;
  LaneBatch batch;
  batch.hr = images(current_->hr, items);
  if (!current_->lr.empty()) batch.lr = images(current_->lr, items);
  for (const std::vector<float>& copies : current_->copies) batch.copies.push_back(images(copies, items));
  const auto rows = static_cast<std::int64_t>(items.size());
  at::Tensor labels = at::empty({rows}, staging(at::kLong));
  // Stays on the CPU: methods branch on it, and reading it on a GPU would wait for all that is under way there.
  batch.has_hr = at::empty({rows}, at::kBool);
  batch.lr_rates = at::empty({rows}, at::kLong);
  if (!labelled_.empty()) batch.has_label = at::empty({rows}, at::kBool);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool labelled = labelled_.empty() || labelled_[current_->items[items.begin + i].item] != 0;
    labels.mutable_data_ptr<std::int64_t>()[i] = labelled ? current_->labels[items.begin + i] : -1;
    batch.lr_rates.mutable_data_ptr<std::int64_t>()[i] = current_->lr_rates[items.begin + i];
    batch.has_hr.mutable_data_ptr<bool>()[i] = current_->has_hr[items.begin + i] != 0;
    if (batch.has_label.defined()) batch.has_label.mutable_data_ptr<bool>()[i] = labelled;
  }
  batch.labels = placed(std::move(labels));
  batch.seed = seed_;
  batch.step = step;
  batch.lane = lane;
  return batch;
}

// A copy in memory of its own: where a lane's images begin must not depend on which other lanes this rank runs, lest a
// kernel that looks at alignment takes another path.
at::Tensor PackSource::images(const std::vector<float>& pixels, datasets::ItemRange items) const {
  const auto rows = static_cast<std::int64_t>(items.size());
  const std::size_t floats = static_cast<std::size_t>(height_ * width_ * 3);
  at::Tensor tensor = at::empty({rows, height_, width_, 3}, staging(at::kFloat));
  std::copy_n(pixels.data() + items.begin * floats, items.size() * floats, tensor.mutable_data_ptr<float>());
  return placed(std::move(tensor)).permute({0, 3, 1, 2});
}

// What a GPU copies from while the CPU goes on has to be pinned; libtorch keeps such memory, and does not give it out
// again before the copy is done.
at::TensorOptions PackSource::staging(at::ScalarType type) const {
  return at::TensorOptions(type).pinned_memory(!place_.is_cpu());
}

at::Tensor PackSource::placed(at::Tensor staged) const {
  return place_.is_cpu() ? staged : staged.to(place_, staged.scalar_type(), /*non_blocking=*/true);
}

}  // namespace resolute::workers
