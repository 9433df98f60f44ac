// `resolute store check`

#include <fmt/format.h>

#include <iostream>
#include <mutex>

#include "cli/store/checks.h"
#include "cli/store/store_argument.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/process/processors.h"
#include "core/process/side_by_side.h"
#include "core/progress.h"
#include "core/quantity_text.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kStoreCheckHelp{
    "resolute store check STORE [--threads T] [--json]",
    R"(Reads every file of a store that has a hash or a checksum, and compares: packs, specifications, what results name
(weights, features, outputs), checkpoints, plans, journals, snapshots, bundles, imported weights. All damage is named at
once, each file with what to do about it; exit code 2 then. Changes nothing; runs may be at work.)",
    "  resolute store check /shared/store\n"
    "  resolute store check --store store --json\n"};

}  // namespace

int store_check(const Arguments& arguments) {
  options::options_description visible;
  int threads = core::usable_processors();
  visible.add_options()("threads", options::value(&threads)->default_value(threads, "all"),
                        "threads; each reads other files");
  const auto parsed = parse_store_arguments(arguments, kStoreCheckHelp, visible);
  if (!parsed) return 0;
  in_range("threads", threads, 1, kMostThreads);
  const std::vector<Check> checks = checks_of(core::real_file_system(), parsed->store);
  std::uint64_t all = 0, done = 0;
  for (const Check& check : checks) all += check.bytes;
  std::vector<std::vector<Damage>> found(checks.size());
  {
    core::Progress progress("checking", all);
    std::mutex guard;
    core::side_by_side(checks.size(), static_cast<std::size_t>(threads), [&](std::size_t i) {
      found[i] = checks[i].run();
      const std::lock_guard lock(guard);
      done += checks[i].bytes;
      progress.update(done, core::byte_text(static_cast<double>(done)));
    });
  }
  core::Json damaged = core::Json::array();
  for (const auto& some : found)
    for (const Damage& damage : some) {
      damaged.push_back({{"path", damage.path}, {"what", damage.what}});
      if (!parsed->json) std::cout << damage.path << ": " << damage.what << "\n";
    }
  const std::string checked =
      fmt::format("{} files and folders, {}", checks.size(), core::byte_text(static_cast<double>(all)));
  if (parsed->json) print_json({{"checked", checks.size()}, {"bytes", all}, {"damaged", damaged}});
  if (!damaged.empty())
    throw core::corrupt_error(fmt::format("{} of '{}' are damaged", damaged.size(), parsed->store.root().string()),
                              checked + " were checked", "each line on standard output says what to do");
  if (!parsed->json) std::cout << parsed->store.root().string() << ": intact, " << checked << "\n";
  return 0;
}

}  // namespace resolute::cli
