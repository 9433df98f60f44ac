#include "cli/store/compact_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <iostream>

#include "core/clock.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "operations/space/trash.h"

namespace resolute::cli {

namespace {

constexpr std::chrono::seconds kBetweenLines{5};

core::Json compaction_json(const operations::CompactReport& report, bool undo, bool dry_run) {
  return {{"undo", undo},
          {"dry_run", dry_run},
          {"finished", report.finished},
          {"jobs", report.jobs},
          {"files", report.files},
          {"bytes", report.bytes},
          {"held", report.held},
          {"kept", report.kept},
          {"folders", report.folders},
          {"bundles", report.bundles},
          {"damaged", report.damaged}};
}

void print_report(const operations::CompactReport& report, bool undo, bool dry_run) {
  const char* verb = undo ? (dry_run ? "would be put back" : "put back") : (dry_run ? "would be packed" : "packed");
  std::cout << fmt::format("{} files of {} jobs {}, {:.1f} MiB; {} finished jobs looked at\n", report.files,
                           report.jobs, verb, static_cast<double>(report.bytes) / (1024.0 * 1024.0), report.finished);
  if (report.folders > 0) std::cout << fmt::format("{} empty folders removed\n", report.folders);
  if (!report.bundles.empty())
    std::cout << fmt::format("{}{}\n", undo ? "bundles unpacked: " : "bundles made: ", fmt::join(report.bundles, ", "));
  if (report.held > 0)
    std::cout << fmt::format("{} jobs left alone: runs have claims on them, or their folders are not there\n",
                             report.held);
  if (report.kept > 0)
    std::cout << fmt::format(
        "{} files left where they are: larger than 16 MiB, foreign, in folders that you may not write to, or written "
        "meanwhile\n",
        report.kept);
}

}  // namespace

void add_compact_options(options::options_description& visible, const std::string& whose) {
  auto add = visible.add_options();
  add("undo", fmt::format("put every packed file of {} back, and remove the bundles", whose).c_str());
  add("dry-run", "change nothing");
}

operations::CompactReport unpack_bundles(core::FileSystem& files, const experiments::StoreLayout& store,
                                         const std::optional<std::string>& suite,
                                         const operations::CompactOptions& options) {
  if (!options.dry_run) operations::settle_trash(files, core::monotonic_clock(), store);
  return operations::unpack(files, store, suite, options);
}

void print_compaction(
    const options::variables_map& values, bool json,
    const std::function<operations::CompactReport(bool undo, const operations::CompactOptions& options)>& work) {
  const bool undo = values.count("undo") > 0;
  operations::CompactOptions compact;
  compact.dry_run = values.count("dry-run") > 0;
  auto last_line = core::monotonic_clock().now();
  compact.progress = [&](std::size_t done, std::size_t all) {
    if (done == all || core::monotonic_clock().now() - last_line < kBetweenLines) return;
    last_line = core::monotonic_clock().now();
    core::log_info("{} of {} finished jobs", done, all);
  };
  const auto report = work(undo, compact);
  if (json)
    print_json(compaction_json(report, undo, compact.dry_run));
  else
    print_report(report, undo, compact.dry_run);
  for (const auto& [bundle, why] : report.damaged) core::log_warning("{}", why);
  if (!report.damaged.empty())
    throw core::corrupt_error(fmt::format("{} bundles are damaged", report.damaged.size()),
                              "what else they and the others hold is put back",
                              "remove them once you need none of their files: no result depends on them");
}

}  // namespace resolute::cli
