#pragma once
//! \file
//! Generators of valid specifications, for properties. Each draws from the property that calls it.

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/sha256.h"
#include "experiments/specification.h"
#include "experiments/trunk_shape.h"
#include "experiments/validation.h"

namespace resolute::experiments {

template <class T>
T one_of(std::initializer_list<T> values) {
  return *rc::gen::elementOf(std::vector<T>(values));
}

inline std::string name_of(std::initializer_list<const char*> names) { return one_of<const char*>(names); }

template <settings::Choice E>
E any_choice() {
  return static_cast<E>(*rc::gen::inRange<std::size_t>(0, settings::word_list<E>().size()));
}

inline int between(int low, int high) { return *rc::gen::inRange(low, high + 1); }

inline double fraction() { return between(0, 1000) / 1000.0; }

inline double positive() { return between(1, 1000) / 1000.0; }

inline std::vector<int> subset_of(const std::vector<int>& from, bool empty_too) {
  std::vector<int> chosen;
  for (int value : from)
    if (*rc::gen::arbitrary<bool>()) chosen.push_back(value);
  if (chosen.empty() && !empty_too) chosen.push_back(from.front());
  return chosen;
}

inline PackSettings any_pack() {
  PackSettings pack;
  pack.name = name_of({"a", "easy", "mlr-cuhk03"});
  pack.source = any_choice<settings::Source>();
  if (pack.source == settings::Source::kSynthetic)
    pack.synthetic = SyntheticSettings{any_choice<settings::Subject>(),
                                       between(64, 90),
                                       between(2, 9),
                                       between(2, 20),
                                       between(32, 300),
                                       between(16, 300),
                                       *rc::gen::arbitrary<std::uint64_t>(),
                                       fraction()};
  pack.rates = subset_of({1, 2, 3, 4, 8, 16}, false);
  if (pack.rates.back() == 1) pack.rates.push_back(2);
  pack.kernel = any_choice<settings::Kernel>();
  pack.height = 4 * between(25, 64);  // f5 of every trunk has 4 rows
  pack.width = 4 * between(4, 32);
  pack.shards = between(1, 9);
  pack.view_from = any_choice<settings::ViewFrom>();
  return pack;
}

inline SplitSettings any_split(const PackSettings& pack) {
  using settings::LrSide;
  using settings::Partition;
  using settings::TrainPool;
  const settings::SourceFacts& facts = settings::facts_of(pack.source);
  SplitSettings split;
  split.seed = *rc::gen::arbitrary<std::uint64_t>();
  split.partition = one_of({Partition::kRandomHalves, Partition::kOfficial});
  if (facts.published_sets != 0 && *rc::gen::arbitrary<bool>()) {
    split.partition = Partition::kPublished;
    split.seed = static_cast<std::uint64_t>(between(0, facts.published_sets - 1));
  }
  if (facts.one_camera)
    split.lr_camera = 0;
  else if (!facts.came_low && *rc::gen::arbitrary<bool>())
    split.lr_side = pack.synthetic && pack.synthetic->cameras % 2 != 0
                        ? one_of({LrSide::kDrawn, LrSide::kIdentity})
                        : one_of({LrSide::kDrawn, LrSide::kPair, LrSide::kIdentity});
  else if (!facts.came_low)
    split.lr_camera = between(0, 2);
  split.query_rates = subset_of(pack.rates, false);
  split.train_pool = split.lr_camera == 0 ? one_of({TrainPool::kMlr, TrainPool::kHrBothViews})
                     : facts.came_low     ? one_of({TrainPool::kMlr, TrainPool::kHrViewOnly})
                                          : any_choice<TrainPool>();
  split.train_identities = one_of({0, 32});
  // A synthetic set keeps 32 of its 64 and more to train.
  if (split.partition == Partition::kRandomHalves) split.test_identities = between(0, 32);
  return split;
}

inline std::string any_mining() { return name_of({"random", "batch-hard", "all"}); }

//! \param train_rates what its cascade may aim at \param steps of the training
inline MsiflaOptions any_msifla(const std::vector<int>& train_rates, int steps) {
  std::vector<int> scales;
  for (auto rate = train_rates.rbegin(); rate != train_rates.rend() && scales.size() < 3; ++rate)
    if (*rate != 1 && *rc::gen::arbitrary<bool>()) scales.push_back(*rate);
  scales.push_back(1);
  const bool classification = *rc::gen::arbitrary<bool>();
  return {.scales = scales,
          .reid_networks = name_of({"per-scale", "shared"}),
          .classification = classification,
          .triplet = !classification || *rc::gen::arbitrary<bool>(),
          .margin = positive(),
          .mining = any_mining(),
          .recovery_weight = positive(),
          .reid_into_ir = *rc::gen::arbitrary<bool>(),
          .ir_width = 2 * between(1, 512),
          .ir_residual = *rc::gen::arbitrary<bool>(),
          .ir_learning_rate = positive(),
          .ir_warmup_steps = between(0, steps - 1),
          .unit_parts = *rc::gen::arbitrary<bool>()};
}

//! Its masks are progressive only where the training is long enough for the stage of each.
inline ResolutionAdaptiveOptions any_resolution_adaptive(const NetworkSettings& network, int steps) {
  ResolutionAdaptiveOptions o;
  o.level_rates = *rc::gen::elementOf(std::vector<std::vector<int>>{{2, 1}, {4, 1}, {8, 3, 1}, {4, 3, 2, 1}});
  o.widths.clear();
  for (std::size_t i = 0; i < o.level_rates.size(); ++i) o.widths.push_back(between(1, 1024));
  o.varying_length = *rc::gen::arbitrary<bool>();
  o.masks = name_of({"off", "joint", "progressive"});
  o.mask_blocks = name_of({"blocks", "stages"});
  o.mask_mean = between(-20, 20) / 3.0;
  o.mask_deviation = fraction() * 5;
  o.mask_learning_rate = positive();
  o.classification = *rc::gen::arbitrary<bool>();
  o.verification = !o.classification || *rc::gen::arbitrary<bool>();
  o.verification_weight = fraction() / 3;
  o.verification_width = between(1, 1024);
  const int masks = mask_count(o, network);
  if (o.masks == "progressive" && steps <= masks) o.masks = "joint";
  if (o.masks == "progressive") o.stage_steps = between(0, (steps - 1) / masks);
  return o;
}

inline MethodOptions any_method() {
  const bool triplet = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>())
    return BaselineOptions{.images = name_of({"hr", "stored"}),
                           .classification = true,
                           .triplet = triplet,
                           .margin = positive(),
                           .mining = any_mining(),
                           .classification_weight = fraction() * 5};
  if (*rc::gen::arbitrary<bool>()) {
    const bool transformation = *rc::gen::arbitrary<bool>();
    const bool transformed_losses = *rc::gen::arbitrary<bool>();
    return FtwaOptions{.classification = true,
                       .triplet = triplet,
                       .margin = positive(),
                       .mining = any_mining(),
                       .classification_weight = fraction() * 5,
                       .triplet_weight = fraction() / 3,
                       .transformation = transformation,
                       .transformation_weight = fraction() / 7,
                       .transformation_detach = name_of({"hr", "lr", "none"}),
                       .transformed_losses = transformed_losses,
                       .transformation_blocks = between(1, 16),
                       .weighting = transformation && transformed_losses && *rc::gen::arbitrary<bool>(),
                       .classification_weighting = name_of({"per-sample", "batch-mean"}),
                       .triplet_weighting = name_of({"per-sample", "batch-mean"}),
                       .weight_balance = fraction()};
  }
  const std::vector<int> levels = subset_of({1, 2, 3, 4, 5}, true);
  return RainOptions{.levels = levels,
                     .classification = *rc::gen::arbitrary<bool>(),
                     .triplet = triplet,
                     .reconstruction = true,
                     .margin = positive(),
                     .mining = any_mining(),
                     .adversary = levels.empty() ? "off" : name_of({"minimax", "non-saturating"}),
                     .updates = name_of({"alternating", "simultaneous"}),
                     .discriminator = name_of({"convolutional", "pixelwise"}),
                     .decoder = name_of({"nearest", "transposed"}),
                     .adversarial_weight = fraction() * 7,
                     .reconstruction_weight = fraction() / 3,
                     .supervision = name_of({"all", "hr-only-labels"})};
}

inline TrainingSpecification any_training() {
  TrainingSpecification s;
  s.method = any_method();
  s.network = {name_of({"resnet50", "resnet-small"}), between(1, 2), *rc::gen::arbitrary<bool>(),
               name_of({"joint", "separate"})};
  s.pack = any_pack();
  s.split = any_split(s.pack);
  s.lanes = between(1, 8);
  s.recipe = {.steps = between(1, 1'000'000),
              .identities = between(16, 32),
              .images = 2 * between(2, 4),
              .lr_images = between(0, 2),
              .train_rates = subset_of(s.pack.rates, false),
              .learning_rate = (1 + fraction()) / 3e4,
              .weight_decay = fraction(),
              .decay = name_of({"all", "weights"}),
              .gradient_clip = fraction(),
              .warmup_steps = between(0, 1),
              .schedule = "step",
              .milestones = subset_of({1, 10, 4000}, true),
              .gamma = (1 + fraction()) / 2,
              .label_smoothing = fraction() / 2,
              .labelled_fraction = fraction(),
              .discriminator_learning_rate = (1 + fraction()) / 7e5,
              .flip = fraction(),
              .pad = between(0, 16),
              .erasing = fraction(),
              .precision = name_of({"f32", "bf16"})};
  if (method_name(s.method) == FtwaOptions::kMethod) {
    s.recipe.lr_images = s.recipe.images / 2;
    s.recipe.labelled_fraction = (1 + fraction()) / 2;
  }
  if (*rc::gen::arbitrary<bool>()) {
    std::erase(s.recipe.train_rates, 1);
    if (s.recipe.train_rates.empty()) s.recipe.train_rates = {s.pack.rates.back()};
    s.method = any_msifla(s.recipe.train_rates, s.recipe.steps);
    s.recipe.lr_images = s.recipe.images / 2;
    s.recipe.labelled_fraction = (1 + fraction()) / 2;
  }
  if (between(0, 3) == 0) {
    s.method = any_resolution_adaptive(s.network, s.recipe.steps);
    s.recipe.labelled_fraction = (1 + fraction()) / 2;
  }
  if (s.recipe.milestones.empty()) s.recipe.schedule = name_of({"step", "cosine"});
  s.device = name_of({"cpu", "cuda"});
  s.seed = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::arbitrary<bool>()) s.initial_weights = core::sha256_hex(std::string_view("weights"));
  return s;
}

inline EvaluationSpecification any_evaluation() {
  const PackSettings pack = any_pack();
  const SplitSettings split = any_split(pack);
  const bool came_low = settings::facts_of(pack.source).came_low;
  EvaluationProtocol protocol{.name = "single-shot",
                              .draws = between(1, 1000),
                              .query_rates = came_low ? std::vector<int>{} : subset_of(pack.rates, true),
                              .panels = between(0, 9),
                              .sample_rates = subset_of(pack.rates, true),
                              .sample_identities = between(1, 60),
                              .resolution_probe = *rc::gen::arbitrary<bool>(),
                              .gallery_rate = one_of({1, pack.rates.back()}),
                              .distance = name_of({"default", "weighted", "equal", "hr", "lr"}),
                              .gallery_copy_rate = between(0, 16),
                              .query_level = name_of({"known", "native-size", "highest", "lowest"})};
  // Queries at rate 1 alone are HR images: a probe has nothing to tell.
  const std::vector<int>& asked = protocol.query_rates.empty() ? split.query_rates : protocol.query_rates;
  if (asked == std::vector<int>{1}) protocol.resolution_probe = false;
  return {{core::sha256_hex(std::to_string(between(0, 9)))}, pack, split, protocol};
}

inline JobSpecification any_job() {
  switch (between(0, 3)) {
    case 0: {
      const PackSettings pack = any_pack();
      return ShardSpecification{pack, between(0, pack.shards - 1)};
    }
    case 1:
      return SealSpecification{any_pack()};
    case 2:
      return any_training();
    default:
      return any_evaluation();
  }
}

}  // namespace resolute::experiments
