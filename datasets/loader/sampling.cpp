#include "datasets/loader/sampling.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "core/random/random.h"

namespace resolute::datasets {

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
  for (auto* order : {&drawn_, &order_, &previous_}) order->reserve(by_camera_.size());
  for (const auto& groups : by_camera_) {
    std::size_t images = 0;
    for (const auto& items : groups) images += items.size();
    for (auto* items : {&items_, &with_hr_, &low_})
      if (items->capacity() < images) items->reserve(images);
    for (auto* of_items : {&cameras_, &cameras_with_hr_, &cameras_low_})
      if (of_items->capacity() < groups.size()) of_items->reserve(groups.size());
  }
}

// Round `round`'s order, from that of the one before in previous_. Its first identities must not repeat the batch that
// the last round began: those move behind.
void BatchPlanner::draw_order(std::uint64_t round) {
  core::RandomStream stream("batch-identities", {seed_, round});
  const std::size_t classes = by_camera_.size();
  const auto batch = static_cast<std::size_t>(shape_.identities);
  drawn_.resize(classes);
  std::iota(drawn_.begin(), drawn_.end(), std::size_t{0});
  stream.shuffle(std::span(drawn_));
  // How many of the previous round's identities stand in the batch that this round completes.
  const auto begun = static_cast<std::size_t>((round % batch) * (classes % batch) % batch);
  if (begun == 0 || previous_.empty()) {
    order_.swap(drawn_);
    return;
  }
  const std::size_t missing = batch - begun;
  const auto tail = std::span(previous_).last(begun);
  const auto repeats = [&](std::size_t label) { return std::ranges::find(tail, label) != tail.end(); };
  order_.clear();
  for (std::size_t& label : drawn_)
    if (order_.size() < missing && !repeats(label)) order_.push_back(std::exchange(label, classes));
  std::copy_if(drawn_.begin(), drawn_.end(), std::back_inserter(order_), [&](std::size_t l) { return l != classes; });
}

// A batch begins where `start` does (draw_order(): begun is 0), so that no round before it counts.
void BatchPlanner::go_to_round(std::uint64_t round) {
  const std::uint64_t start = round - round % static_cast<std::uint64_t>(shape_.identities);
  if (order_.empty() || round < round_ || start > round_ + 1) {
    round_ = start;
    previous_.clear();
    draw_order(start);
  }
  while (round_ < round) {
    previous_.swap(order_);
    draw_order(++round_);
  }
}

// `count` items, the cameras taking turns, each in its own order; all of them come before one comes again.
void BatchPlanner::take_turns(const std::vector<std::size_t>& items, const std::vector<Group>& cameras, int count,
                              std::uint64_t round, std::vector<BatchItem>& to) {
  int chosen = 0;
  for (std::uint32_t occurrence = 0; chosen < count; ++occurrence) {
    std::size_t taken = 1;
    for (std::size_t turn = 0; taken > 0 && chosen < count; ++turn) {
      taken = 0;
      for (const Group& camera : cameras) {
        if (camera.begin + turn >= camera.end || chosen == count) continue;
        to.push_back({items[camera.begin + turn], round, occurrence, false});
        ++taken;
        ++chosen;
      }
    }
  }
}

void BatchPlanner::choose_images(std::size_t label, std::uint64_t round, std::uint64_t step,
                                 std::vector<BatchItem>& to) {
  core::RandomStream stream("batch-images", {seed_, step, label});
  items_.clear();
  cameras_.clear();
  for (const auto& items : by_camera_[label]) {
    cameras_.push_back({items_.size(), items_.size() + items.size()});
    items_.insert(items_.end(), items.begin(), items.end());
  }
  stream.shuffle(std::span(cameras_));
  for (const Group& camera : cameras_)
    stream.shuffle(std::span(items_).subspan(camera.begin, camera.end - camera.begin));
  if (shape_.lr_images == 0) return take_turns(items_, cameras_, shape_.images, round, to);
  const auto keep = [&](bool has_hr, std::vector<std::size_t>& items, std::vector<Group>& cameras) {
    items.clear();
    cameras.clear();
    for (const Group& camera : cameras_) {
      const std::size_t begin = items.size();
      for (std::size_t i = camera.begin; i < camera.end; ++i)
        if (split_->train[items_[i]].has_hr == has_hr) items.push_back(items_[i]);
      cameras.push_back({begin, items.size()});
    }
  };
  keep(true, with_hr_, cameras_with_hr_);
  keep(false, low_, cameras_low_);
  if (low_.empty()) {
    take_turns(with_hr_, cameras_with_hr_, shape_.images, round, to);
    for (auto item = to.end() - shape_.lr_images; item != to.end(); ++item) item->low = true;
  } else if (with_hr_.empty()) {
    take_turns(low_, cameras_low_, shape_.images, round, to);
  } else {
    take_turns(with_hr_, cameras_with_hr_, shape_.images - shape_.lr_images, round, to);
    take_turns(low_, cameras_low_, shape_.lr_images, round, to);
  }
}

void BatchPlanner::plan(std::uint64_t step, std::vector<BatchItem>& to) {
  const std::uint64_t classes = by_camera_.size();
  const auto batch = static_cast<std::uint64_t>(shape_.identities);
  to.clear();
  to.reserve(static_cast<std::size_t>(shape_.identities) * static_cast<std::size_t>(shape_.images));
  for (std::uint64_t position = step * batch; position < (step + 1) * batch; ++position) {
    const std::uint64_t round = position / classes;
    // The batch's first position may lie in the round before that of its last one: the planner keeps both.
    if (order_.empty() || round > round_ || round + 1 < round_ || (round < round_ && previous_.empty()))
      go_to_round(round);
    const auto& order = round == round_ ? order_ : previous_;
    choose_images(order[static_cast<std::size_t>(position % classes)], round, step, to);
  }
}

std::vector<BatchItem> BatchPlanner::plan(std::uint64_t step) {
  std::vector<BatchItem> items;
  plan(step, items);
  return items;
}

ItemRange lane_items(int identities, int images, int lanes, int first, int last) {
  RESOLUTE_EXPECT(identities >= 0 && lanes >= 1, "identities are shared among at least one lane");
  RESOLUTE_EXPECT(0 <= first && first <= last && last <= lanes, "lanes out of range");
  const auto items_before = [&](int lane) {
    const int before = lane * (identities / lanes) + std::min(lane, identities % lanes);
    return static_cast<std::size_t>(before) * static_cast<std::size_t>(images);
  };
  return {items_before(first), items_before(last)};
}

}  // namespace resolute::datasets
