#include "experiments/specification/estimated_split.h"

#include <algorithm>
#include <cmath>

#include "settings/raw_data.h"

namespace resolute::experiments {
namespace {

using settings::LrSide;
using settings::Partition;
using settings::TrainPool;

//! A set of equally many images of each identity and camera.
struct Set {
  double people = 0, images = 0, distractors = 0, cameras = 0;
  double train_people = 0, train_images = 0;  // official
  double test_people = 0;                     // of a published set
};

std::optional<Set> set_of(const settings::PackSettings& pack) {
  if (pack.synthetic) {
    const auto& drawn = *pack.synthetic;
    Set set;
    set.people = drawn.identities;
    set.cameras = drawn.cameras;
    set.images = set.people * set.cameras * drawn.images_per_camera;
    set.train_people = std::floor(set.people / 2);
    set.train_images = set.images * set.train_people / set.people;
    set.test_people = set.people - set.train_people;
    return set;
  }
  const settings::RawData* raw = settings::raw_data_of(pack.source);
  if (raw == nullptr) return std::nullopt;
  return Set{static_cast<double>(raw->people),       static_cast<double>(raw->images),
             static_cast<double>(raw->distractors),  static_cast<double>(raw->cameras),
             static_cast<double>(raw->train_people), static_cast<double>(raw->train_images),
             static_cast<double>(raw->test_people)};
}

//! The share of an identity's images that is of the LR side.
double low_share(const settings::SplitSettings& split, double cameras) {
  if (split.lr_side == LrSide::kPair) return 0.5;
  const auto low = split.low_cameras();
  if (split.lr_side == LrSide::kCamera && low.front() == 0) {
    // Each image stays or is stored at one of the rates, all equally likely.
    const auto rates = static_cast<double>(split.query_rates.size());
    return rates / (rates + 1);
  }
  return std::min(static_cast<double>(low.size()) / std::max(cameras, 1.0), 1.0);
}

}  // namespace

std::optional<EstimatedSplit> estimated_split(const settings::PackSettings& pack,
                                              const settings::SplitSettings& split) {
  const auto set = set_of(pack);
  if (!set) return std::nullopt;
  EstimatedSplit found;
  found.images = set->images + set->distractors;
  switch (split.partition) {
    case Partition::kRandomHalves:
      found.people = !split.tested.empty()       ? std::max(set->people - static_cast<double>(split.tested.size()), 0.0)
                     : split.test_identities > 0 ? std::max(set->people - split.test_identities, 0.0)
                                                 : std::floor(set->people / 2);
      found.train = set->images * found.people / set->people;
      break;
    case Partition::kOfficial:
      if (set->train_images == 0) return std::nullopt;
      found.people = set->train_people;
      found.train = set->train_images;
      break;
    case Partition::kPublished:
      if (set->test_people == 0) return std::nullopt;
      found.people = set->people - set->test_people;
      found.train = set->images * found.people / set->people;
      break;
  }
  double tested = set->people - found.people, test_images = set->images - found.train;
  found.tested_again = split.partition == Partition::kOfficial || !split.tested.empty() ? 1 : tested / set->people;
  if (const double held_out = std::min<double>(split.validation_identities, found.people); held_out > 0) {
    found.tested_again = held_out / found.people;
    test_images = found.train * held_out / found.people;
    found.train -= test_images;
    found.people -= held_out;
    tested = held_out;
  }
  found.tested = tested;
  if (split.train_identities > 0 && split.train_identities < found.people) {
    found.train *= split.train_identities / found.people;
    found.people = split.train_identities;
  }
  const double low = low_share(split, set->cameras);
  if (split.train_pool == TrainPool::kHrViewOnly) found.train *= 1 - low;
  if (settings::shows_low(split.train_pool)) found.low = low;
  const bool any_camera = split.lr_side == LrSide::kCamera && split.low_cameras().front() == 0;
  // The gallery is one image of each, of any camera.
  found.queries = any_camera ? std::max(test_images - tested, 0.0) : test_images * low;
  found.gallery = test_images - found.queries + (split.validation_identities > 0 ? 0 : set->distractors);
  return found;
}

std::optional<int> most_training_identities(const settings::PackSettings& pack, const settings::SplitSettings& split) {
  const settings::RawData* raw = settings::raw_data_of(pack.source);
  if (!pack.synthetic && (raw == nullptr || raw->part)) return std::nullopt;
  // A layout's own partitions divide a stand-in otherwise.
  if (pack.synthetic && split.partition != Partition::kRandomHalves) return std::nullopt;
  const auto estimated = estimated_split(pack, split);
  return estimated ? std::optional(static_cast<int>(std::lround(estimated->people))) : std::nullopt;
}

}  // namespace resolute::experiments
