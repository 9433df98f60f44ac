// A job's specification: refused, or written as it came; and what is valid has an id.
#include "experiments/specification/specification.h"

#include "tests/experiments/example_specifications.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::specification_fuzzer {

std::vector<std::string> specification_examples() {
  using namespace experiments;
  std::vector<std::string> texts{canonical_text(ShardSpecification{example_pack(), 1}),
                                 canonical_text(SealSpecification{example_pack()}),
                                 canonical_text(example_evaluation())};
  TrainingSpecification training = example_training();
  for (const MethodOptions& method :
       {MethodOptions(RainOptions{}), MethodOptions(BaselineOptions{}), MethodOptions(FtwaOptions{}),
        MethodOptions(MsiflaOptions{}), MethodOptions(ResolutionAdaptiveOptions{}), MethodOptions(CadnetOptions{}),
        MethodOptions(VpfaOptions{})}) {
    training.method = method;
    training.recipe.steps = 20;
    training.recipe.lr_images = std::holds_alternative<FtwaOptions>(method) ? 2 : 0;
    texts.push_back(canonical_text(training));
  }
  return texts;
}

RESOLUTE_FUZZER(specification, .rounds = 40'000, .examples = specification_examples, .mutate = mutate_json)
(std::string_view bytes) {
  return understood([&] {
    const auto read = [](std::string_view text) {
      return experiments::specification_from_json(core::parse_json(text, "spec.json"), "spec.json");
    };
    const experiments::JobSpecification job = read(bytes);
    require_one_text(job, experiments::canonical_text, read, "a specification is written otherwise than it was read");
    experiments::job_id(job);
    understood([&] { experiments::validate(job, "spec.json"); });
  });
}

}  // namespace resolute::tests::specification_fuzzer
