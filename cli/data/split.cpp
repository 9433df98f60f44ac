// `resolute data split`

#include <fmt/format.h>

#include <iostream>
#include <map>

#include "cli/data/split_options.h"
#include "cli/described_options.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "datasets/pack/pack.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDataSplitHelp{
    "resolute data split PACK_DIR --out DIR [--seed S | --seeds A-B] [SPLIT SETTINGS] [--json]\n"
    "resolute data split PACK_DIR --check FILE [--json]",
    R"(Writes split manifests, DIR/split-SEED.json: who trains, who is tested, which image is low-resolution at which rate,
which gallery each draw shows. A file of other content is not replaced. With --check makes a published one again from
this pack and its own settings: the same, or the first difference (exit code 2). With --tested-file somebody's list says
who is tested, an identity or the path of an image on each line; the identities are printed as a suite has them.)",
    "  resolute data split store/packs/cuhk03-0123456789abcdef --partition published --lr-side pair --seeds 0-9 --out "
    "splits\n"
    "  resolute data split store/packs/viper-0123456789abcdef --seeds 0-9 --query-rates 8 --out unseen\n"
    "  resolute data split store/packs/viper-0123456789abcdef --check splits/split-0.json\n"};

int check(const datasets::PackReader& pack, const fs::path& file, bool json) {
  const datasets::SplitFile published = datasets::read_split_file(core::real_file_system(), file);
  require_replay(pack, published, file.string());
  core::Json json_text = describe_split(published.split, file);
  json_text["gallery_draws"] = published.gallery_draws.size();
  if (json)
    print_json(json_text);
  else
    std::cout << fmt::format("{}: the same, {} gallery draws included, split {}\n", file.string(),
                             published.gallery_draws.size(), datasets::split_sha256(published.split));
  return 0;
}

// The identities of a list, whose lines may be images of the pack by their paths, whatever folders stand before them.
std::vector<int> tested_in(const fs::path& file, const datasets::PackReader& pack) {
  std::map<std::string_view, std::int64_t> identities;
  for (const datasets::PackRow& row : pack.rows()) identities.emplace(row.sample.path, row.sample.identity);
  const std::string text = core::read_named_text(core::real_file_system(), file);
  return settings::tested_of(text, file.string(), [&](std::string_view path) -> std::int64_t {
    for (;;) {
      if (const auto found = identities.find(path); found != identities.end()) return found->second;
      const std::size_t slash = path.find('/');
      if (slash == std::string_view::npos) return 0;
      path.remove_prefix(slash + 1);
    }
  });
}

template <class Each>
void for_each_split(const datasets::PackReader& pack, datasets::SplitSettings split, SeedRange seeds, Each each) {
  for (split.seed = seeds.first;; ++split.seed) {
    each(datasets::make_split(pack, split));
    if (split.seed == seeds.last) break;
  }
}

int write(const datasets::PackReader& pack, const fs::path& out, const datasets::SplitSettings& split, SeedRange seeds,
          int draws, bool json) {
  auto& files = core::real_file_system();
  core::Json splits = core::Json::array();
  // Twice, so that the last one of many cannot fail behind files of the others, and none is held but one.
  for_each_split(pack, split, seeds, [&](const datasets::Split& made) {
    require_absent_or_same(files, out, made, draws, "name another folder or remove it");
  });
  for_each_split(pack, split, seeds, [&](const datasets::Split& made) {
    splits.push_back(describe_split(made, datasets::export_split(files, out, made, draws)));
  });
  if (json) {
    print_json(splits);
    return 0;
  }
  for (const core::Json& one : splits)
    std::cout << fmt::format("{}: {}\n", one.at("file").get<std::string>(), split_text(one));
  return 0;
}

}  // namespace

int data_split(const Arguments& arguments) {
  datasets::SplitSettings split;
  int draws = kSplitDraws;
  options::options_description visible;
  auto add = visible.add_options();
  add("out", options::value<std::string>(), "folder for the split manifests");
  add("check", options::value<std::string>(), "a published split manifest: make it again and compare");
  add("seeds", options::value<std::string>(), "a split of each of these seeds, as 0-9");
  add("query-rates", options::value<std::string>(), "rates of LR images (default: the pack's)");
  add("tested-file", options::value<std::string>(), "a list of who is tested: identities, or paths of images");
  add("draws", options::value(&draws)->default_value(draws), "gallery draws to list, 0 to 10000");
  add("json", "one JSON document on stdout");
  add_described(visible, split, {"query_rates"});
  auto values = parse_options(arguments, kDataSplitHelp, visible, {"PACK_DIR"});
  if (!values) return 0;
  const bool json = values->count("json") > 0;
  if (values->count("check") > 0) {
    for (const auto& [name, value] : *values)
      if (name != "check" && name != "json" && name != "PACK_DIR" && !value.defaulted())
        throw core::input_error(fmt::format("options --check and --{} exclude each other", name),
                                "a published split is made again with its own settings");
    return check(datasets::PackReader::open((*values)["PACK_DIR"].as<std::string>()), required_value(*values, "check"),
                 json);
  }
  const fs::path out = required_value(*values, "out");
  read_described(*values, split);
  const SeedRange seeds = parse_seeds(*values, split);
  if (draws < 0 || draws > datasets::kMostGalleryDraws)
    throw core::input_error(fmt::format("option --draws has the value {}", draws),
                            fmt::format("0 to {} are possible", datasets::kMostGalleryDraws));
  if (values->count("tested") > 0 && values->count("tested-file") > 0)
    throw core::input_error("options --tested and --tested-file exclude each other", "each says who is tested");
  naming_options_of<datasets::SplitSettings>([&] { settings::check(split); });
  const auto pack = datasets::PackReader::open((*values)["PACK_DIR"].as<std::string>());
  if (values->count("tested-file") > 0) {
    split.tested = tested_in(required_value(*values, "tested-file"), pack);
    naming_options_of<datasets::SplitSettings>([&] { settings::check(split); });
    if (!json) std::cout << fmt::format("split.tested = [{}]\n", fmt::join(split.tested, ", "));
  }
  if (values->count("query-rates") == 0) split.query_rates = pack.options().rates;
  return write(pack, out, split, seeds, draws, json);
}

}  // namespace resolute::cli
