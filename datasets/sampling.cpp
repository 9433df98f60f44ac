#include "datasets/sampling.h"

#include <algorithm>
#include <map>
#include <span>

#include "core/random.h"

namespace resolute::datasets {
namespace {

// Epoch `epoch`'s order. Its first identities must not repeat the batch that the last epoch began: those move behind.
std::vector<std::size_t> epoch_order(std::uint64_t seed, std::uint64_t epoch, std::size_t classes, std::size_t batch,
                                     std::span<const std::size_t> previous) {
  core::RandomStream stream("batch-identities", {seed, epoch});
  std::vector<std::size_t> order = stream.permutation(classes);
  // How many of the previous epoch's identities stand in the batch that this epoch completes.
  const auto begun = static_cast<std::size_t>((epoch % batch) * (classes % batch) % batch);
  if (begun == 0 || previous.empty()) return order;
  const std::size_t missing = batch - begun;
  auto tail = previous.last(begun);
  std::vector<std::size_t> head;
  std::vector<std::size_t> rest;
  for (std::size_t label : order) {
    bool repeats = std::find(tail.begin(), tail.end(), label) != tail.end();
    (head.size() < missing && !repeats ? head : rest).push_back(label);
  }
  head.insert(head.end(), rest.begin(), rest.end());
  return head;
}

// `count` items, the cameras taking turns, each in its own order; all of them come before one comes again.
void take_turns(const std::vector<std::vector<std::size_t>>& cameras, int count, std::uint64_t epoch,
                std::vector<BatchItem>& to) {
  int chosen = 0;
  for (std::uint32_t occurrence = 0; chosen < count; ++occurrence) {
    std::size_t taken = 1;
    for (std::size_t turn = 0; taken > 0 && chosen < count; ++turn) {
      taken = 0;
      for (const auto& items : cameras) {
        if (turn >= items.size() || chosen == count) continue;
        to.push_back({items[turn], epoch, occurrence, false});
        ++taken;
        ++chosen;
      }
    }
  }
}

}  // namespace

BatchPlanner::BatchPlanner(const Split& split, const BatchShape& shape, std::uint64_t seed)
    : split_(&split), shape_(shape), seed_(seed) {
  RESOLUTE_EXPECT(shape.identities >= 1 && shape.images >= 1, "a batch has at least one identity and one image");
  RESOLUTE_EXPECT(shape.lr_images >= 0 && shape.lr_images < shape.images, "an identity's LR images are fewer than all");
  std::vector<std::map<std::int64_t, std::vector<std::size_t>>> cameras(
      static_cast<std::size_t>(std::max(split.train_identities, 0)));
  for (std::size_t i = 0; i < split.train.size(); ++i) {
    const TrainItem& item = split.train[i];
    cameras.at(static_cast<std::size_t>(item.label))[item.camera].push_back(i);
  }
  for (auto& of_identity : cameras) {
    if (of_identity.empty())
      throw core::input_error("a training identity has no image", "the split's labels have a gap");
    auto& groups = by_camera_.emplace_back();
    for (auto& [camera, items] : of_identity) groups.push_back(std::move(items));
  }
  if (by_camera_.size() < static_cast<std::size_t>(shape.identities))
    throw core::input_error(fmt::format("a batch of {} identities from {}", shape.identities, by_camera_.size()),
                            "no identity comes twice in a batch", "lower train.identities");
}

void BatchPlanner::go_to_epoch(std::uint64_t epoch) {
  const auto batch = static_cast<std::size_t>(shape_.identities);
  if (order_.empty() || epoch < epoch_) {
    epoch_ = 0;
    previous_.clear();
    order_ = epoch_order(seed_, 0, by_camera_.size(), batch, {});
  }
  while (epoch_ < epoch) {
    previous_ = std::move(order_);
    order_ = epoch_order(seed_, ++epoch_, by_camera_.size(), batch, previous_);
  }
}

void BatchPlanner::choose_images(int label, std::uint64_t epoch, std::uint64_t step, std::vector<BatchItem>& to) const {
  core::RandomStream stream("batch-images", {seed_, step, static_cast<std::uint64_t>(label)});
  auto cameras = by_camera_[static_cast<std::size_t>(label)];
  stream.shuffle(std::span(cameras));
  for (auto& items : cameras) stream.shuffle(std::span(items));
  const auto has_hr = [this](std::size_t item) { return split_->train[item].has_hr; };
  const auto is_empty = [](const std::vector<std::vector<std::size_t>>& groups) {
    return std::all_of(groups.begin(), groups.end(), [](const auto& items) { return items.empty(); });
  };
  std::vector<std::vector<std::size_t>> low;
  if (shape_.lr_images > 0)
    for (auto& items : cameras) {
      const auto first_low = std::stable_partition(items.begin(), items.end(), has_hr);
      low.emplace_back(first_low, items.end());
      items.erase(first_low, items.end());
    }
  if (is_empty(low)) {
    take_turns(cameras, shape_.images, epoch, to);
    for (auto item = to.end() - shape_.lr_images; item != to.end(); ++item) item->low = true;
  } else if (is_empty(cameras)) {
    take_turns(low, shape_.images, epoch, to);
  } else {
    take_turns(cameras, shape_.images - shape_.lr_images, epoch, to);
    take_turns(low, shape_.lr_images, epoch, to);
  }
}

std::vector<BatchItem> BatchPlanner::plan(std::uint64_t step) {
  const std::uint64_t classes = by_camera_.size();
  const auto batch = static_cast<std::uint64_t>(shape_.identities);
  std::vector<BatchItem> items;
  items.reserve(static_cast<std::size_t>(shape_.identities) * static_cast<std::size_t>(shape_.images));
  for (std::uint64_t position = step * batch; position < (step + 1) * batch; ++position) {
    const std::uint64_t epoch = position / classes;
    // The batch's first position may lie in the epoch before that of its last one: the planner keeps both.
    if (order_.empty() || epoch > epoch_ || epoch + 1 < epoch_ || (epoch < epoch_ && previous_.empty()))
      go_to_epoch(epoch);
    const auto& order = epoch == epoch_ ? order_ : previous_;
    choose_images(static_cast<int>(order[static_cast<std::size_t>(position % classes)]), epoch, step, items);
  }
  return items;
}

std::vector<BatchItem> plan_batch(const Split& split, const BatchShape& shape, std::uint64_t seed, std::uint64_t step) {
  return BatchPlanner(split, shape, seed).plan(step);
}

std::vector<int> identities_per_lane(int identities, int lanes) {
  RESOLUTE_EXPECT(identities >= 0 && lanes >= 1, "identities are shared among at least one lane");
  std::vector<int> sizes(static_cast<std::size_t>(lanes), identities / lanes);
  for (std::size_t i = 0; i < static_cast<std::size_t>(identities % lanes); ++i) ++sizes[i];
  return sizes;
}

ItemRange lane_items(int identities, int images, int lanes, int first, int last) {
  RESOLUTE_EXPECT(0 <= first && first <= last && last <= lanes, "lanes out of range");
  auto sizes = identities_per_lane(identities, lanes);
  auto items_before = [&](int lane) {
    int before = 0;
    for (int i = 0; i < lane; ++i) before += sizes[static_cast<std::size_t>(i)];
    return static_cast<std::size_t>(before) * static_cast<std::size_t>(images);
  };
  return {items_before(first), items_before(last)};
}

}  // namespace resolute::datasets
