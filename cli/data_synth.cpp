// `resolute data synth`

#include <algorithm>
#include <iostream>
#include <set>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/file_system.h"
#include "datasets/sources/source.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kDataSynthHelp{
    "resolute data synth --out DIR [--subject person|vehicle] [--layout NAME] [--irregular yes|no] [--identities N] "
    "[--cameras C] [--images-per-camera M] [--height H] [--width W] [--seed S]",
    "Renders procedural people, or vehicles seen from above and turned any way, as image files in the layout of a\n"
    "published data set: what `resolute data ingest NAME` reads. Every identity has two redundant cues: a fine one\n"
    "(gratings that low resolution destroys) and a coarse one (colours under changing light, a vehicle's kind and "
    "load).\n"
    "Vehicles are cut to what they cover: --height and --width are the length of the longest and the width of the\n"
    "widest, and images are of many sizes.\n"
    "Irregular sets have what downloaded ones have: images of all sizes, identities that one camera alone saw, and "
    "where\n"
    "the layout knows them junk, distractors, empty cells and files that are no images.",
    "  resolute data synth --out people --identities 64 --height 64 --width 32\n"
    "  resolute data synth --out vehicles --subject vehicle --identities 64 --cameras 1 --images-per-camera 8\n"
    "  resolute data synth --out caviar --layout caviar --identities 72\n"
    "  resolute data synth --out prepared --layout mlr-folders --irregular no\n"};

// Written as Market-1501's stand-in without irregularities has always been.
bool is_market1501(std::string_view layout) { return layout == "market1501" || layout == "synthetic"; }

std::string checked_layout(const options::variables_map& values) {
  const auto& layout = values["layout"].as<std::string>();
  const std::vector<std::string_view> known = datasets::source_names();
  if (std::find(known.begin(), known.end(), layout) == known.end())
    throw core::input_error("layout '" + layout + "' is unknown", {},
                            fmt::format("choose one of {}", fmt::join(known, ", ")));
  return layout;
}

bool is_irregular(const options::variables_map& values, std::string_view layout) {
  if (!values.count("irregular")) return !is_market1501(layout);
  const auto& text = values["irregular"].as<std::string>();
  if (text != "yes" && text != "no") throw core::input_error("--irregular is '" + text + "'", {}, "say yes or no");
  return text == "yes";
}

// What the layout's own ingester finds there, junk and stray files aside.
std::string summary_of(const std::string& out, std::string_view layout) {
  std::set<std::int64_t> identities;
  const auto samples = datasets::list_samples(core::real_file_system(), layout, out);
  for (const datasets::Sample& sample : samples)
    if (sample.identity != 0) identities.insert(sample.identity);
  return fmt::format("layout '{}', {} identities, {} images to ingest", layout, identities.size(), samples.size());
}

}  // namespace

int data_synth(const Arguments& arguments) {
  const datasets::SyntheticOptions usual;
  options::options_description visible;
  auto add = visible.add_options();
  const auto add_usual = [&add]<class T>(const char* name, T value, std::string_view what) {
    add(name, options::value<T>(), fmt::format("{} (default: {}, or what the layout asks for)", what, value).c_str());
  };
  add("out", options::value<std::string>(), "folder to make (required)");
  add_usual("subject", datasets::subject_name(usual.subject), "person or vehicle");
  add("layout", options::value<std::string>()->default_value("market1501"), "layout of the files: a source's name");
  add("irregular", options::value<std::string>(),
      "yes or no (default: no for market1501 and synthetic, yes for the others)");
  add_usual("identities", usual.identities, "number of people or vehicles");
  add_usual("cameras", usual.cameras, "number of cameras");
  add_usual("images-per-camera", usual.images_per_camera, "images of each identity and camera");
  add_usual("height", usual.height, "pixels");
  add_usual("width", usual.width, "pixels");
  add("seed", options::value<std::string>()->default_value("0"), "another seed, other identities");
  add_usual("fine-contrast", usual.fine_contrast, "contrast of the fine cue, 0 to 1");
  add("help,h", "this text");
  auto values = parse_options(arguments, kDataSynthHelp, visible, {});
  if (!values) return 0;
  const std::string layout = checked_layout(*values);
  datasets::SyntheticOptions synthetic = datasets::stand_in_options(layout);
  const auto take = [&values]<class T>(const char* name, T& setting) {
    if (values->count(name)) setting = (*values)[name].as<T>();
  };
  take("identities", synthetic.identities);
  take("cameras", synthetic.cameras);
  take("images-per-camera", synthetic.images_per_camera);
  take("height", synthetic.height);
  take("width", synthetic.width);
  take("fine-contrast", synthetic.fine_contrast);
  if (values->count("subject")) synthetic.subject = datasets::subject_from_name((*values)["subject"].as<std::string>());
  synthetic.irregular = is_irregular(*values, layout);
  synthetic.seed = parse_seed(*values, "seed");
  const std::string out = required_value(*values, "out");
  datasets::write_stand_in(core::real_file_system(), out, layout, synthetic);
  std::cout << out << ": ";
  if (is_market1501(layout) && !synthetic.irregular) {
    std::cout << synthetic.identities << " identities, "
              << synthetic.identities * synthetic.cameras * synthetic.images_per_camera << " images rendered\n";
  } else {
    std::cout << summary_of(out, layout) << "\n";
  }
  return 0;
}

}  // namespace resolute::cli
