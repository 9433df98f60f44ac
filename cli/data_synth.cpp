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
    "resolute data synth --out DIR [--layout NAME] [--identities N] [--cameras C] [--images-per-camera M] [--height H] "
    "[--width W] [--seed S]",
    "Renders procedural people as image files in Market-1501's naming. Every identity has two redundant cues: a fine "
    "one\n"
    "(gratings that low resolution destroys) and a coarse one (garment colours under changing light).",
    "  resolute data synth --out people --identities 64 --height 64 --width 32\n"};

}  // namespace

int data_synth(const Arguments& arguments) {
  datasets::SyntheticOptions people;
  options::options_description visible;
  auto add = visible.add_options();
  add("out", options::value<std::string>(), "folder to make (required)");
  add("layout", options::value<std::string>()->default_value("market1501"), "layout of the files");
  add("identities", options::value(&people.identities)->default_value(people.identities), "number of people");
  add("cameras", options::value(&people.cameras)->default_value(people.cameras), "number of cameras");
  add("images-per-camera", options::value(&people.images_per_camera)->default_value(people.images_per_camera),
      "images of each person and camera");
  add("height", options::value(&people.height)->default_value(people.height), "pixels");
  add("width", options::value(&people.width)->default_value(people.width), "pixels");
  add("seed", options::value<std::string>()->default_value("0"), "another seed, other people");
  add("fine-contrast", options::value(&people.fine_contrast)->default_value(people.fine_contrast),
      "contrast of the fine cue, 0 to 1");
  add("help,h", "this text");
  auto values = parse_options(arguments, kHelp, visible, {});
  if (!values) return 0;
  if (const auto& layout = (*values)["layout"].as<std::string>(); layout != "market1501")
    throw core::input_error("layout '" + layout + "' is unknown", {}, "known layouts are market1501");
  people.seed = parse_seed(*values, "seed");
  std::string out = required_value(*values, "out");
  datasets::write_synthetic(core::real_file_system(), out, people);
  std::cout << out << ": " << people.identities << " identities, "
            << people.identities * people.cameras * people.images_per_camera << " images rendered\n";
  return 0;
}

}  // namespace resolute::cli
