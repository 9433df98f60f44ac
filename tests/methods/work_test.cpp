//! What methods take, held against what real steps and networks were counted to.

#include "methods/work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "methods/row.h"

namespace resolute::methods::work_test {
namespace {

WorkCase case_of(settings::Trunk trunk) {
  WorkCase asked{.network = {.backbone = trunk}};
  if (trunk == settings::Trunk::kResnetSmall) {
    asked.height = 64;
    asked.width = 32;
  }
  return asked;
}

struct Counted {
  const char* name;
  MethodOptions method;
  settings::Trunk trunk;
  bool lr_row;        //!< the pair has an LR row beside the HR row
  double pair;        //!< GFLOP of a training step on a pair: convolutions and matrix products that libtorch dispatched
  double query;       //!< GFLOP to embed one
  double parameters;  //!< with 751 identities, or 32 on the small trunk
  double feature = 0;  //!< floats
};

//! Counted in November 2026: in real steps of images of 256×128, or of 64×32 on the small trunk; CAD-Net's in the
//! shapes of its second implementation (tests/golden/cadnet).
std::vector<Counted> counted() {
  RainOptions off, transposed;
  off.adversary = NoAdversary();
  transposed.decoder = DecoderKind::kTransposed;
  const BaselineOptions stored{.images = BaselineImages::kStored};
  MsiflaOptions one, shared;
  one.scales = {1};
  shared.reid_networks = ReidNetworks::kShared;
  const auto large = settings::Trunk::kResnet50, small = settings::Trunk::kResnetSmall;
  return {{"baseline", BaselineOptions{}, large, false, 24.17, 8.11, 25'046'831, 2048},
          {"baseline", BaselineOptions{}, small, false, 0.0846, 0.0288, 312'208, 128},
          {"baseline, stored", stored, large, true, 48.35, 8.11, 25'046'831, 2048},
          {"rain", RainOptions{}, large, false, 196.73, 8.11, 38'593'396, 2048},
          {"rain", RainOptions{}, small, false, 0.2692, 0.0288, 457'661, 128},
          {"rain, adversary off", off, large, false, 193.98, 8.11, 36'035'954, 2048},
          {"rain, adversary off", off, small, false, 0.2452, 0.0288, 334'395, 128},
          {"rain, transposed", transposed, large, false, 116.20, 8.11, 47'137'652, 2048},
          {"rain, transposed", transposed, small, false, 0.2299, 0.0288, 474'685, 128},
          {"cadnet", CadnetOptions{}, large, false, 288.66, 46.53, 65'885'748, 4096},
          {"cadnet", CadnetOptions{}, small, false, 0.5156, 0.0785, 741'965, 256},
          {"cadnet f", CadnetOptions{.features = JointFeature::kF}, large, false, 240.00, 8.11, 40'839'668, 2048},
          {"cadnet, no D_I", CadnetOptions{.image_adversary = false}, large, false, 280.52, 46.53, 65'514'675, 4096},
          {"ftwa B", FtwaOptions{{}, FtwaForm::kStreams}, large, true, 72.52, 8.11, 26'810'974},
          {"ftwa R", FtwaOptions{{}, FtwaForm::kTransformed}, large, true, 84.41, 10.09, 34'684'894},
          {"ftwa", FtwaOptions{}, large, true, 84.44, 10.09, 36'784'096},
          {"ftwa", FtwaOptions{}, small, true, 0.2971, 0.0360, 446'034},
          {"msifla {1}", one, large, true, 136.49, 13.31, 30'465'535, 8192},
          {"msifla, shared", shared, large, true, 410.81, 39.93, 32'070'149, 24'576},
          {"msifla", MsiflaOptions{}, large, true, 410.81, 39.93, 91'396'605, 24'576},
          {"resolution_adaptive", ResolutionAdaptiveOptions{}, large, false, 48.42, 8.11, 30'353'200, 2048},
          {"resolution_adaptive", ResolutionAdaptiveOptions{}, small, false, 0.1982, 0.0293, 1'692'241, 2048}};
}

TEST(Work, is_what_real_steps_were_counted_to_within_a_fifth) {
  constexpr double kGiga = 1e9, kOperations = 2;  // of a multiply-add
  for (const Counted& one : counted()) {
    SCOPED_TRACE(std::string(one.name) + " on " + std::string(settings::word(one.trunk)));
    const Work made = work(one.method, case_of(one.trunk));
    EXPECT_NEAR(kOperations / kGiga * (made.hr_row + (one.lr_row ? made.lr_row : 0)) / one.pair, 1, 0.2);
    EXPECT_NEAR(kOperations / kGiga * made.query / one.query, 1, 0.02);
    EXPECT_NEAR(made.parameters / one.parameters, 1, 0.2);
    EXPECT_EQ(made.feature, one.feature);
  }
}

TEST(Work, follows_what_a_batch_gives_a_method) {
  const WorkCase plain, with_originals{.originals = true}, one_copy{.copies = 1};
  EXPECT_EQ(0, work(BaselineOptions{}, plain).lr_row) << "rows without an HR image are left out";
  EXPECT_GT(work(RainOptions{}, with_originals).lr_row, 3 * work(RainOptions{}, plain).lr_row);
  EXPECT_LT(work(MsiflaOptions{}, one_copy).hr_row, 0.7 * work(MsiflaOptions{}, plain).hr_row);
}

TEST(Work, the_trunks_have_their_known_sizes) {
  WorkCase asked;
  EXPECT_EQ(23'508'032, trunk_work(asked).parameters);
  const double convolutions = trunk_work(asked).step;
  asked.network.backbone = settings::Trunk::kResnet50IbnA;
  EXPECT_EQ(23'508'032, trunk_work(asked).parameters);
  EXPECT_EQ(convolutions, trunk_work(asked).step);
  asked.network.backbone = settings::Trunk::kEfficientnetLite0;
  asked.network.last_stride = 2;
  asked.height = asked.width = 224;
  // Tan & Le's EfficientNet-Lite0: 4,652,008 parameters with the classifier of 1,000 classes, 407 M multiply-adds.
  EXPECT_EQ(4'652'008 - 1'281'000, trunk_work(asked).parameters);
  EXPECT_NEAR(407e6, trunk_work(asked).forward + 1'280'000, 25e6);
}

TEST(Work, frozen_levels_have_no_backward_pass) {
  for (const auto backbone : {settings::Trunk::kResnet50, settings::Trunk::kEfficientnetLite0}) {
    WorkCase asked{.network = {.backbone = backbone}};
    double last = trunk_work(asked).step;
    EXPECT_EQ(last, 3 * trunk_work(asked).forward);
    for (asked.network.frozen_levels = 1; asked.network.frozen_levels <= 5; ++asked.network.frozen_levels) {
      const TrunkWork trunk = trunk_work(asked);
      EXPECT_LT(trunk.step, last);
      last = trunk.step;
    }
    EXPECT_EQ(last, trunk_work(asked).forward);
  }
}

TEST(Work, a_step_of_whatever_method_takes_the_trunk_at_least) {
  const WorkCase asked;
  const TrunkWork trunk = trunk_work(asked);
  for (const MethodOptions& method : all_methods()) {
    SCOPED_TRACE(method_name(method));
    EXPECT_GE(work(method, asked).hr_row, trunk.step);
    EXPECT_GE(work(method, asked).query, trunk.forward);
    EXPECT_GE(work(method, asked).parameters, trunk.parameters);
  }
}

}  // namespace
}  // namespace resolute::methods::work_test
