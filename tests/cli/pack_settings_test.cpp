//! \file
//! Specifications know no data sets and data sets no specifications: what stands between them, in the command line and
//! in the workers, says the same; and what both list is one list.

#include "cli/pack_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datasets/sources/source.h"
#include "experiments/validation.h"
#include "workers/dataset_settings.h"

namespace resolute::pack_settings_test {
namespace {

experiments::PackSettings settings(const std::string& view_from) {
  experiments::PackSettings pack;
  pack.name = "mlr-viper";
  pack.source = "viper";
  pack.rates = {2, 4, 8};
  pack.kernel = "cubic";
  pack.height = 192;
  pack.width = 64;
  pack.shards = 3;
  pack.view_from = view_from;
  return pack;
}

TEST(PackSettings, every_source_of_data_sets_may_stand_in_a_suite_and_no_other) {
  const auto sources = datasets::source_names();
  EXPECT_THAT(experiments::source_names(), testing::ElementsAreArray(sources.begin(), sources.end()));
}

TEST(PackSettings, the_command_line_makes_the_pack_that_a_workers_job_makes) {
  for (const char* view_from : {"native", "network"}) {
    const datasets::PackOptions made = workers::pack_options(settings(view_from));
    EXPECT_EQ(datasets::to_json(made), datasets::to_json(cli::to_pack_options(settings(view_from))));
    EXPECT_EQ(view_from, datasets::view_from_name(made.view_from));
    // The pack can be asked for again with what it says of itself.
    const core::Json json = datasets::to_json(made);
    EXPECT_EQ(json, datasets::to_json(datasets::pack_options_from_json(json, "pack.json")));
  }
}

TEST(PackSettings, a_pack_of_native_views_says_what_packs_said_before_there_were_others) {
  const core::Json native = datasets::to_json(workers::pack_options(settings("native")));
  EXPECT_FALSE(native.contains("view_from"));
  EXPECT_FALSE(native.at("settings").contains("view_from"));
  const core::Json network = datasets::to_json(workers::pack_options(settings("network")));
  EXPECT_EQ("network", network.at("view_from"));
  EXPECT_EQ("network", network.at("settings").at("view_from"));
}

TEST(SplitSettings, come_through_whole) {
  experiments::SplitSettings split;
  EXPECT_EQ(datasets::SplitOptions(), workers::split_options(split));
  split.partition = "published";
  split.seed = 19;
  split.lr_side = "pair";
  split.test_identities = 100;
  split.train_identities = 300;
  split.query_rates = {8};
  split.train_pool = "hr-view-only";
  split.lr_camera = 3;
  const datasets::SplitOptions options = workers::split_options(split);
  EXPECT_EQ((datasets::SplitOptions{.partition = "published",
                                    .seed = 19,
                                    .lr_camera = 3,
                                    .query_rates = {8},
                                    .train_pool = "hr-view-only",
                                    .train_identities = 300,
                                    .lr_side = "pair",
                                    .test_identities = 100}),
            options);
}

}  // namespace
}  // namespace resolute::pack_settings_test
