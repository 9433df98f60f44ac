// `resolute suite compact`

#include "operations/space/compact.h"

#include "cli/store/compact_text.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteCompactHelp{
    "resolute suite compact SUITE.toml --store STORE [--undo] [--dry-run] [--json]",
    R"(Packs the small files that finished jobs of the suite have left (logs, metrics, an evaluation's spec.json) into a few
large ones, STORE/bundles/SUITE-NNNNNN, for file systems that count files. Results, weights and features stay where
they are. A run may be at work; what it has in hand is left alone. Another compaction of the store, or an --undo, is
waited for. `resolute repro` finds packed files by itself; --undo puts all of them back. --dry-run tells what would be
done.)",
    "  resolute suite compact suite.toml --store /shared/store --dry-run\n"
    "  resolute suite compact suite.toml --store /shared/store\n"
    "  resolute suite compact suite.toml --store /shared/store --undo\n"};

}  // namespace

int suite_compact(const Arguments& arguments) {
  options::options_description visible;
  add_compact_options(visible, "the suite");
  auto parsed = parse_suite_arguments(arguments, kSuiteCompactHelp, visible);
  if (!parsed) return 0;
  require_store(parsed->store.root());
  auto& files = core::real_file_system();
  const auto plan = parsed->plan_as_run();
  print_compaction(parsed->values, parsed->json, [&](bool undo, const operations::CompactOptions& options) {
    return undo ? unpack_bundles(files, parsed->store, plan.suite, options)
                : operations::compact(files, parsed->store, plan, options);
  });
  return 0;
}

}  // namespace resolute::cli
