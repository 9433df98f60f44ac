//! Suites with rows of MSIFLA: options that reach their jobs, jobs that rows share, and what is refused while planning;
//! MLR-VRU's split and the tables that show how well images are recovered.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::msifla_suite_test {
namespace {

using namespace testing;

class MsiflaSuite : public MethodSuite {
 protected:
  //! In refusals a row's first setting is on line 26.
  MsiflaSuite()
      : MethodSuite("msifla",
                    "backbone = \"resnet-small\"\ntrain.steps = 10\ntrain.identities = 5\ntrain.images = 4\n"
                    "train.lr_images = 2\nheight = 64\nwidth = 32\n",
                    "rates = [2, 3, 4, 8]\n") {}
  //! With a piece of the suite's head replaced.
  std::string refusal_with(const std::string& from, const std::string& to, const std::string& settings = {}) {
    return refusal_of(replaced(from, to, row("r", settings)));
  }
};

TEST_F(MsiflaSuite, a_cascade_descends_to_the_hr_image) {
  for (const char* scales : {"[1]", "[2, 1]", "[3, 2, 1]", "[4, 3, 2, 1]", "[3, 1]"})
    expect_accepted({fmt::format(".scales = {}", scales)});
  expect_value_refused(".scales", "[]", "at least one is needed");
  expect_value_refused(".scales", "[8, 4, 3, 2, 1]", "1 to 4 scales are needed");
  expect_value_refused(".scales", "[1, 2]", "they must descend, none twice");
  expect_value_refused(".scales", "[2, 2, 1]", "they must descend, none twice");
  expect_value_refused(".scales", "[3, 2]", "the last must be 1");
  expect_value_refused(".scales", "[17, 1]", "each must be 1 to 16");
  expect_value_refused(".scales", "[2, 0]", "each must be 1 to 16");
  expect_value_refused(".scales", "[8, 1]", "'train.train_rates' is [2, 3, 4]");
  expect_refused("train.train_rates = [1, 2, 3]", {"it has"});
  expect_accepted({".scales = [8, 1]\ntrain.train_rates = [2, 8]"});
  expect_refused("train.train_rates = [2, 4]",
                 {"s.toml:23:1: key '.scales' has the value [3, 2, 1] (the IR network of scale 3",
                  "; add 3 to 'train.train_rates'"});
}

TEST_F(MsiflaSuite, widths_are_even_and_a_warm_up_ends_before_the_training) {
  expect_value_refused(".ir_width", "15");
  expect_value_refused(".ir_warmup_steps", "10");
  expect_accepted({".ir_warmup_steps = 9"});
}

TEST_F(MsiflaSuite, an_ensemble_is_of_networks_on_one_scale) {
  expect_other_jobs(".scales = [1]\n", {".reid_ensemble = 3"});
  expect_one_job(".scales = [1]\n", {".reid_ensemble = 1"});
  expect_refused(".scales = [2, 1]\n.reid_ensemble = 3",
                 {"key 'msifla.reid_ensemble' has the value 3 (an ensemble is of re-ID networks on one scale, and "
                  "'msifla.scales' is [2, 1]",
                  "set msifla.scales = [1]"});
  expect_value_refused(".reid_ensemble", "5");
}

TEST_F(MsiflaSuite, something_trains_the_reid_networks) {
  expect_refused(".classification = false\n.triplet = false",
                 {"s.toml:27:8: key '.triplet' has the value false", "no loss trains the re-ID networks"});
  expect_refused("train.labelled_fraction = 0", {"s.toml:26:7: key 'train.labelled_fraction' has the value 0",
                                                 "without labels no loss trains the re-ID networks"});
}

TEST_F(MsiflaSuite, a_batch_has_lr_images_and_pairs_of_each_identity) {
  expect_accepted({"train.lr_images = 0",                                  // those of the LR camera
                   "split.train_pool = \"hr-both-views\"", "lanes = 2"});  // 3 + 2 identities
  expect_refused("train.lr_images = 0\nsplit.train_pool = \"hr-both-views\"",
                 {"s.toml:26:7: key 'train.lr_images' has the value 0 (the training pool 'hr-both-views'",
                  "; set it to half of 'train.images', 2"});
  expect_refused("lanes = 3", {"3 lanes leave a lane with 1 of the 2 identities that it needs"});
  expect_refused("train.identities = 1", {"1 lane leave a lane with 1 of the 2 identities"});
  expect_refused("train.images = 1\ntrain.lr_images = 0", {"the triplet loss needs 2 images"});
  expect_refused("train.lr_images = 4", {"s.toml:26:7: key 'train.lr_images' has the value 4"});
}

TEST_F(MsiflaSuite, images_can_be_halved_twice_and_cut_into_four_parts) {
  // What stands in the place of a piece of the head, the row's settings, and the refusal; none: accepted.
  struct Images {
    std::string from, to, settings;
    std::vector<std::string> says;
  };
  const std::string strided = "network.last_stride = 2";
  for (const Images& one : std::vector<Images>{
           {"height = 64",
            "height = 66",
            "",
            {"s.toml:10:1: key 'height' has the value 66 ('msifla' halves images twice", "; set it to 68"}},
           {"width = 32", "width = 31", "", {"s.toml:11:1: key 'width' has the value 31", "; set it to 32"}},
           // 24 rows are 3 of f5 at a stride of 8, 28 are 4.
           {"height = 64",
            "height = 24",
            "train.pad = 0",
            {"s.toml:10:1: key 'height' has the value 24 ('msifla' cuts the last feature map into 4",
             "that of 'resnet-small' has 3 rows", "; raise it to 28"}},
           {"height = 64", "height = 28", "", {}},
           {"height = 64", "height = 48", strided, {"raise it to 52"}},
           {"height = 64", "height = 52", strided, {}},
           {"resnet-small", "resnet50", strided, {"raise it to 100"}},
           {"resnet-small", "resnet50", "", {}},
           {"height = 64", "height = 66", "method = \"rain\"", {}}}) {
    SCOPED_TRACE(one.to + " " + one.settings);
    const std::string message = refusal_with(one.from, one.to, one.settings);
    EXPECT_EQ(one.says.empty(), message.empty());
    for (const std::string& part : one.says) expect_says(message, {part});
  }
}

TEST_F(MsiflaSuite, options_of_what_is_switched_off_make_no_other_job) {
  const char* shared = ".reid_networks = \"shared\"";
  expect_one_job(".scales = [1]\n", {shared});
  expect_other_jobs(
      "", {shared, ".scales = [1]", ".unit_parts = true", ".ir_residual = true", ".reid_into_ir = false",
           ".ir_warmup_steps = 1", ".ir_width = 32", ".ir_learning_rate = 1", ".recovery_weight = 2", ".margin = 0.25",
           ".mining = \"all\"", "network.neck = true", "split.lr_camera = 1", "split.train_identities = 20"});
  expect_one_job(".triplet = false\n", {".margin = 1", ".mining = \"all\""});
  // HR and LR rows pass through a network together in both.
  expect_one_job("", {"network.bn_streams = \"separate\""});
  expect_one_job("method = \"baseline\"\n", {"network.bn_streams = \"separate\""});
  expect_other_jobs("method = \"rain\"\n", {"network.bn_streams = \"separate\""});
  expect_other_jobs("method = \"ftwa\"\n", {"network.bn_streams = \"separate\""});
}

TEST_F(MsiflaSuite, evaluations_compare_by_one_embedding) {
  expect_accepted({"evaluate.gallery_rate = 3"});
  expect_refused("evaluate.distance = \"hr\"", {"method 'msifla' compares by one embedding"});
}

TEST_F(MsiflaSuite, without_an_lr_camera_any_image_may_be_low_resolution) {
  const std::string any = "split.lr_camera = 0\n";
  expect_accepted({any, any + "split.train_pool = \"hr-both-views\""});
  expect_refused(any + "split.train_pool = \"hr-view-only\"",
                 {"s.toml:27:7: key 'split.train_pool' has the value 'hr-view-only'",
                  "with 'split.lr_camera' 0 images of any camera are LR"});
  expect_refused("split.lr_camera = -1", {"s.toml:26:7: key 'split.lr_camera' has the value -1"});
  expect_refused("split.lr_camera = 3", {"data set 'easy' has cameras 1 to 2"});
  EXPECT_THAT(plan_of(any).tables[0].notes, Contains("low-resolution images of any camera: easy"));
  EXPECT_THAT(plan_of("").tables[0].notes, testing::Not(Contains(HasSubstr("any camera"))));
}

TEST_F(MsiflaSuite, one_camera_is_enough_where_none_is_the_lr_one) {
  const std::string source = "source = \"synthetic\"\n";
  const std::string one = source + "cameras = 1\nsubject = \"vehicle\"\n";
  EXPECT_EQ("", refusal_with(source, one, "split.lr_camera = 0"));
  const std::string any = row("r", "split.lr_camera = 0");
  EXPECT_EQ(settings::Subject::kVehicle, plan(replaced(source, one, any)).datasets.at(0).pack.synthetic->subject);
  EXPECT_EQ(settings::Subject::kPerson, plan(head_ + any).datasets.at(0).pack.synthetic->subject);
  for (const char* camera : {"1", "2"})
    expect_says(refusal_with(source, one, fmt::format("split.lr_camera = {}", camera)),
                {fmt::format("s.toml:28:7: key 'split.lr_camera' has the value {} (", camera),
                 "data set 'easy' has one camera", "; set it to 0"});
  expect_says(refusal_with(source, source + "cameras = 0\n"), {"s.toml:16:1: key 'cameras' has the value 0"});
}

TEST_F(MsiflaSuite, a_smaller_training_set_holds_a_batch) {
  expect_accepted({"split.train_identities = 5", "split.train_identities = 32"});
  expect_refused("split.train_identities = 1",
                 {"s.toml:26:7: key 'split.train_identities' has the value 1 (classification and triplets need"});
  expect_refused("split.train_identities = -1", {"s.toml:26:7: key 'split.train_identities'"});
  expect_refused("split.train_identities = 33", {"data set 'easy' has 32 training identities"});
  expect_refused("split.train_identities = 4", {"s.toml:7:7: key 'train.identities' has the value 5",
                                                "'split.train_identities' leaves 4 to train on"});
}

TEST_F(MsiflaSuite, a_sweep_over_training_sizes_has_one_set_of_queries) {
  const Plan made =
      plan(with_line("compare_with = \"few\"", row("few", "split.train_identities = 10") + row("all", "")));
  check_sound(made);
  EXPECT_EQ(2U, jobs_of<TrainingSpecification>(made).size());
}

TEST_F(MsiflaSuite, the_papers_rows_are_held_against_its_claims) {
  const auto reference = [](const std::string& method, const std::string& variant = {}) {
    return fmt::format(
        "reference = {{ paper = \"msifla\", table = \"{}\", method = \"{}\", dataset = \"mlr-cuhk03\", variant = "
        "\"{}\" }}",
        variant.empty() ? "table2" : "table3", method, variant);
  };
  const Plan made = plan(head_ + row("baseline", ".scales = [1]\n" + reference("msifla-baseline")) +
                         row("cmsr2", ".reid_networks = \"shared\"\n" + reference("msifla-cmsr2")) +
                         row("full", reference("msifla")));
  check_sound(made);
  ASSERT_EQ(1U, made.tables.at(0).claims.size());
  EXPECT_THAT(made.tables[0].claims[0].worse_to_better, ElementsAre("baseline", "cmsr2", "full"));
  const auto printed = [&](const char* id) { return row_of(made, "t", id).cells.at(0).references.at("rank1"); };
  EXPECT_EQ(88.8, printed("baseline"));
  EXPECT_EQ(90.5, printed("cmsr2"));
  EXPECT_EQ(92.4, printed("full"));
  const Plan scales = plan(head_ + row("1", ".scales = [1]\n" + reference("msifla", "IR1")) +
                           row("2", ".scales = [2, 1]\n" + reference("msifla", "IR1+IR1/2")) +
                           row("3", reference("msifla", "IR1+IR1/2+IR1/3")) +
                           row("4", ".scales = [4, 3, 2, 1]\n" + reference("msifla", "IR1+IR1/2+IR1/3+IR1/4")));
  ASSERT_EQ(2U, scales.tables.at(0).claims.size());
  EXPECT_THAT(scales.tables[0].claims[0].worse_to_better, ElementsAre("1", "2", "3"));
  EXPECT_THAT(scales.tables[0].claims[1].worse_to_better, ElementsAre("4", "3"));
  EXPECT_EQ(92.4, row_of(scales, "t", "3").cells.at(0).references.at("rank1"));
  EXPECT_THAT(row_of(scales, "t", "4").cells.at(0).references, IsEmpty());
  // One scale: the same training as table 2's baseline.
  EXPECT_EQ(job_id(training_of(made, "t", "baseline")), job_id(training_of(scales, "t", "1")));
}

TEST_F(MsiflaSuite, more_training_images_are_held_against_the_words_of_table_4) {
  const auto reference = [](const char* variant) {
    return fmt::format(
        "reference = {{ paper = \"msifla\", table = \"table4\", method = \"msifla\", dataset = \"mlr-vru\", "
        "variant = \"{}\" }}",
        variant);
  };
  const Plan made =
      plan(head_ + row("few", "split.train_identities = 10\n" + reference("14,611 training images, 1,415 ids")) +
           row("all", reference("larger training sets")));
  ASSERT_EQ(1U, made.tables.at(0).claims.size());
  EXPECT_THAT(made.tables[0].claims[0].worse_to_better, ElementsAre("few", "all"));
  EXPECT_EQ(ClaimForm::kSome, made.tables[0].claims[0].form);
  EXPECT_EQ("some", json_of(made).at("tables").at(0).at("claims").at(0).at("form"));
  // All rows of the larger sizes are tried; without the row that they are to be above, nothing is said.
  const std::string larger = reference("larger training sets");
  const auto others =
      plan(head_ + row("most", "split.train_identities = 12\n" + larger) +
           row("few", "split.train_identities = 10\n" + reference("14,611 training images, 1,415 ids")) +
           row("all", larger))
          .tables.at(0)
          .claims;
  EXPECT_THAT(others.at(0).worse_to_better, ElementsAre("few", "most", "all"));
  EXPECT_THAT(
      plan(head_ + row("most", "split.train_identities = 12\n" + larger) + row("all", larger)).tables.at(0).claims,
      IsEmpty());
  EXPECT_EQ(65.7, row_of(made, "t", "few").cells.at(0).references.at("rank1"));
  EXPECT_EQ(75.7, row_of(made, "t", "few").cells.at(0).references.at("mAP"));
}

TEST_F(MsiflaSuite, a_table_of_recovered_images_needs_them_sampled) {
  const std::string all = "\"rank1\", \"psnr_gain_2\", \"recovered_psnr_3\", \"enlarged_psnr_4\", \"recovered_ssim_8\"";
  const std::string sampled = row("r", "evaluate.sample_rates = [2, 3, 4, 8]");
  const std::string plain = row("plain", "method = \"baseline\"");
  const Plan made = plan(with_metrics(all, sampled + plain));
  check_sound(made);
  EXPECT_EQ(5U, made.tables.at(0).metrics.size());
  const auto message = [&](const char* metric, const std::string& rows) {
    return refusal_of(with_metrics(fmt::format("\"{}\"", metric), rows));
  };
  expect_says(
      message("psnr_gain_2", plain + row("rain", "method = \"rain\"\nrain.reconstruction = false")),
      {"s.toml:21:1: key 'metrics' names 'psnr_gain_2' (no row of table 't' recovers images); leave it out or add "
       "a row of method 'cadnet' or 'msifla' or 'rain' at its defaults"});
  expect_says(
      message("psnr_gain_2", plain + row("r", "evaluate.sample_rates = [1, 3]")),
      {"s.toml:21:1: key 'metrics' names 'psnr_gain_2' ('evaluate.sample_rates' is [1, 3], without 2 for row 'r' "
       "on data set 'easy'); add 2 to evaluate.sample_rates"});
  expect_says(message("psnr_gain_2", row("r", "method = \"rain\"")), {"is [], without 2"});
  EXPECT_EQ("", message("psnr_gain_2", row("r", "method = \"rain\"\nevaluate.sample_rates = [2]")));
  expect_says(message("psnr_gain_1", sampled),
              {"s.toml:21:1: key 'metrics' names 'psnr_gain_1'", "did you mean 'psnr_gain_2'"});
}

}  // namespace
}  // namespace resolute::experiments::msifla_suite_test
