#pragma once
//! \file
//! Generators of valid specifications, for properties. Each draws from the property that calls it.

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/hash/sha256.h"
#include "experiments/specification/specification.h"
#include "experiments/specification/validation.h"
#include "settings/trunk_shape.h"

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

template <settings::Settings S>
S any_settings();

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
  pack.single_images = any_choice<settings::SingleImages>();
  pack.truncated_images = any_choice<settings::TruncatedImages>();
  pack.degradation = any_settings<settings::DegradationSettings>();
  if (std::count_if(pack.rates.begin(), pack.rates.end(), [](int rate) { return rate > 1; }) != 1)
    pack.degradation.rate.clear();
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
  if (!facts.one_camera && !facts.came_low && split.lr_side == LrSide::kCamera && *rc::gen::arbitrary<bool>()) {
    split.lr_camera = SplitSettings().lr_camera;
    if (split.partition == Partition::kOfficial && *rc::gen::arbitrary<bool>())
      split.lr_side = LrSide::kQuery;
    else
      split.lr_cameras = subset_of({1, 2}, false);
  }
  if (split.partition != Partition::kOfficial) split.distractors = any_choice<settings::Distractors>();
  split.query_rates = subset_of(pack.rates, false);
  split.train_pool = split.lr_camera == 0 ? one_of({TrainPool::kMlr, TrainPool::kHrBothViews})
                     : facts.came_low     ? one_of({TrainPool::kMlr, TrainPool::kHrViewOnly})
                                          : any_choice<TrainPool>();
  split.train_identities = one_of({0, 32});
  // A synthetic set keeps 32 of its 64 and more to train.
  if (split.partition == Partition::kRandomHalves) split.test_identities = between(0, 32);
  return split;
}

//! Any that a rule allows, and none.
template <class Number>
std::vector<Number> any_interval(const settings::Rule& rule) {
  if (*rc::gen::arbitrary<bool>()) return {};
  const auto end = [&] { return static_cast<Number>(rule.low + between(0, 100) * (rule.high - rule.low) / 100); };
  std::vector<Number> ends{end(), end()};
  std::sort(ends.begin(), ends.end());
  return ends;
}

//! Any value that a rule allows; numbers no further than 1000 from its lowest.
template <class T>
T any_value(const settings::Rule& rule) {
  if constexpr (settings::Settings<T>) {
    return any_settings<T>();
  } else if constexpr (settings::Choice<T>) {
    return static_cast<T>(between(0, static_cast<int>(words_of(T{}).size()) - 1));
  } else if constexpr (std::is_same_v<T, bool>) {
    return *rc::gen::arbitrary<bool>();
  } else if constexpr (std::is_same_v<T, int>) {
    return between(static_cast<int>(rule.low), static_cast<int>(std::min(rule.high, rule.low + 1000)));
  } else if constexpr (std::is_same_v<T, double>) {
    const double share = rule.kind == settings::Rule::Kind::kAbove ? positive() : fraction();
    return rule.low + share * (std::min(rule.high, rule.low + 1000) - rule.low);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {};  // a hash, of which no rule tells
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return any_interval<double>(rule);
  } else {
    if (rule.kind == settings::Rule::Kind::kInterval) return any_interval<int>(rule);
    std::vector<int> all;
    for (int value = static_cast<int>(rule.low); value <= rule.high && all.size() < 16; ++value) all.push_back(value);
    return subset_of(all, rule.may_be_empty);
  }
}

//! Settings of which every member is in its own range.
template <settings::Settings S>
S any_settings() {
  S result;
  S::members(
      [&](const auto& one) { result.*one.at = any_value<typename std::decay_t<decltype(one)>::Type>(one.rule); });
  return result;
}

// What members ask of one another, and of the rest of a training.

inline MethodOptions any_baseline() {
  auto options = any_settings<BaselineOptions>();
  options.classification = true;
  return options;
}

inline MethodOptions any_rain() {
  auto section = any_settings<methods::RainSection>();
  section.reconstruction = true;
  if (section.levels.empty()) section.adversary = methods::Game::kOff;
  return methods::options_of<RainOptions>(section);
}

inline MethodOptions any_cadnet(Recipe& recipe) {
  auto options = any_settings<CadnetOptions>();
  options.reconstruction = true;
  if (options.pairing == methods::Pairing::kShuffled) recipe.lr_images = recipe.images / 2;
  return options;
}

inline MethodOptions any_ftwa(Recipe& recipe) {
  auto section = any_settings<methods::FtwaSection>();
  section.classification = true;
  section.weighting = section.weighting && section.transformation && section.transformed_losses;
  recipe.lr_images = recipe.images / 2;
  return methods::options_of<FtwaOptions>(section);
}

inline MethodOptions any_msifla(Recipe& recipe, const PackSettings& pack) {
  std::erase(recipe.train_rates, 1);
  if (recipe.train_rates.empty()) recipe.train_rates = {pack.rates.back()};
  recipe.lr_images = recipe.images / 2;
  auto options = any_settings<MsiflaOptions>();
  options.scales.clear();
  for (auto rate = recipe.train_rates.rbegin(); rate != recipe.train_rates.rend() && options.scales.size() < 3; ++rate)
    if (*rc::gen::arbitrary<bool>()) options.scales.push_back(*rate);
  options.scales.push_back(1);
  if (options.scales.size() > 1) options.reid_ensemble = 1;
  options.triplet = options.triplet || !options.classification;
  options.ir_width = 2 * between(1, 512);
  options.ir_warmup_steps = between(0, recipe.steps - 1);
  return options;
}

//! Its masks are progressive only where the training is long enough for the stage of each.
inline MethodOptions any_resolution_adaptive(const NetworkSettings& network, const Recipe& recipe) {
  auto o = any_settings<ResolutionAdaptiveOptions>();
  o.level_rates = *rc::gen::elementOf(std::vector<std::vector<int>>{{2, 1}, {4, 1}, {8, 3, 1}, {4, 3, 2, 1}});
  o.widths.clear();
  for (std::size_t i = 0; i < o.level_rates.size(); ++i) o.widths.push_back(between(1, 1024));
  o.verification = o.verification || !o.classification;
  const int masks = mask_count(o, network);
  if (o.masks == methods::Masks::kProgressive && recipe.steps <= masks) o.masks = methods::Masks::kJoint;
  o.stage_steps = o.masks == methods::Masks::kProgressive ? between(0, (recipe.steps - 1) / masks) : 0;
  return o;
}

//! A map for each rate of training that can have one.
inline MethodOptions any_vpfa(Recipe& recipe, const PackSettings& pack) {
  std::erase(recipe.train_rates, 1);
  if (recipe.train_rates.empty()) recipe.train_rates = {pack.rates.back()};
  VpfaOptions options{.level_rates = {recipe.train_rates.rbegin(), recipe.train_rates.rend()},
                      .hidden = between(1, 4096)};
  options.level_rates.push_back(1);
  return options;
}

inline Recipe any_recipe(const PackSettings& pack) {
  auto recipe = any_settings<Recipe>();
  recipe.identities = between(16, 32);
  recipe.images = 2 * between(2, 4);
  recipe.lr_images = between(0, 2);
  recipe.train_rates = subset_of(pack.rates, false);
  recipe.warmup_steps = between(0, 1);
  recipe.pad = between(0, 16);
  if (recipe.program != 0 && *rc::gen::arbitrary<bool>())
    recipe.program_sha256 = core::sha256_hex(std::string_view("program"));
  if (!recipe.program_sha256.empty() && *rc::gen::arbitrary<bool>())
    recipe.program_options = name_of({"{}", R"({"name":"a","none":null,"rate":0.5,"width":64})"});
  recipe.labelled_fraction = (1 + fraction()) / 2;
  if (!recipe.milestones.empty()) recipe.schedule = settings::Schedule::kStep;
  if (recipe.schedule != settings::Schedule::kPolynomial) recipe.power = 1;
  if (recipe.optimiser != settings::Optimiser::kSgd) recipe.momentum = 0;
  recipe.nesterov = recipe.nesterov && recipe.momentum > 0;
  return recipe;
}

inline TrainingSpecification any_training() {
  TrainingSpecification s;
  s.network = any_settings<NetworkSettings>();
  s.network.frozen_levels = std::min(s.network.frozen_levels, 4);  // all are refused where nothing else learns
  s.pack = any_pack();
  s.split = any_split(s.pack);
  s.lanes = between(1, 8);
  s.recipe = any_recipe(s.pack);
  const std::vector<std::function<MethodOptions()>> methods = {
      any_baseline,
      any_rain,
      [&] { return any_ftwa(s.recipe); },
      [&] { return any_msifla(s.recipe, s.pack); },
      [&] { return any_resolution_adaptive(s.network, s.recipe); },
      [&] { return any_cadnet(s.recipe); },
      [&] { return any_vpfa(s.recipe, s.pack); }};
  s.method = methods.at(static_cast<std::size_t>(between(0, static_cast<int>(methods.size()) - 1)))();
  if (methods::row(s.method).needs.copies) s.recipe.copies = {};
  if (!s.recipe.copies.rate.empty()) s.recipe.copies_from = settings::CopiesFrom::kNetwork;
  if (const auto* rain = std::get_if<RainOptions>(&s.method); rain != nullptr && rain->opponent() != nullptr)
    s.network.frozen_levels = std::min(s.network.frozen_levels, rain->opponent()->levels.front() - 1);
  if (const auto* rain = std::get_if<RainOptions>(&s.method);
      rain != nullptr && rain->pairing == methods::Pairing::kShuffled)
    s.recipe.lr_images = s.recipe.images / 2;
  const bool reads_originals =
      std::holds_alternative<RainOptions>(s.method) || std::holds_alternative<CadnetOptions>(s.method);
  if (!reads_originals && s.split.train_pool == settings::TrainPool::kMlrWithOriginals)
    s.split.train_pool = settings::TrainPool::kMlr;  // nothing else reads the originals
  s.device = s.recipe.precision == settings::Precision::kTf32 ? Device::kCuda : any_value<Device>({});
  s.seed = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::arbitrary<bool>()) s.initial_weights = core::sha256_hex(std::string_view("weights"));
  if (s.initial_weights.empty() && s.recipe.program == 0 && *rc::gen::arbitrary<bool>())
    s.start_from = Start{{core::sha256_hex(std::to_string(between(0, 9)))}, any_value<StartPart>({})};
  if (s.recipe.program == 0 && *rc::gen::arbitrary<bool>())
    for (const char* name : {"joined-1", "joined-2"}) {
      JoinedSet set{s.pack, s.split};
      set.pack.name = name;
      set.split.seed = *rc::gen::arbitrary<std::uint64_t>();
      if (set.split.partition == settings::Partition::kPublished) set.split.seed = s.split.seed;
      if (*rc::gen::arbitrary<bool>()) s.joined.push_back(set);
    }
  return s;
}

inline EvaluationSpecification any_evaluation() {
  const PackSettings pack = any_pack();
  const SplitSettings split = any_split(pack);
  const bool came_low = settings::facts_of(pack.source).came_low;
  auto protocol = any_settings<EvaluationProtocol>();
  protocol.query_rates = came_low ? std::vector<int>{} : subset_of(pack.rates, true);
  protocol.sample_rates = subset_of(pack.rates, true);
  protocol.gallery_rate = one_of({1, pack.rates.back()});
  // Queries at rate 1 alone are HR images: a probe has nothing to tell.
  if (split.lr_side == settings::LrSide::kQuery) protocol.name = settings::ProtocolName::kWholeGallery;
  if (!pack.degradation.rate.empty()) protocol.query_level = settings::QueryLevel::kKnown;
  if (protocol.re_ranking_k2 > protocol.re_ranking_k1) std::swap(protocol.re_ranking_k1, protocol.re_ranking_k2);
  if (protocol.distance != settings::DistanceName::kCosine) protocol.query_expansion = 0;
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
