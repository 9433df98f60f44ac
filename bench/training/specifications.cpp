//! \file
//! Writes the jobs that `script/bench training` runs through resolute-worker into a store: a pack of synthetic people
//! at 256×128 and a training of ResNet-50 on it with one lane and one with two. Prints their ids as JSON.
//!
//! bench_specifications STORE ROWS_A_LANE

#include <iostream>
#include <string>

#include "bench/guarded_main.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "experiments/specification/specification.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {
namespace {

constexpr int kImages = 4;

PackSettings people() {
  PackSettings pack;
  pack.name = "bench";
  pack.source = settings::Source::kSynthetic;
  pack.synthetic = SyntheticSettings{.identities = 64, .images_per_camera = 4, .height = 256, .width = 128};
  return pack;
}

TrainingSpecification training(int lanes, int rows) {
  TrainingSpecification specification;
  specification.method = BaselineOptions{};
  specification.pack = people();
  specification.split.train_pool = settings::TrainPool::kHrBothViews;
  specification.recipe.steps = 1000;  // more than anyone waits for
  specification.recipe.identities = lanes * rows / kImages;
  specification.recipe.images = kImages;
  specification.recipe.precision = settings::Precision::kBf16;
  specification.lanes = lanes;
  return specification;
}

std::string write(const StoreLayout& store, const JobSpecification& specification) {
  validate(specification, "bench");
  const JobId id = job_id(specification);
  core::write_atomic(core::real_file_system(), store.specification_file(id), canonical_text(specification));
  return id.hex;
}

void run(const std::filesystem::path& folder, int rows) {
  const StoreLayout store(folder);
  const PackSettings pack = people();
  const core::Json ids = {{"pack", {write(store, ShardSpecification{pack, 0}), write(store, SealSpecification{pack})}},
                          {"images", store.raw_folder(pack).string()},
                          {"one_lane", write(store, training(1, rows))},
                          {"two_lanes", write(store, training(2, rows))}};
  std::cout << core::canonical_json(ids) << std::endl;
}

}  // namespace
}  // namespace resolute::experiments

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_specifications", [&] {
    if (argc != 3) throw resolute::core::input_error("a store and a number of rows are needed");
    resolute::experiments::run(argv[1], std::stoi(argv[2]));
  });
}
