// `resolute weights import|export|list`: weights that trainings start from, and those that they leave
// (docs/weights.md). Tensors are read and written by the worker: this program never loads libtorch.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <limits>
#include <map>

#include "cli/command.h"
#include "cli/job/ask_worker.h"
#include "cli/job/find_job.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/log.h"
#include "experiments/store/store_layout.h"
#include "experiments/store/weights_catalogue.h"

namespace resolute::cli {

using experiments::StoreLayout;

namespace {

constexpr CommandHelp kImportHelp{
    "resolute weights import FILE --store STORE [--name NAME] [--backbone NAME] [OPTION...]",
    R"(Puts the trunk of a torchvision or timm ResNet or of efficientnet-lite-pytorch's EfficientNet-Lite0 (.safetensors, or
.pth of torch.save) into the store, under the name that a suite's weights = "NAME" gives, and tells what of the file
matched. Spellings of Hugging Face, detectron2 and numbered Sequentials are read too; another network, as an SE-ResNet,
is refused. Nothing in the file is run.)",
    "  resolute weights import resnet50.pth --store store\n"
    "  resolute weights import checkpoint.pth --store store --name ours --prefix model_ema.\n"
    "  resolute weights import resnet50_ibn_a.pth --store store --backbone resnet50-ibn-a --name ibn\n"
    "  resolute weights import $(script/fetch-weights) --store store --backbone efficientnet-lite0 --name lite0\n"};
constexpr CommandHelp kExportHelp{
    "resolute weights export JOB --store STORE --out FILE.safetensors|FILE.pth [--json]",
    "Writes the trunk of a finished training under its published names, of a ResNet torchvision's: "
    "resnet50().load_state_dict(torch.load(FILE), strict=False)\n"
    "takes it. JOB is the training's id or its first digits.",
    "  resolute weights export 0123abcd --store store --out trunk.pth\n"};
constexpr CommandHelp kListHelp{"resolute weights list --store STORE [--json]",
                                "Tells which weights the store holds, and where they came from.",
                                "  resolute weights list --store store\n"};

constexpr std::size_t kMostNames = 12;

// Surplus tensors of a file are named in part ("a, b and 17 more"), missing ones in full.
void print_line(std::string_view title, const std::vector<std::string>& names, std::string_view what,
                std::size_t most = std::numeric_limits<std::size_t>::max()) {
  if (names.empty()) return;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), most));
  std::cout << fmt::format("{:12}{:4}{}: {}", title, names.size(), what,
                           fmt::join(names.begin(), names.begin() + shown, ", "));
  if (names.size() > most) std::cout << fmt::format(" and {} more (--json names all)", names.size() - most);
  std::cout << "\n";
}

// Tensors of the file that no trunk has: batch counters, the classifier, others.
void print_left_out(const std::vector<std::string>& names) {
  std::vector<std::string> counters, classifier, others;
  for (const std::string& name : names) {
    const auto ends = [&](std::initializer_list<const char*> endings) {
      return std::ranges::any_of(
          endings, [&](const char* ending) { return name == ending || name.ends_with(std::string(".") + ending); });
    };
    if (ends({"num_batches_tracked"}))
      counters.push_back(name);
    else if (ends({"fc.weight", "fc.bias", "_fc.weight", "_fc.bias", "classifier.weight", "classifier.bias",
                   "head.weight", "head.bias"}))
      classifier.push_back(name);
    else
      others.push_back(name);
  }
  if (!counters.empty()) std::cout << fmt::format("{:12}{:4} num_batches_tracked\n", "left out", counters.size());
  print_line("left out", classifier, " of a classifier", kMostNames);
  print_line("left out", others, " others", kMostNames);
}

void print_report(const core::Json& report) {
  std::cout << fmt::format("{} ({}) as the trunk of {}", report["file"].get<std::string>(),
                           report["format"].get<std::string>(), report["backbone"].get<std::string>());
  if (const auto prefix = report["prefix"].get<std::string>(); !prefix.empty())
    std::cout << fmt::format(", names behind '{}'", prefix);
  if (const auto spelling = report["spelling"].get<std::string>();
      spelling != "torchvision" && spelling != "efficientnet-lite-pytorch")
    std::cout << fmt::format(", spelled as {}", spelling);
  std::cout << fmt::format("\n{:12}{:4} tensors\n", "taken", report["taken"].size());
  std::map<std::string, int> converted;
  for (const auto& [name, type] : report["converted"].items()) ++converted[type.get<std::string>()];
  for (const auto& [type, count] : converted)
    std::cout << fmt::format("{:12}{:4} of them from {} to float32\n", "converted", count, type);
  print_left_out(report["left_out"].get<std::vector<std::string>>());
  print_line("foreign", report["foreign"].get<std::vector<std::string>>(), " in the trunk's levels", kMostNames);
  print_line("missing", report["missing"].get<std::vector<std::string>>(), "");
  std::vector<std::string> misfits;
  for (const auto& one : report["misfits"])
    misfits.push_back(fmt::format("{} is {}, not {}", one["name"].get<std::string>(), one["found"].get<std::string>(),
                                  one["needed"].get<std::string>()));
  print_line("do not fit", misfits, "");
  if (!report["imported"].get<bool>()) return;
  if (const auto remark = report["remark"].get<std::string>(); !remark.empty())
    std::cout << fmt::format("{:12}{}\n", "note", remark);
  std::cout << fmt::format("imported as '{}', SHA-256 {}\n", report["name"].get<std::string>(),
                           report["weights_sha256"].get<std::string>());
}

}  // namespace

int weights_import(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("name", options::value<std::string>()->default_value("imagenet"), "what suites call them: a-z, 0-9 and '-'");
  add("backbone", options::value<std::string>()->default_value("resnet50"),
      fmt::format("whose trunk it is: {}", fmt::join(settings::word_list<settings::Trunk>(), ", ")).c_str());
  add("prefix", options::value<std::string>(), "what stands before the names, e.g. 'module.'; found where not given");
  add("replace", "take the name from other weights that have it");
  add("json", "one JSON document on stdout: every tensor's name");
  auto values = parse_options(arguments, kImportHelp, visible, {"FILE"});
  if (!values) return 0;
  const std::string file = (*values)["FILE"].as<std::string>();
  const std::string store = required_value(*values, "store");
  if (!core::real_file_system().exists(file))
    throw core::input_error("file '" + file + "' is missing");  // before a store is made
  const std::string prefix = values->count("prefix") > 0 ? "=" + (*values)["prefix"].as<std::string>() : "auto";
  require_writable_store(store);
  const WorkerAnswer answer =
      ask_worker({"weights", "import", file, store, required_value(*values, "name"),
                  required_value(*values, "backbone"), prefix, values->count("replace") > 0 ? "replace" : "keep"});
  if (!answer.report.is_null()) {
    if (values->count("json") > 0)
      print_json(answer.report);
    else
      print_report(answer.report);
  }
  if (answer.code != 0) fail_as(answer);
  return 0;
}

int weights_export(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("out", options::value<std::string>(), "file to write: .safetensors, .pth or .pt (required)");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kExportHelp, visible, {"JOB"});
  if (!values) return 0;
  const StoreLayout store(required_value(*values, "store"));
  require_store(store.root());
  const std::string out = required_value(*values, "out");
  const auto job = find_job(core::real_file_system(), store, (*values)["JOB"].as<std::string>());
  const WorkerAnswer answer = ask_worker({"weights", "export", job.hex, store.root().string(), out});
  if (answer.code != 0) fail_as(answer);
  if (values->count("json") > 0)
    print_json(answer.report);
  else
    std::cout << fmt::format("{}: {} tensors of the trunk of {}, SHA-256 {}\n",
                             answer.report["file"].get<std::string>(), answer.report["tensors"].get<int>(),
                             answer.report["backbone"].get<std::string>(), answer.report["sha256"].get<std::string>());
  return 0;
}

int weights_list(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kListHelp, visible, {});
  if (!values) return 0;
  const StoreLayout store(required_value(*values, "store"));
  require_store(store.root());
  const experiments::WeightsCatalogue catalogue(core::real_file_system(), store);
  core::Json list = core::Json::array();
  for (const std::string& name : catalogue.names()) {
    std::optional<experiments::NamedWeights> found;
    try {
      found = catalogue.find(name);
    } catch (const core::RuntimeError& error) {
      core::log_warning("{}; weights '{}' are left out", error.what(), name);
    }
    if (!found) continue;  // or gone meanwhile
    const experiments::NamedWeights& weights = *found;
    core::Json one = experiments::to_json(weights);
    one["name"] = weights.name;
    one["complete"] = catalogue.has_file(weights);
    list.push_back(std::move(one));
    if (values->count("json") == 0)
      std::cout << fmt::format("{:16} {:12} {}  from {}{}\n", weights.name, weights.backbone, weights.sha256,
                               weights.source, catalogue.has_file(weights) ? "" : "  (the file is missing)");
  }
  if (values->count("json") > 0)
    print_json({{"weights", list}});
  else if (list.empty())
    std::cout << "no weights; resolute weights import FILE --store STORE\n";
  return 0;
}

}  // namespace resolute::cli
