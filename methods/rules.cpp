#include "methods/rules.h"

#include <algorithm>

#include "methods/row.h"
#include "settings/member_checks.h"
#include "settings/names.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {

using settings::MemberError;

namespace {

std::string without_reconstruction(const MethodOptions& options) {
  const bool could = std::holds_alternative<RainOptions>(options) || std::holds_alternative<CadnetOptions>(options);
  return fmt::format("'{}' {}", method_name(options), could ? "is without it" : "has none");
}

//! Copies at every rate are what a method aims at, and are taken as the pack has them.
void check_copies(const MethodOptions& options, const settings::DegradationSettings& copies) {
  if (!row(options).needs.copies) return;
  settings::DegradationSettings::members([&](const auto& one) {
    if (const auto& interval = copies.*one.at; !interval.empty())
      throw MemberError(fmt::format("train.copies.{}", one.key), interval,
                        fmt::format("'{}' takes a copy at each of 'train.train_rates' and aims at it, so nothing of it "
                                    "may be drawn",
                                    method_name(options)),
                        "set it to [] for these rows");
  });
}

//! A program or a method in Python knows its own parts.
void check_frozen(const MethodOptions& options, const settings::Recipe& recipe) {
  if (recipe.frozen.empty() || recipe.program != 0) return;
  std::vector<std::string> known{"trunk"}, frozen = frozen_groups(recipe);
  bool learns = false;
  for (const Group& group : row(options).groups) {
    known.push_back(group.name);
    learns = learns || (!group.opponent && !settings::is_among(frozen, group.name));
  }
  for (auto name = frozen.begin(); name != frozen.end(); ++name)
    if (!settings::is_among({known.begin() + 1, known.end()}, *name) || (name != frozen.begin() && *name <= name[-1]))
      throw MemberError("freeze", settings::quoted_text(*name),
                        fmt::format("'{}' has the parts {}", method_name(options), fmt::join(known, ", ")),
                        settings::did_you_mean(*name, known));
  if (fmt::format("{}", fmt::join(frozen, ",")) != recipe.frozen)
    throw MemberError("freeze", settings::quoted_text(recipe.frozen), "names stand in order, joined by ','");
  if (!learns)
    throw MemberError("freeze", settings::quoted_text(recipe.frozen), "nothing is left that learns to embed images",
                      "leave one of them out");
}

}  // namespace

std::vector<std::string> frozen_groups(const settings::Recipe& recipe) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < recipe.frozen.size();) {
    const std::size_t end = std::min(recipe.frozen.find(',', begin), recipe.frozen.size());
    names.push_back(recipe.frozen.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

void check(const MethodOptions& options, const TrainingSettings& training) {
  std::visit(
      [&](const auto& chosen) {
        settings::check_members(section_of(chosen), std::string(chosen.kMethod) + ".");
        check_with(chosen, training);
      },
      options);
  check_copies(options, training.recipe.copies);
  check_frozen(options, training.recipe);
  if (training.split.train_pool == settings::TrainPool::kMlrWithOriginals &&
      row(options).needs.originals == Originals::kNone)
    throw MemberError("split.train_pool", training.split.train_pool,
                      "HR originals are what 'rain.reconstruction' and 'cadnet.reconstruction' aim at, and " +
                          without_reconstruction(options),
                      "set it to mlr for these rows: the networks see the same images");
}

bool same_networks(const MethodOptions& a, const MethodOptions& b) {
  return a.index() == b.index() && std::visit(
                                       [&]<class Options>(const Options& one) {
                                         const Options& other = std::get<Options>(b);
                                         if constexpr (requires { same_tensors(one, other); })
                                           return same_tensors(one, other);
                                         else
                                           return one == other;
                                       },
                                       a);
}

bool is_paced_by_length(const MethodOptions& options) {
  return std::visit(
      [](const auto& chosen) {
        if constexpr (requires { stages_follow_length(chosen); })
          return stages_follow_length(chosen);
        else
          return false;
      },
      options);
}

void fill_in_pace(MethodOptions& options, const settings::NetworkSettings& network, int steps) {
  std::visit(
      [&](auto& chosen) {
        if constexpr (requires { fill_in_stages(chosen, network, steps); }) fill_in_stages(chosen, network, steps);
      },
      options);
}

void reset_unread(MethodOptions& options, settings::NetworkSettings& network, const settings::Recipe& recipe) {
  std::visit([&](auto& chosen) { reset_unread(chosen, network, recipe); }, options);
  if (!row(options).needs.streams) network.bn_streams = settings::NetworkSettings().bn_streams;
}

void check_hr_images(const settings::Recipe& recipe, std::string_view why) {
  if (recipe.images >= 2 && recipe.images - recipe.lr_images < 2)
    throw MemberError("train.lr_images", recipe.lr_images, why,
                      fmt::format("lower it or raise 'train.images' to {}", recipe.lr_images + 2));
}

void check_lr_stream(std::string_view pairing, bool triplets, const settings::Recipe& recipe) {
  const int fewest = triplets ? 2 : 1;
  if (recipe.lr_images >= fewest) return;
  throw MemberError(
      "train.lr_images", recipe.lr_images,
      fmt::format("with '{}' 'shuffled' they are the LR stream, which needs {} of each identity in a lane", pairing,
                  fewest),
      recipe.images < 2 * fewest ? fmt::format("raise 'train.images' to {} and set it to {}", 2 * fewest, fewest)
                                 : suggested_lr_images(recipe));
}

void check_frozen_levels(const settings::NetworkSettings& network, bool others, std::string_view wanted) {
  if (network.frozen_levels == settings::kTrunkLevels && !others)
    throw MemberError("network.frozen_levels", network.frozen_levels,
                      fmt::format("all levels of the trunk are frozen, and without {} nothing learns", wanted),
                      fmt::format("set it to {} at most", settings::kTrunkLevels - 1));
}

void check_last(const std::string& key, const std::vector<int>& rates) {
  if (rates.back() != 1) throw MemberError(key, rates, "the last must be 1, that of the HR image", "end it with 1");
}

std::string suggested_lr_images(const settings::Recipe& recipe) {
  return recipe.images < 2 ? "raise 'train.images' to 2 and set it to 1"
                           : fmt::format("set it to half of 'train.images', {}", recipe.images / 2);
}

}  // namespace resolute::methods
