// `resolute data export`

#include <fmt/format.h>

#include <iostream>

#include "cli/command.h"
#include "cli/data/split_options.h"
#include "cli/subcommands.h"
#include "core/files/file_system.h"
#include "core/progress.h"
#include "datasets/lists/lists.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDataExportHelp{
    "resolute data export PACK_DIR --split FILE --format torchreid|fastreid|csv --out DIR",
    R"(Writes a trial for other programs: its images as PNG files, HR ones at network size and LR ones as they are stored,
and the lists that they read (docs/outputs.md). The split must come out of the pack as data split --check says.
DIR is written whole or not at all. What --format csv wrote can be ingested again: resolute data ingest csv --root
DIR, partition official; a trial of which that is not so is refused.)",
    "  resolute data export store/packs/viper-0123456789abcdef --split splits/split-0.json --format torchreid --out "
    "viper-0\n"};

}  // namespace

int data_export(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("split", options::value<std::string>(), "a split manifest of this pack (required)");
  add("format", options::value<std::string>(), "torchreid, fastreid or csv (required)");
  add("out", options::value<std::string>(), "folder to make (required)");
  auto values = parse_options(arguments, kDataExportHelp, visible, {"PACK_DIR"});
  if (!values) return 0;
  const auto format = settings::parse_word<datasets::ListFormat>(required_value(*values, "format"), "option --format");
  const fs::path out = required_value(*values, "out");
  auto& files = core::real_file_system();
  const datasets::SplitFile file = datasets::read_split_file(files, required_value(*values, "split"));
  const datasets::Split& split = file.split;
  const auto pack = datasets::PackReader::open((*values)["PACK_DIR"].as<std::string>());
  require_replay(pack, file, (*values)["split"].as<std::string>());
  core::Progress progress("writing images of " + pack.options().name,
                          split.train.size() + split.query.size() + split.gallery.size());
  datasets::export_trial(files, pack, split, static_cast<int>(file.gallery_draws.size()), format, out,
                         [&](std::size_t written) { progress.update(written); });
  std::cout << fmt::format("{}: {} training images, {} queries, {} gallery images, split {}\n", out.string(),
                           split.train.size(), split.query.size(), split.gallery.size(), datasets::split_sha256(split));
  return 0;
}

}  // namespace resolute::cli
