// `resolute data show`

#include "datasets/pack/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/command.h"
#include "cli/data/samples_page.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/new_folder.h"
#include "core/log.h"
#include "datasets/pack/high_views.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDataShowHelp{
    "resolute data show PACK_DIR [--sample K --html FILE] [--json]",
    "Tells what a pack holds: identities, cameras, sizes, hashes. Medians of an even count are the lower of the two.\n"
    "With --sample and --html writes a page of K images of as many identities as there are, each with its LR views\n"
    "enlarged to network size and as they are. The pictures stand in the file.",
    "  resolute data show store/packs/people-0123456789abcdef\n"
    "  resolute data show store/packs/people-0123456789abcdef --sample 8 --html sample.html\n",
    [](const std::string& option) {
      if (option == "--png")
        throw core::input_error("option --png is no more", "samples are shown in a page",
                                "give --html FILE in its place");
    }};

void print(const datasets::PackReader& pack, const std::filesystem::path& folder, std::uint64_t bytes) {
  const datasets::PackSettings& made = pack.options();
  const datasets::PackStatistics all = datasets::pack_statistics(pack);
  std::cout << fmt::format("{} from {}: {} images of {} identities, {} distractors\n", made.name,
                           settings::word(made.source), all.rows, all.identities, all.distractors);
  std::cout << fmt::format("images an identity: {} to {}, median {}; {} identities in one camera only\n",
                           all.images_per_identity.least, all.images_per_identity.most, all.images_per_identity.median,
                           all.identities_in_one_camera);
  for (const auto& [camera, count] : all.images_per_camera) std::cout << fmt::format("camera {}: {}\n", camera, count);
  for (const auto& [subset, count] : all.images_per_subset) std::cout << fmt::format("{}: {}\n", subset, count);
  if (const auto counts = datasets::published_counts(core::real_file_system(), folder, pack); !counts.empty())
    std::cout << counts << "\n";
  for (const auto& [rate, count] : all.low_resolution_images)
    std::cout << fmt::format("came in low resolution, rate {}: {}\n", rate == 0 ? "unknown" : std::to_string(rate),
                             count);
  if (const auto& sets = all.published_test_identities; !sets.empty()) {
    const auto [fewest, most] = std::ranges::minmax_element(sets);
    std::cout << fmt::format("published test sets: {}, of {} to {} identities\n", sets.size(), *fewest, *most);
  }
  std::cout << fmt::format("native height {} to {}, median {}; native width {} to {}, median {}\n",
                           all.native_height.least, all.native_height.most, all.native_height.median,
                           all.native_width.least, all.native_width.most, all.native_width.median);
  std::cout << fmt::format("network size {}x{} (height x width), LR rates {}, kernel {}, LR views from {} size\n",
                           made.height, made.width, fmt::join(made.rates, ", "), settings::word(made.kernel),
                           settings::word(made.view_from));
  std::cout << fmt::format("{} bytes in {} shards\n", bytes, made.shards);
  std::cout << "pack " << pack.pack_sha256() << "\n";
}

std::string high_views_of(const datasets::PackReader& pack) {
  std::vector<datasets::NativeImage> images;
  for (const datasets::PackRow& row : pack.rows())
    images.push_back({{row.native_height, row.native_width}, row.sample.rate != 1});
  return datasets::high_views_warning(pack.options(), images);
}

}  // namespace

int data_show(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("sample", options::value<int>(), "images to show");
  add("html", options::value<std::string>(), "page to show them in");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kDataShowHelp, visible, {"PACK_DIR"});
  if (!values) return 0;
  if (values->count("sample") != values->count("html"))
    throw core::input_error("options --sample and --html go together", {}, "give both");
  const std::filesystem::path folder = (*values)["PACK_DIR"].as<std::string>();
  auto pack = datasets::PackReader::open(folder);
  if (values->count("html") > 0)
    core::replace_named_file(core::real_file_system(), (*values)["html"].as<std::string>(),
                             samples_page(pack, (*values)["sample"].as<int>()));
  const std::uint64_t bytes = datasets::pack_bytes(core::real_file_system(), folder, pack.options().shards);
  if (values->count("json") > 0) {
    core::Json document = datasets::describe_pack(pack);
    document["bytes"] = bytes;
    print_json(document);
    return 0;
  }
  print(pack, folder, bytes);
  if (const auto why = high_views_of(pack); !why.empty()) core::log_warning("{}", why);
  return 0;
}

}  // namespace resolute::cli
