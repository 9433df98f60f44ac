// `resolute data show`

#include <fmt/format.h>

#include <iostream>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/file_system.h"
#include "datasets/pack/show.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kHelp{
    "resolute data show PACK_DIR [--sample K --png FILE] [--json]",
    "Tells what a pack holds. With --sample and --png draws K images, each with its LR views enlarged to network size.",
    "  resolute data show store/packs/people-0123456789abcdef\n"
    "  resolute data show store/packs/people-0123456789abcdef --sample 8 --png sheet.png\n"};

}  // namespace

int data_show(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("sample", options::value<int>(), "images to draw");
  add("png", options::value<std::string>(), "file to draw them into");
  add("json", "one JSON document on stdout");
  add("help,h", "this text");
  auto values = parse_options(arguments, kHelp, visible, {"PACK_DIR"});
  if (!values) return 0;
  if (values->count("sample") != values->count("png"))
    throw core::input_error("options --sample and --png go together", {}, "give both");
  auto pack = datasets::PackReader::open((*values)["PACK_DIR"].as<std::string>());
  if (values->count("png") > 0)
    core::write_atomic(core::real_file_system(), (*values)["png"].as<std::string>(),
                       datasets::contact_sheet_png(pack, (*values)["sample"].as<int>()));
  if (values->count("json") > 0) {
    std::cout << datasets::describe_pack(pack).dump(1) << "\n";
    return 0;
  }
  auto statistics = datasets::pack_statistics(pack);
  std::cout << fmt::format("{} from {}: {} images of {} identities ({} distractors), {} to {} images each\n",
                           pack.options().name, pack.options().source, statistics.rows, statistics.identities,
                           statistics.distractors, statistics.fewest_images, statistics.most_images);
  for (const auto& [camera, count] : statistics.images_per_camera)
    std::cout << fmt::format("camera {}: {}\n", camera, count);
  for (const auto& [subset, count] : statistics.images_per_subset) std::cout << fmt::format("{}: {}\n", subset, count);
  std::cout << fmt::format("native size {}x{} to {}x{}, network size {}x{}, LR rates {}\n", statistics.smallest_width,
                           statistics.smallest_height, statistics.largest_width, statistics.largest_height,
                           pack.options().width, pack.options().height, fmt::join(pack.options().rates, ", "));
  std::cout << "pack " << pack.pack_sha256() << "\n";
  return 0;
}

}  // namespace resolute::cli
