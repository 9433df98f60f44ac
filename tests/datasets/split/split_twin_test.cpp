// Splits of every kind against a second, naive writing of docs/inside/formats/manifest.md: role by role, image by
// image.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/random/random.h"
#include "datasets/samples/name_key.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::split_twin_test {
namespace {

using core::RandomStream;

class Twin {
 public:
  Twin(const std::vector<PackRow>& rows, const SplitSettings& options, const PackShape& shape)
      : rows_(rows), options_(options), shape_(shape) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      came_low_ = came_low_ || rows[i].sample.rate != 1;
      if (rows[i].sample.identity != 0) images_[rows[i].sample.identity].push_back(i);
    }
    give_roles();
  }

  Split split() const {
    Split split{"made-up", std::string(64, '0'), options_, {}, 0, {}, {}, 0};
    std::vector<std::int64_t> labels;
    for (const auto& [identity, role] : roles_) {
      if (role == 'T') labels.push_back(identity);
      split.left_out += role == '-';
    }
    split.train_identities = static_cast<int>(labels.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Sample& s = rows_[i].sample;
      const char role = s.identity == 0 ? 'D' : roles_.at(s.identity);
      const bool low = is_low(i);
      const bool taken_low = low && came_low_;
      if (role == 'T') {
        if (low && options_.train_pool == TrainPool::kHrViewOnly) continue;
        const int rate = low && options_.train_pool == TrainPool::kMlr ? rate_of(i, true) : 1;
        const auto label = std::ranges::find(labels, s.identity) - labels.begin();
        split.train.push_back(
            {i, s.path, s.identity, static_cast<int>(label), s.camera, !taken_low && rate == 1, rate, taken_low});
      } else if (low && role == 'Q' && is_answered(s)) {
        split.query.push_back({i, s.path, s.identity, s.camera, rate_of(i, false), taken_low});
      } else if (!low && (role == 'Q' || role == 'G') && can_answer(i)) {
        split.gallery.push_back({i, s.path, s.identity, s.camera});
      } else if (!low && role == 'D' && s.subset != "train" &&
                 (options_.partition == Partition::kOfficial || options_.distractors == Distractors::kAlways)) {
        split.gallery.push_back({i, s.path, s.identity, s.camera});
      }
    }
    return split;
  }

 private:
  bool anywhere() const { return options_.lr_side == LrSide::kCamera && options_.lr_camera == 0; }

  // For lr_camera 0 the sides of test identities; training images are of the LR side, one and all.
  bool is_low(std::size_t i) const {
    const Sample& s = rows_[i].sample;
    if (came_low_) return s.rate != 1;
    if (anywhere()) return s.identity != 0 && !(tested(s.identity) && hr_row(s.identity) == i);
    if (options_.lr_side == LrSide::kQuery && s.subset != "train") return s.subset == "query";
    if (!options_.lr_cameras.empty()) return std::ranges::count(options_.lr_cameras, s.camera) != 0;
    return s.camera == lr_camera(s);
  }

  // lr_side "query": by a gallery image from another camera.
  bool is_answered(const Sample& query) const {
    if (options_.lr_side != LrSide::kQuery) return true;
    return std::ranges::any_of(rows_, [&](const PackRow& row) {
      return row.sample.identity == query.identity && row.sample.subset == "gallery" &&
             row.sample.camera != query.camera;
    });
  }

  bool tested(std::int64_t identity) const {
    const auto role = roles_.find(identity);
    return role != roles_.end() && (role->second == 'Q' || role->second == 'G');
  }

  std::size_t hr_row(std::int64_t identity) const {
    const auto& images = images_.at(identity);
    RandomStream stream("split-gallery", {options_.seed, static_cast<std::uint64_t>(identity)});
    return images[stream.below(images.size())];
  }

  // The camera that is low for whoever is on `s`; -1: none.
  std::int64_t lr_camera(const Sample& s) const {
    if (options_.lr_side == LrSide::kCamera || options_.lr_side == LrSide::kQuery) return options_.lr_camera;
    std::set<std::int64_t> cameras;
    for (const PackRow& row : rows_)
      if (row.sample.identity != 0 && (options_.lr_side != LrSide::kIdentity || row.sample.identity == s.identity))
        cameras.insert(row.sample.camera);
    const std::vector<std::int64_t> list(cameras.begin(), cameras.end());
    if (options_.lr_side == LrSide::kDrawn)
      return list[RandomStream("split-lr-camera", {options_.seed}).below(list.size())];
    if (options_.lr_side == LrSide::kPair) {
      const std::int64_t pair = (s.camera + 1) / 2;
      RandomStream stream("split-lr-pair", {options_.seed, static_cast<std::uint64_t>(pair)});
      return 2 * pair - 1 + static_cast<std::int64_t>(stream.below(2));
    }
    if (s.identity == 0) return -1;
    RandomStream stream("split-lr-identity", {options_.seed, static_cast<std::uint64_t>(s.identity)});
    return list[stream.below(list.size())];
  }

  bool can_answer(std::size_t i) const {
    if (is_low(i)) return false;
    if (!came_low_) return true;
    for (const std::size_t other : images_.at(rows_[i].sample.identity))
      if (is_low(other) && rows_[other].sample.camera == rows_[i].sample.camera) return false;
    return true;
  }

  int rate_of(std::size_t i, bool training) const {
    const PackRow& row = rows_[i];
    const auto has = [](const std::vector<int>& rates, int rate) {
      return std::ranges::find(rates, rate) != rates.end();
    };
    if (came_low_) {
      if (row.sample.rate > 1 && has(shape_.rates, row.sample.rate)) return row.sample.rate;
      const double size = std::log(
          std::sqrt(static_cast<double>(shape_.height * shape_.width) / (row.native_height * row.native_width)));
      int best = 0;
      for (int rate = 16; rate >= 1; --rate)
        if (has(options_.query_rates, rate) &&
            (best == 0 || std::abs(std::log(rate) - size) <= std::abs(std::log(best) - size) + 1e-12))
          best = rate;
      return best;
    }
    std::vector<int> rates = options_.query_rates;
    if (training && anywhere() && !has(rates, 1)) rates.insert(rates.begin(), 1);
    RandomStream stream("split-rate", {options_.seed, name_key("made-up"),
                                       static_cast<std::uint64_t>(row.sample.identity), name_key(row.sample.path)});
    return rates[stream.below(rates.size())];
  }

  // T: trains; Q: asked for; G: in the gallery, never asked for; -: left out.
  void give_roles() {
    std::vector<std::int64_t> divisible;
    for (const auto& [identity, images] : images_) {
      const bool any_low = std::ranges::any_of(images, [&](std::size_t i) { return is_low(i); });
      const bool any_high = std::ranges::any_of(images, [&](std::size_t i) { return !is_low(i); });
      const bool answered = std::ranges::any_of(images, [&](std::size_t i) { return can_answer(i); });
      const bool twice = images.size() >= 2;
      const bool trainable = anywhere() ? twice : any_high || options_.train_pool != TrainPool::kHrViewOnly;
      const char test_role = anywhere() ? (twice ? 'Q' : '-') : !answered ? '-' : any_low ? 'Q' : 'G';
      const Sample& s = rows_[images.front()].sample;
      if (options_.partition == Partition::kOfficial) {
        new_roles_[identity] = s.subset == "train" ? (trainable ? 'T' : '-') : test_role;
      } else if (options_.partition == Partition::kPublished) {
        new_roles_[identity] = (s.test_sets >> options_.seed & 1U) == 0 ? (trainable ? 'T' : '-') : test_role;
      } else if (test_role == 'Q') {
        divisible.push_back(identity);
      } else {
        new_roles_[identity] = '-';
      }
    }
    const std::size_t count = divisible.size();
    RandomStream("split-halves", {options_.seed}).shuffle(std::span(divisible));
    const std::size_t train =
        options_.test_identities > 0 ? count - static_cast<std::size_t>(options_.test_identities) : count / 2;
    for (std::size_t i = 0; i < count; ++i) new_roles_[divisible[i]] = i < train ? 'T' : 'Q';
    if (options_.train_identities > 0) {
      std::vector<std::int64_t> training;
      for (const auto& [identity, role] : new_roles_)
        if (role == 'T') training.push_back(identity);
      RandomStream("split-train-identities", {options_.seed}).shuffle(std::span(training));
      for (std::size_t i = static_cast<std::size_t>(options_.train_identities); i < training.size(); ++i)
        new_roles_[training[i]] = '-';
    }
    roles_ = new_roles_;
  }

  const std::vector<PackRow>& rows_;
  const SplitSettings& options_;
  const PackShape& shape_;
  bool came_low_ = false;
  std::map<std::int64_t, std::vector<std::size_t>> images_;
  std::map<std::int64_t, char> roles_, new_roles_;
};

// Cameras come in pairs, so that every lr_side can be; a distractor in some.
std::vector<PackRow> random_rows(bool came_low) {
  auto cameras = *rc::gen::container<std::vector<std::vector<std::int64_t>>>(
      *rc::gen::inRange<std::size_t>(0, 20),
      rc::gen::container<std::vector<std::int64_t>>(*rc::gen::inRange<std::size_t>(1, 6),
                                                    rc::gen::inRange<std::int64_t>(1, 5)));
  const auto whole = static_cast<std::int64_t>(cameras.size());
  for (int i = 0; i < 8; ++i) cameras.push_back({1, 2, 3, 4});
  auto rows = tests::rows_of(cameras);
  for (PackRow& row : rows) row.sample.test_sets = row.sample.identity % 2 == 0 ? 2 : 5;
  for (std::size_t i = 0; i < rows.size(); i += 2)
    if (rows[i].sample.subset == "query") rows[i].sample.subset = "gallery";
  if (came_low)
    for (PackRow& row : rows) {
      row.sample.rate = row.sample.camera % 2 == 0    ? *rc::gen::element(0, 2, 3, 7)
                        : row.sample.identity > whole ? 1
                                                      : *rc::gen::element(1, 1, 1, 3);
      row.native_height = *rc::gen::inRange(8, 300);
      row.native_width = *rc::gen::inRange(8, 150);
    }
  if (*rc::gen::arbitrary<bool>()) {
    PackRow distractor = rows.front();
    distractor.sample.path = "9999_c1_0.jpg";
    distractor.sample.identity = 0;
    distractor.sample.subset = "gallery";
    distractor.sample.camera = *rc::gen::inRange<std::int64_t>(1, 5);
    distractor.source_sha256 = core::sha256_hex(distractor.sample.path);  // its own: else a query of its bytes goes
    rows.push_back(distractor);
  }
  return rows;
}

SplitSettings random_options(bool came_low) {
  SplitSettings options{.partition =
                            *rc::gen::element(Partition::kRandomHalves, Partition::kOfficial, Partition::kPublished)};
  options.seed = options.partition == Partition::kPublished ? *rc::gen::inRange<std::uint64_t>(0, 3)
                                                            : *rc::gen::arbitrary<std::uint64_t>();
  options.query_rates = *rc::gen::elementOf(std::vector<std::vector<int>>{{2, 3, 4}, {4}, {1, 3}, {2, 8}});
  if (options.partition == Partition::kRandomHalves) options.test_identities = *rc::gen::element(0, 0, 1, 3);
  options.train_identities = *rc::gen::element(0, 0, 2, 3);
  if (options.partition != Partition::kOfficial)
    options.distractors = *rc::gen::element(Distractors::kOfficial, Distractors::kAlways);
  if (came_low) {
    options.train_pool = *rc::gen::element(TrainPool::kMlr, TrainPool::kHrViewOnly);
    return options;
  }
  options.lr_side = *rc::gen::element(LrSide::kCamera, LrSide::kDrawn, LrSide::kPair, LrSide::kIdentity,
                                      options.partition == Partition::kOfficial ? LrSide::kQuery : LrSide::kCamera);
  if (options.lr_side == LrSide::kQuery) {
    options.lr_camera = *rc::gen::inRange(1, 5);
  } else if (options.lr_side == LrSide::kCamera) {
    options.lr_cameras = *rc::gen::elementOf(std::vector<std::vector<int>>{{}, {}, {3}, {1, 3}, {1, 2, 4}});
    if (options.lr_cameras.empty()) options.lr_camera = *rc::gen::inRange(0, 5);
  }
  options.train_pool = options.lr_camera == 0
                           ? *rc::gen::element(TrainPool::kMlr, TrainPool::kHrBothViews)
                           : *rc::gen::element(TrainPool::kMlr, TrainPool::kHrBothViews, TrainPool::kHrViewOnly);
  return options;
}

// The promises of a trial whatever was asked for.
void check_promises(const std::vector<PackRow>& rows, const Split& split) {
  std::set<std::int64_t> train;
  std::set<std::size_t> used;
  for (const auto& item : split.train) {
    train.insert(item.identity);
    RC_ASSERT(used.insert(item.row).second);
  }
  RC_ASSERT(static_cast<int>(train.size()) == split.train_identities);
  for (const auto& item : split.gallery) {
    RC_ASSERT(!train.contains(item.identity));
    RC_ASSERT(rows[item.row].sample.rate == 1);
    RC_ASSERT(used.insert(item.row).second);
  }
  const bool cameras_count = split.options.lr_side != LrSide::kCamera || split.options.lr_camera != 0;
  for (const auto& query : split.query) {
    RC_ASSERT(!train.contains(query.identity));
    RC_ASSERT(used.insert(query.row).second);
    RC_ASSERT(std::ranges::any_of(split.gallery, [&](const GalleryItem& item) {
      return item.identity == query.identity && (!cameras_count || item.camera != query.camera);
    }));
  }
}

void compare_with_twin(bool came_low) {
  const std::vector<PackRow> rows = random_rows(came_low);
  const SplitSettings options = random_options(came_low);
  const PackShape shape{{2, 3, 4, 8}, 256, 128};
  const Split split = make_split(rows, "made-up", std::string(64, '0'), options, shape);
  RC_LOG() << to_json(split).at("options").dump() << "\n"
           << first_difference(Twin(rows, options, shape).split(), split);
  RC_ASSERT(Twin(rows, options, shape).split() == split);
  check_promises(rows, split);
  RC_ASSERT(split_from_json(to_json(split), "split") == split);
}

RC_GTEST_PROP(SplitTwin, agrees_on_every_partition_and_lr_side, ()) { compare_with_twin(false); }
RC_GTEST_PROP(SplitTwin, agrees_where_images_came_in_low_resolution, ()) { compare_with_twin(true); }

}  // namespace
}  // namespace resolute::datasets::split_twin_test
