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
    "resolute export onnx TRAINING --store STORE --out FILE.onnx [--level K|--side low] [--json]",
    R"(Writes the network by which a finished training's evaluations embed images, batch norms folded, as an ONNX graph:
"images", N×3×H×W float32 at the training's size, normalised by ImageNet's mean and deviation, to "features", N×D
float32, those of an evaluation to 1e-5. TRAINING is the job's id or its first digits. A method with levels of
resolution has a graph for each; one whose sides pass different networks (FTWA) has one for either, of each branch's
feature and its weight.)",
    "  resolute export onnx 0123abcd --store store --out embedder.onnx\n"
    "  resolute export onnx 4567cdef --store store --out low.onnx --level 1\n"
    "  resolute export onnx 89abcdef --store store --out queries.onnx --side low\n"};

}  // namespace

int export_onnx(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("out", options::value<std::string>(), "file to write: .onnx (required)");
  int level = 0;
  add("level", options::value(&level)->default_value(0),
      "of resolution, 1 being the lowest, whose images the graph is for; 0: the highest, as for a gallery");
  std::string side;
  add("side", options::value(&side)->default_value("high"),
      "whose images the graph is for: high, as a gallery's, or low, as queries and LR copies");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kExportOnnxHelp, visible, {"TRAINING"});
  if (!values) return 0;
  const experiments::StoreLayout store(required_value(*values, "store"));
  const std::string out = required_value(*values, "out");
  if (level < 0)
    throw core::input_error(fmt::format("--level {}", level), "levels count from 1", "leave it out for the highest");
  if (side != "high" && side != "low")
    throw core::input_error(fmt::format("--side '{}'", side), "there are high and low");
  const auto job = find_job(core::real_file_system(), store, required_value(*values, "TRAINING"));
  const WorkerAnswer answer = ask_worker({"onnx", job.hex, store.root().string(), out, side, std::to_string(level)});
  if (answer.code != 0) fail_as(answer);
  const core::Json& report = answer.report;
  if (values->count("json") > 0)
    print_json(report);
  else
    std::cout << fmt::format("{}: images N×3×{}×{} to features N×{}, {} on {}, SHA-256 {}\n",
                             report["file"].get<std::string>(), report["height"].get<int>(), report["width"].get<int>(),
                             report["columns"].get<int>(), report["method"].get<std::string>(),
                             report["backbone"].get<std::string>(), report["sha256"].get<std::string>());
  return 0;
}

}  // namespace resolute::cli
