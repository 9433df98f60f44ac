// `resolute data synth`

#include <iostream>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/file_system.h"
#include "datasets/sources/synthetic.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kHelp{
    "resolute data synth --out DIR [--subject person|vehicle] [--layout NAME] [--identities N] [--cameras C] "
    "[--images-per-camera M] [--height H] [--width W] [--seed S]",
    "Renders procedural people, or vehicles seen from above and turned any way, as image files in Market-1501's "
    "naming.\n"
    "Every identity has two redundant cues: a fine one (gratings that low resolution destroys) and a coarse one "
    "(colours\n"
    "under changing light, a vehicle's kind and load). Vehicles are cut to what they cover: --height and --width are "
    "the\n"
    "length of the longest and the width of the widest, and images are of many sizes.",
    "  resolute data synth --out people --identities 64 --height 64 --width 32\n"
    "  resolute data synth --out vehicles --subject vehicle --identities 64 --cameras 1 --images-per-camera 8\n"};

}  // namespace

int data_synth(const Arguments& arguments) {
  datasets::SyntheticOptions synthetic;
  options::options_description visible;
  auto add = visible.add_options();
  add("out", options::value<std::string>(), "folder to make (required)");
  add("subject", options::value<std::string>()->default_value("person"), "person or vehicle");
  add("layout", options::value<std::string>()->default_value("market1501"), "layout of the files");
  add("identities", options::value(&synthetic.identities)->default_value(synthetic.identities),
      "number of people or vehicles");
  add("cameras", options::value(&synthetic.cameras)->default_value(synthetic.cameras), "number of cameras");
  add("images-per-camera", options::value(&synthetic.images_per_camera)->default_value(synthetic.images_per_camera),
      "images of each identity and camera");
  add("height", options::value(&synthetic.height)->default_value(synthetic.height), "pixels");
  add("width", options::value(&synthetic.width)->default_value(synthetic.width), "pixels");
  add("seed", options::value<std::string>()->default_value("0"), "another seed, other identities");
  add("fine-contrast", options::value(&synthetic.fine_contrast)->default_value(synthetic.fine_contrast),
      "contrast of the fine cue, 0 to 1");
  add("help,h", "this text");
  auto values = parse_options(arguments, kHelp, visible, {});
  if (!values) return 0;
  if (const auto& layout = (*values)["layout"].as<std::string>(); layout != "market1501")
    throw core::input_error("layout '" + layout + "' is unknown", {}, "known layouts are market1501");
  synthetic.subject = datasets::subject_from_name((*values)["subject"].as<std::string>());
  synthetic.seed = parse_seed(*values, "seed");
  std::string out = required_value(*values, "out");
  datasets::write_synthetic(core::real_file_system(), out, synthetic);
  std::cout << out << ": " << synthetic.identities << " identities, "
            << synthetic.identities * synthetic.cameras * synthetic.images_per_camera << " images rendered\n";
  return 0;
}

}  // namespace resolute::cli
