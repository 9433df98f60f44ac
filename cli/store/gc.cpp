// `resolute store gc`

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <map>

#include "cli/columns.h"
#include "cli/store/store_argument.h"
#include "cli/subcommands.h"
#include "core/clock.h"
#include "core/progress.h"
#include "core/quantity_text.h"
#include "core/split.h"
#include "operations/space/collect.h"
#include "orchestrator/run/run.h"

namespace resolute::cli {

namespace {

using operations::ItemKind;

constexpr CommandHelp kStoreGcHelp{
    "resolute store gc STORE [--yes] [--older-than TIME] [--only KINDS] [--json]",
    R"(Says what in a store nothing needs, and how much disk it takes; with --yes it goes for good. Nothing else of this
command changes anything.

What a suite in the store has ever planned stays: its tables, what is submitted, what runs. After
`rm -r STORE/suites/NAME` the jobs that were NAME's alone are jobs of no suite, and go. So do jobs of `resolute train`
and packs of `resolute data ingest` that no suite plans. Imported weights stay.

Runs may be at work and may begin meanwhile, and this may be killed at any moment; docs/inside/store.md tells why
nothing is lost.

Kinds: jobs, packs and raw (images, drawn ones) of no suite, bundles of such jobs, checkpoints of finished jobs, scratch
of dead processes.)",
    "  resolute store gc /shared/store\n"
    "  resolute store gc /shared/store --yes\n"
    "  resolute store gc /shared/store --only checkpoints,scratch --older-than 24:00:00 --yes\n"};

// In the order of the kinds.
constexpr std::array kKindTexts{"jobs of no suite",
                                "packs of no suite",
                                "drawn raw images of no suite",
                                "bundles of such jobs",
                                "checkpoints of finished jobs",
                                "scratch of dead processes"};

struct Sum {
  std::int64_t items = 0;
  std::uint64_t bytes = 0;
};

std::map<ItemKind, Sum> sums_of(const operations::CollectReport& report) {
  std::map<ItemKind, Sum> sums;
  for (const auto& item : report.items) {
    ++sums[item.kind].items;
    sums[item.kind].bytes += item.bytes;
  }
  return sums;
}

core::Json to_json(const operations::CollectReport& report, bool removed) {
  core::Json kinds = core::Json::object();
  for (const auto& [kind, sum] : sums_of(report))
    kinds[std::string(settings::word(kind))] = {{"items", sum.items}, {"bytes", sum.bytes}};
  core::Json items = core::Json::array();
  for (const auto& item : report.items)
    items.push_back({{"kind", settings::word(item.kind)}, {"path", item.path}, {"bytes", item.bytes}});
  core::Json json = {{"removed", removed}, {"kinds", kinds}, {"items", items}};
  json["trash_bytes"] = report.trash_bytes;
  json["put_back"] = report.put_back;
  json["young"] = report.young;
  json["kept"] = report.kept;
  json["unknown"] = report.unknown;
  return json;
}

// Jobs are counted; the few others are named. \param untouched as it was typed
void print(const operations::CollectReport& report, bool removed, const std::string& untouched) {
  std::vector<Cells> rows;
  std::uint64_t all = report.trash_bytes;
  for (const auto& [kind, sum] : sums_of(report)) {
    rows.push_back({kKindTexts.at(static_cast<std::size_t>(kind)), std::to_string(sum.items),
                    core::byte_text(static_cast<double>(sum.bytes))});
    all += sum.bytes;
  }
  if (report.trash_bytes > 0)
    rows.push_back({"trash of an earlier gc", "", core::byte_text(static_cast<double>(report.trash_bytes))});
  rows.push_back(
      {removed ? "removed" : "in all", std::to_string(report.items.size()), core::byte_text(static_cast<double>(all))});
  for (const std::string& line : columns(rows, {1, 2})) std::cout << line << "\n";
  for (const auto& item : report.items)
    if (item.kind == ItemKind::kPacks || item.kind == ItemKind::kRaw)
      std::cout << fmt::format("{} {}\n", item.path, core::byte_text(static_cast<double>(item.bytes)));
  if (report.young > 0)
    std::cout << fmt::format("{} more stay as they were touched less than {} ago (--older-than)\n", report.young,
                             untouched);
  if (report.put_back > 0)
    std::cout << fmt::format("{} were put back: a suite, or what could not be removed, came to need them meanwhile\n",
                             report.put_back);
  if (report.kept > 0)
    std::cout << fmt::format("{} could not be removed{}\n", report.kept,
                             report.kept_why.empty() ? "" : "; the first: " + report.kept_why);
  for (const std::string& path : report.unknown)
    std::cout << fmt::format("all jobs and packs stay: the needs of '{}' cannot be read\n", path);
  if (report.items.empty() && report.trash_bytes == 0) std::cout << "nothing to remove\n";
  if (!removed && all > 0) std::cout << "nothing was changed; --yes removes it\n";
}

}  // namespace

int store_gc(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("yes", "remove it");
  add("older-than", options::value<std::string>()->default_value("1:00:00"),
      "files touched less long ago stay, minutes, MM:SS or H:MM:SS");
  add("only", options::value<std::string>(), "kinds that may go, as checkpoints,scratch; files that others need stay");
  const auto parsed = parse_store_arguments(arguments, kStoreGcHelp, visible);
  if (!parsed) return 0;
  operations::CollectOptions collect;
  collect.remove = parsed->values.count("yes") > 0;
  collect.untouched = orchestrator::parse_walltime(parsed->values["older-than"].as<std::string>());
  if (parsed->values.count("only") > 0)
    for (const std::string_view word : core::split(parsed->values["only"].as<std::string>(), ','))
      collect.only.insert(settings::parse_word<ItemKind>(word, "option --only"));
  std::optional<core::Progress> progress;
  collect.progress = [&](std::size_t done, std::size_t all) {
    if (!progress) progress.emplace("removing", all);
    progress->update(done);
  };
  const auto report = operations::collect(core::real_file_system(), core::monotonic_clock(), parsed->store, collect);
  progress.reset();
  if (parsed->json)
    print_json(to_json(report, collect.remove));
  else
    print(report, collect.remove, parsed->values["older-than"].as<std::string>());
  return 0;
}

}  // namespace resolute::cli
