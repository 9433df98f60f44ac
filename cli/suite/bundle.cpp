// `resolute suite bundle`

#include "experiments/store/bundle.h"

#include <fmt/format.h>

#include <iostream>

#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/files/new_folder.h"
#include "core/process/process.h"
#include "core/progress.h"
#include "experiments/include.h"
#include "experiments/suite.h"
#include "operations/space/needs.h"
#include "results/exports/suite_bundle.h"
#include "slurm/sbatch_script.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteBundleHelp{
    "resolute suite bundle SUITE.toml --store STORE --out FILE [--without-features] [--json]",
    R"(Puts the suite and what its finished jobs left into one ZIP file: specifications, results, scores of queries,
features, what figures are made of, logs of losses, the packs' manifests, the papers' numbers and the tables themselves;
not images, weights and checkpoints. Unpacked anywhere, `suite table`, `compare` and `export` print from it the same
bytes, without GPU, images or weights; the folder is called as the suite. FILE is new, unless --replace is given, and
written whole or not at all. Works while the suite runs.)",
    "  resolute suite bundle study.toml --store store --out study.zip\n"
    "  unzip study.zip && cd study && RESOLUTE_DATA_DIR=. resolute suite table suite.toml --store store\n"
    "  resolute suite bundle study.toml --store store --profile long --out long.zip --without-features\n"};

std::string table_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"resolute", "suite", "table", "suite.toml", "--store", "store"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return slurm::shell_line(words);
}

}  // namespace

int suite_bundle(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("out", options::value<std::string>(), "file to make, as study.zip (required)");
  add("without-features", "leave the evaluations' features.h5 out, by far the largest files");
  add("replace", kReplaceHelp);
  auto parsed = parse_suite_arguments(arguments, kSuiteBundleHelp, visible);
  if (!parsed) return 0;
  auto& machine = core::real_file_system();
  const fs::path out = required_value(parsed->values, "out");
  if (parsed->values.count("replace") == 0) core::require_new_file(machine, out, kOrReplace);
  require_store(parsed->store.root());
  experiments::Plan plan = parsed->plan_as_run();
  note_high_views(plan, parsed->store);
  experiments::BundledFiles files(machine, parsed->store);
  results::BundleRequest request;
  const fs::path suite = parsed->values["SUITE.toml"].as<std::string>();
  request.suite_text = experiments::text_with_includes(machine, suite);
  // Its files do not come along, and the ids of its jobs hang on them.
  const auto keep = [&](const char* key, const std::string& value) {
    if (!value.empty() && !request.suite_text.starts_with(key))
      request.suite_text = fmt::format("{} = {}\n", key, core::Json(value).dump()) + request.suite_text;
  };
  keep("worker_files_sha256", plan.program_sha256);
  if (!plan.method_schemas.is_null()) keep("method_schemas", core::canonical_json(plan.method_schemas));
  request.arguments = plan_arguments(parsed->values);
  request.plan_text = operations::plan_file_text(plan);
  request.plan_file = operations::plan_file_name(request.plan_text);
  request.table_command = table_command(request.arguments);
  const auto add_reference = [&](const fs::path& file) {
    if (const auto text = core::read_text_if_exists(machine, file))
      request.references.emplace(file.filename().string(), *text);
  };
  add_reference(experiments::find_reference_file(machine, core::current_environment(), executable_folder()));
  for (const fs::path& file : experiments::reference_files_beside(machine, suite.parent_path())) add_reference(file);
  request.features = parsed->values.count("without-features") == 0;
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
  std::optional<core::Progress> progress;
  const auto tell = [&](std::uint64_t done, std::uint64_t all) {
    if (!progress) progress.emplace("bundling MiB", (all + kMebibyte - 1) / kMebibyte);
    progress->update(done / kMebibyte);
  };
  results::BundleSummary summary;
  core::replace_whole(machine, out, [&](const fs::path& made) {
    summary = results::write_suite_bundle({plan, files, parsed->store}, request, made, tell);
  });
  progress.reset();
  if (parsed->json)
    print_json({{"suite", plan.suite},
                {"file", out.string()},
                {"files", summary.files},
                {"bytes", summary.bytes},
                {"jobs", {{"all", summary.all_jobs}, {"done", summary.jobs}}},
                {"complete", summary.complete}});
  else
    std::cout << fmt::format("{}: {} files, {:.1f} MiB; {} of {} jobs are done{}\n", out.string(), summary.files,
                             static_cast<double>(summary.bytes) / static_cast<double>(kMebibyte), summary.jobs,
                             summary.all_jobs, summary.complete ? "" : "; its tables are not complete");
  return 0;
}

}  // namespace resolute::cli
