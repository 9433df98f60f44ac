//! Suites with rows of VPFA: which levels can have a map, what makes another job, and what is refused while planning.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::vpfa_suite_test {
namespace {

class VpfaSuite : public MethodSuite {
 protected:
  VpfaSuite()
      : MethodSuite("vpfa", "train.steps = 10\ntrain.identities = 4\ntrain.images = 4\n", "rates = [2, 3, 4, 8]\n") {}
};

TEST_F(VpfaSuite, each_map_has_copies_to_learn_from_and_each_copy_a_map) {
  for (const char* rates : {"[4, 3, 2, 1]", "[3, 1]", "[4, 1]", "[4, 2, 1]"})
    expect_accepted({fmt::format(".level_rates = {}", rates)});
  expect_value_refused(".level_rates", "[1]", "there is no level below the highest");
  expect_value_refused(".level_rates", "[4, 3, 2]", "the last must be 1");
  expect_value_refused(".level_rates", "[8, 4, 3, 2, 1]", "the map of rate 8 learns from copies near that rate");
  expect_refused(".level_rates = [8, 1]",
                 {"key 'train.train_rates' has the value [2, 3, 4]", "counts as the highest level, which has no map"});
  expect_accepted({".level_rates = [8, 1]\ntrain.train_rates = [3, 8]"});
}

TEST_F(VpfaSuite, the_trunk_and_the_labels_have_nothing_to_say) {
  expect_one_job("", {"network.frozen_levels = 3", "network.neck = true"});
  expect_other_jobs("", {".hidden = 16", ".level_rates = [4, 1]"});
  expect_accepted({"train.labelled_fraction = 0", "evaluate.distance = \"cosine\"", "evaluate.re_ranking = true"});
}

}  // namespace
}  // namespace resolute::experiments::vpfa_suite_test
