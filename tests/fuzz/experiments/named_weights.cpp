// weights/NAME.json of a store: refused, or written as it came.
#include "core/hash/sha256.h"
#include "experiments/store/weights_catalogue.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::named_weights_fuzzer {

std::vector<std::string> named_weights_examples() {
  const experiments::NamedWeights weights{"imagenet", core::sha256_hex("trunk"), "resnet50", "resnet50.pth",
                                          core::sha256_hex("file")};
  return {core::canonical_json(experiments::to_json(weights))};
}

RESOLUTE_FUZZER(named_weights, .rounds = 20'000, .examples = named_weights_examples, .mutate = mutate_json)
(std::string_view bytes) {
  return understood([&] {
    const experiments::StoreLayout store("store");
    MemoryFolder files(store.weights_name_file("imagenet"), bytes);
    const auto found = experiments::WeightsCatalogue(files, store).find("imagenet");
    require(found && core::canonical_json(experiments::to_json(*found)) ==
                         core::canonical_json(core::parse_json(bytes, "weights")),
            "named weights are written otherwise than they were read");
  });
}

}  // namespace resolute::tests::named_weights_fuzzer
