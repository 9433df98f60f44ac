// `resolute store compact`: `suite compact` for every suite of a store.

#include "operations/space/compact.h"

#include "cli/store/compact_text.h"
#include "cli/store/store_argument.h"
#include "cli/subcommands.h"
#include "operations/space/needs.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kStoreCompactHelp{
    "resolute store compact STORE [--undo] [--dry-run] [--json]",
    R"(Packs the small files that finished jobs of all suites of the store have left, as `suite compact` does for one suite,
whose help tells more. Jobs of no suite stay as they are. --undo puts all packed files back.)",
    "  resolute store compact /shared/store --dry-run\n"
    "  resolute store compact /shared/store\n"};

}  // namespace

int store_compact(const Arguments& arguments) {
  options::options_description visible;
  add_compact_options(visible, "the store");
  const auto parsed = parse_store_arguments(arguments, kStoreCompactHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  print_compaction(parsed->values, parsed->json, [&](bool undo, const operations::CompactOptions& options) {
    if (undo) return unpack_bundles(files, parsed->store, std::nullopt, options);
    operations::CompactReport all;
    for (const auto& suite :
         operations::read_needs(files, parsed->store, [&](const auto& folder) { return files.list(folder); }))
      add(all, operations::compact(files, parsed->store, suite.suite, suite.jobs, options));
    return all;
  });
  return 0;
}

}  // namespace resolute::cli
