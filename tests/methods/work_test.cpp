//! What methods multiply, held against what bench_method_costs counts in real steps: the figures of their pages
//! (methods/NAME/README.md), which tests/documentation/method_costs_test.py holds against the program.

#include "methods/work.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "core/files/file_system.h"
#include "methods/row.h"
#include "tests/support/folders.h"

namespace resolute::methods::work_test {
namespace {

//! "resnet50, rain {4, 5}" → the cells of its line in a page's first table.
std::vector<std::string> line_of(const std::string& page, const std::string& name) {
  const std::string text =
      core::read_text(core::real_file_system(), tests::source_folder() / "methods" / page / "README.md");
  const auto begin = text.find("| " + name + " |");
  if (begin == std::string::npos) return {};
  std::istringstream line(text.substr(begin, text.find('\n', begin) - begin));
  std::vector<std::string> cells;
  for (std::string cell; std::getline(line, cell, '|');) {
    std::erase(cell, ' ');
    std::erase(cell, ',');
    cells.push_back(cell);
  }
  return cells;
}

WorkCase case_of(const std::string& backbone) {
  WorkCase of;
  if (backbone == "resnet50") return of;
  of.network.backbone = settings::Trunk::kResnetSmall;
  of.network.neck = true;
  of.height = 64;
  of.width = 32;
  of.identities = 32;
  return of;
}

struct Counted {
  std::string page, name;
  MethodOptions method;
  bool lr_row = false;       //!< a pair has an LR row beside the HR row
  std::size_t from_end = 1;  //!< column of "GFLOP to train on a pair", from the end
};

std::vector<Counted> counted() {
  RainOptions off, pixelwise, transposed, single;
  off.adversary = NoAdversary();
  pixelwise.adversary = Adversary{.discriminator = DiscriminatorKind::kPixelwise};
  transposed.decoder = DecoderKind::kTransposed;
  single.adversary = Adversary{.levels = {5}};
  const BaselineOptions stored{.images = BaselineImages::kStored};
  MsiflaOptions one, shared;
  one.scales = {1};
  shared.reid_networks = ReidNetworks::kShared;
  return {{"rain", "baseline", BaselineOptions{}},
          {"rain", "rain {4, 5}", RainOptions{}},
          {"rain", "rain {5}", single},
          {"rain", "rain, adversary off", off},
          {"rain", "rain, pixelwise D", pixelwise},
          {"rain", "rain, transposed G", transposed},
          {"ftwa", "baseline, stored", stored, true},
          {"ftwa", "ftwa B", FtwaOptions{{}, FtwaForm::kStreams}, true},
          {"ftwa", "ftwa R", FtwaOptions{{}, FtwaForm::kTransformed}, true},
          {"ftwa", "ftwa", FtwaOptions{}, true},
          {"msifla", "msifla {1}", one, true},
          {"msifla", "msifla, shared", shared, true},
          {"msifla", "msifla", MsiflaOptions{}, true},
          {"resolution_adaptive", "resolution-adaptive", ResolutionAdaptiveOptions{}}};
}

double giga_flop(double multiply_adds) { return 2 * multiply_adds / 1e9; }

TEST(Work, a_step_multiplies_what_a_real_step_was_counted_to) {
  for (const Counted& one : counted())
    for (const std::string backbone : {"resnet50", "resnet-small"}) {
      SCOPED_TRACE(backbone + ", " + one.name);
      const auto cells = line_of(one.page, backbone + ", " + one.name);
      ASSERT_GT(cells.size(), 4U);
      const Work made = work(one.method, case_of(backbone));
      const double pair = giga_flop(made.hr_row + (one.lr_row ? made.lr_row : 0));
      EXPECT_NEAR(pair / std::stod(cells.back()), 1, 2e-3);
      EXPECT_NEAR(giga_flop(made.query) / std::stod(cells[cells.size() - 2]), 1, 4e-3);
    }
}

TEST(Work, networks_have_the_parameters_that_were_counted) {
  for (const Counted& one : counted())
    for (const std::string backbone : {"resnet50", "resnet-small"}) {
      SCOPED_TRACE(backbone + ", " + one.name);
      const auto cells = line_of(one.page, backbone + ", " + one.name);
      ASSERT_GT(cells.size(), 4U);
      // FTWA's page has a column for each side's embedding.
      const std::string& all = cells[cells.size() - (one.page == "ftwa" ? 4 : 3)];
      EXPECT_NEAR(work(one.method, case_of(backbone)).parameters / std::stod(all), 1, 3e-3);
    }
}

TEST(Work, the_trunks_have_their_known_sizes) {
  WorkCase of;
  EXPECT_EQ(23'508'032, trunk_work(of).parameters);
  of.network.backbone = settings::Trunk::kEfficientnetLite0;
  of.network.last_stride = 2;
  of.height = of.width = 224;
  // Tan & Le's EfficientNet-Lite0: 4,652,008 parameters with the classifier of 1,000 classes, 407 M multiply-adds.
  EXPECT_EQ(4'652'008 - 1'281'000, trunk_work(of).parameters);
  EXPECT_NEAR(407e6, trunk_work(of).forward + 1'280'000, 25e6);
}

TEST(Work, frozen_levels_have_no_backward_pass) {
  for (const auto backbone : {settings::Trunk::kResnet50, settings::Trunk::kEfficientnetLite0}) {
    WorkCase of;
    of.network.backbone = backbone;
    double last = trunk_work(of).step;
    EXPECT_LT(last, 3 * trunk_work(of).forward);
    for (of.network.frozen_levels = 1; of.network.frozen_levels <= 5; ++of.network.frozen_levels) {
      const TrunkWork trunk = trunk_work(of);
      EXPECT_LT(trunk.step, last);
      last = trunk.step;
    }
    EXPECT_EQ(last, trunk_work(of).forward);
  }
}

TEST(Work, a_step_of_whatever_method_takes_the_trunk_at_least) {
  const WorkCase of;
  for (const MethodOptions& method : all_methods()) {
    SCOPED_TRACE(method_name(method));
    EXPECT_GE(work(method, of).hr_row, trunk_work(of).step);
    EXPECT_GE(work(method, of).query, trunk_work(of).forward);
    EXPECT_GE(work(method, of).parameters, trunk_work(of).parameters);
  }
}

}  // namespace
}  // namespace resolute::methods::work_test
