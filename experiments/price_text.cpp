#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/quantity_text.h"
#include "experiments/price.h"
#include "experiments/store/weights_catalogue.h"

namespace resolute::experiments {
namespace {

// Three digits, as much as an estimate can say.
std::string amount(double value) {
  return value >= 100  ? fmt::format("{:.0f}", value)
         : value >= 10 ? fmt::format("{:.1f}", value)
                       : fmt::format("{:.2g}", value);
}

// Days, or hours or minutes where that is under one.
std::string time_text(double days) {
  constexpr double kHours = 24, kMinutes = 24 * 60;
  if (days >= 1) return amount(days) + " days";
  return days * kHours >= 1 ? amount(days * kHours) + " hours" : fmt::format("{:.0f} min", std::ceil(days * kMinutes));
}

// "1282 GPU-hours in f32, 280 in tf32 (asked for), 193 in bf16".
std::string hours_text(const MachinePrice& one, const char* unit) {
  std::vector<std::string> all;
  for (const auto precision : {settings::Precision::kF32, settings::Precision::kTf32, settings::Precision::kBf16}) {
    const std::string word(settings::word(precision));
    const auto other = one.hours_in.find(word);
    if (one.precision == precision)
      all.push_back(fmt::format("{} in {}{}", amount(one.hours), word, one.hours_in.empty() ? "" : " (asked for)"));
    else if (other != one.hours_in.end() && one.hours > 0)
      all.push_back(fmt::format("{} in {}", amount(other->second), word));
  }
  if (one.precision && !all.empty()) {
    all.front().insert(all.front().find(' '), fmt::format(" {}-hours", unit));
    return fmt::format("{}", fmt::join(all, ", "));
  }
  return fmt::format("{} {}-hours{}", amount(one.hours), unit,
                     all.empty() ? "" : fmt::format(" ({}, were all in one precision)", fmt::join(all, ", ")));
}

std::string machine_text(const MachinePrice& one) {
  const char* unit = one.machine.device == settings::Device::kCuda ? "GPU" : "core";
  if (one.rate_origins.empty() && one.done_hours == 0 && one.unpriced > 0)
    return fmt::format("  {}: not known, for {} jobs", one.machine.title, one.unpriced);
  std::string text = fmt::format("  {}: {}; {} on {} {}{}", one.machine.title, hours_text(one, unit),
                                 time_text(one.days), one.count, unit, one.count == 1 ? "" : "s");
  if (one.hours > 0)
    text += fmt::format("; the longest training {}; {:.0f} % at measured rates", time_text(one.longest_hours / 24),
                        100 * one.measured_hours / one.hours);
  if (one.done_hours > 0) text += fmt::format("; {} h are done", amount(one.done_hours));
  if (one.unpriced > 0) text += fmt::format("; not known for {} jobs", one.unpriced);
  return text;
}

std::string disk_text(const DiskPrice& disk) {
  return fmt::format("  disk: packs {}, weights {}, features {}{}{}{}", core::byte_text(disk.packs),
                     core::byte_text(disk.weights), core::byte_text(disk.features),
                     disk.states > 0 ? fmt::format(", kept states {}", core::byte_text(disk.states)) : "",
                     disk.at_once > 0 ? fmt::format("; checkpoints of {} training{} at once {}", disk.at_once,
                                                    disk.at_once == 1 ? "" : "s", core::byte_text(disk.checkpoints))
                                      : "",
                     disk.unknown.empty() ? "" : fmt::format("; not known for {}", fmt::join(disk.unknown, ", ")));
}

// A line for each root, and for the weights; then jobs whose ids hang on them.
void add_missing(const Price& price, std::vector<std::string>& lines) {
  std::vector<std::pair<MissingData, std::vector<std::string>>> roots;
  for (const auto& one : price.missing_data) {
    const auto known = std::ranges::find_if(
        roots, [&](const auto& root) { return root.first.root == one.root && root.first.from == one.from; });
    if (known == roots.end())
      roots.emplace_back(one, std::vector{one.dataset});
    else
      known->second.push_back(one.dataset);
  }
  for (const auto& [one, datasets] : roots)
    lines.push_back(fmt::format("raw images missing: root = \"{}\" ({}); from {}; licence: {}", one.root,
                                fmt::join(datasets, ", "), one.from, one.licence));
  for (const auto& one : price.missing_weights)
    lines.push_back(fmt::format("weights missing: {}; {}", one.name, import_command(one.name, one.backbone)));
  if (price.provisional > 0)
    lines.push_back(fmt::format(
        "ids of {} jobs are not final: they depend on {}, and are final once these are here", price.provisional,
        price.estimated.empty()         ? "the weights"
        : price.missing_weights.empty() ? "how many training images there are"
                                        : "how many training images there are and on the weights"));
}

}  // namespace

std::vector<std::string> price_lines(const Price& price) {
  std::vector<std::string> lines{"price"};
  for (const auto& machine : price.machines) lines.push_back(machine_text(machine));
  if (price.memory)
    lines.push_back(fmt::format(
        "  memory of a GPU: {}{}",
        price.memory->training.empty() ? "not known"
                                       : fmt::format("{} for the tensors of '{}' on one rank",
                                                     core::byte_text(price.memory->bytes), price.memory->training),
        price.memory->unknown > 0 ? fmt::format("; not known for {} trainings", price.memory->unknown) : ""));
  lines.push_back(disk_text(price.disk));
  if (price.of_programs > 0)
    lines.push_back(fmt::format(
        "  not known: hours, memory, weights, checkpoints and features of {} jobs of methods in Python or other "
        "programs",
        price.of_programs));
  if (!price.estimated.empty())
    lines.push_back(fmt::format("training images estimated, by what is published of the source: {}",
                                fmt::join(price.estimated, ", ")));
  std::map<std::pair<int, double>, std::vector<std::string>> repeated;
  for (const auto& [dataset, images] : price.repeated) repeated[images].push_back(dataset);
  for (const auto& [images, datasets] : repeated)
    lines.push_back(fmt::format(
        "a batch shows images more than once on {} (train.images is {}, and an identity has about {} to train on)",
        fmt::join(datasets, ", "), images.first, amount(images.second)));
  add_missing(price, lines);
  return lines;
}

}  // namespace resolute::experiments
