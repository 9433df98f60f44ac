// `resolute export onnx`: a training's embedding network for programs that know no libtorch (docs/weights.md, "As
// ONNX"). The graph is written by the worker.

#include <fmt/format.h>

#include <iostream>

#include "cli/command.h"
#include "cli/job/ask_worker.h"
#include "cli/job/find_job.h"
#include "cli/subcommands.h"
#include "core/files/file_system.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kExportOnnxHelp{
    "resolute export onnx TRAINING --store STORE --out FILE.onnx [--json]",
    R"(Writes the network by which a finished training's evaluations embed images, batch norms folded, as an ONNX graph: "images", N×3×H×W
float32 at the training's size, normalised by ImageNet's mean and deviation, to "features", N×D float32, those of an evaluation to
1e-5. TRAINING is the job's id or its first digits. Methods of one trunk and its mean have such a graph: baseline, rain.)",
    "  resolute export onnx 0123abcd --store store --out embedder.onnx\n"};

}  // namespace

int export_onnx(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), "folder of packs, jobs and suites (required)");
  add("out", options::value<std::string>(), "file to write: .onnx (required)");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kExportOnnxHelp, visible, {"TRAINING"});
  if (!values) return 0;
  const experiments::StoreLayout store(required_value(*values, "store"));
  const std::string out = required_value(*values, "out");
  const auto job = find_job(core::real_file_system(), store, required_value(*values, "TRAINING"));
  const WorkerAnswer answer = ask_worker({"onnx", job.hex, store.root().string(), out});
  if (answer.code != 0) fail_as(answer);
  const core::Json& report = answer.report;
  if (values->count("json") > 0)
    print_json(report);
  else
    std::cout << fmt::format("{}: images N×3×{}×{} to features N×{}, {} on {}, SHA-256 {}\n",
                             report["file"].get<std::string>(), report["height"].get<int>(), report["width"].get<int>(),
                             report["dimension"].get<int>(), report["method"].get<std::string>(),
                             report["backbone"].get<std::string>(), report["sha256"].get<std::string>());
  return 0;
}

}  // namespace resolute::cli
