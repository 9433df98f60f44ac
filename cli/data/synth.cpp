// `resolute data synth`

#include <iostream>
#include <set>

#include "cli/described_options.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "datasets/sources/source.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDataSynthHelp{
    "resolute data synth --out DIR [--layout NAME] [--irregular yes|no] [SETTINGS]",
    R"(Renders procedural people, or vehicles seen from above and turned any way, as image files in the layout of a published
data set: what `resolute data ingest NAME` reads. Every identity has two redundant cues: a fine one (gratings that low
resolution destroys) and a coarse one (colours under changing light, a vehicle's kind and load). Vehicles are cut to
what they cover: --height and --width are the length of the longest and the width of the widest, and images are of
many sizes.

Irregular sets have what downloaded ones have: images of all sizes, identities that one camera alone saw, and where
the layout knows them junk, distractors, empty cells and files that are no images.)",
    "  resolute data synth --out people --identities 64 --height 64 --width 32\n"
    "  resolute data synth --out vehicles --subject vehicle --identities 64 --cameras 1 --images-per-camera 8\n"
    "  resolute data synth --out caviar --layout caviar --identities 72\n"
    "  resolute data synth --out prepared --layout mlr-folders --irregular no\n"};

// Images that the layout's own ingester finds there, without junk and stray files.
std::string summary_of(const std::string& out, settings::Source layout) {
  std::set<std::int64_t> identities;
  const auto samples = datasets::list_samples(core::real_file_system(), layout, out);
  for (const datasets::Sample& sample : samples)
    if (sample.identity != 0) identities.insert(sample.identity);
  return fmt::format("layout '{}', {} identities, {} images to ingest", settings::word(layout), identities.size(),
                     samples.size());
}

}  // namespace

int data_synth(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("out", options::value<std::string>(), "folder to make (required)");
  add("layout", options::value<std::string>()->default_value("market1501"), "layout of the files: a source's name");
  add("irregular", options::value<std::string>(), "yes or no (default: as sets of that layout are downloaded)");
  add_described<settings::SyntheticSettings>(visible, datasets::stand_in_settings(settings::Source::kMarket1501));
  add("help,h", "this text; some layouts have other defaults");
  auto values = parse_options(arguments, kDataSynthHelp, visible, {});
  if (!values) return 0;
  const auto layout = settings::parse_word<settings::Source>((*values)["layout"].as<std::string>(), "option --layout");
  datasets::StandInSettings synthetic = datasets::stand_in_settings(layout);
  const bool usually_irregular = synthetic.irregular;
  read_described<settings::SyntheticSettings>(*values, synthetic);
  if (values->count("irregular") > 0) {
    const std::string text = (*values)["irregular"].as<std::string>();
    if (text != "yes" && text != "no") throw core::input_error("--irregular is '" + text + "'", {}, "say yes or no");
    synthetic.irregular = text == "yes";
  }
  const std::string out = required_value(*values, "out");
  naming_options_of<settings::SyntheticSettings>(
      [&] { datasets::write_stand_in(core::real_file_system(), out, synthetic); });
  std::cout << out << ": ";
  if (usually_irregular || synthetic.irregular)
    std::cout << summary_of(out, layout) << "\n";
  else
    std::cout << synthetic.identities << " identities, "
              << synthetic.identities * synthetic.cameras * synthetic.images_per_camera << " images rendered\n";
  return 0;
}

}  // namespace resolute::cli
