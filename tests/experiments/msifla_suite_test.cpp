//! Suites with rows of MSIFLA: options that reach their jobs, jobs that rows share, and what is refused while planning;
//! MLR-VRU's split and the tables that show how well images are recovered.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::msifla_suite_test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

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
    EXPECT_EQ("", refusal(fmt::format("msifla.scales = {}", scales))) << scales;
  const auto refused = [&](const std::string& scales, const std::string& why) {
    EXPECT_THAT(refusal("msifla.scales = " + scales),
                AllOf(StartsWith(fmt::format("s.toml:26:8: key 'msifla.scales' has the value {} (", scales)),
                      HasSubstr(why), HasSubstr("for row 'r' on data set 'easy'")));
  };
  refused("[]", "at least one is needed");
  refused("[8, 4, 3, 2, 1]", "1 to 4 scales are needed");
  refused("[1, 2]", "they must descend, none twice");
  refused("[2, 2, 1]", "they must descend, none twice");
  refused("[3, 2]", "the last must be 1");
  refused("[17, 1]", "each must be 1 to 16");
  refused("[2, 0]", "each must be 1 to 16");
  refused("[8, 1]", "'train.train_rates' is [2, 3, 4]");
  EXPECT_THAT(refusal("train.train_rates = [1, 2, 3]"), HasSubstr("it has"));
  EXPECT_EQ("", refusal("msifla.scales = [8, 1]\ntrain.train_rates = [2, 8]"));
  EXPECT_THAT(refusal("train.train_rates = [2, 4]"),
              AllOf(StartsWith("s.toml:23:1: key 'msifla.scales' has the value [3, 2, 1] (the IR network of scale 3"),
                    HasSubstr("; add 3 to 'train.train_rates'")));
}

TEST_F(MsiflaSuite, widths_are_even_and_a_warm_up_ends_before_the_training) {
  expect_refused({".ir_width"}, {"15"});
  expect_refused({".ir_warmup_steps"}, {"10"});
  EXPECT_EQ("", refusal("msifla.ir_warmup_steps = 9"));
}

TEST_F(MsiflaSuite, something_trains_the_reid_networks) {
  EXPECT_THAT(refusal("msifla.classification = false\nmsifla.triplet = false"),
              AllOf(StartsWith("s.toml:27:8: key 'msifla.triplet' has the value false"),
                    HasSubstr("no loss trains the re-ID networks")));
  EXPECT_THAT(refusal("train.labelled_fraction = 0"),
              AllOf(StartsWith("s.toml:26:7: key 'train.labelled_fraction' has the value 0"),
                    HasSubstr("without labels no loss trains the re-ID networks")));
}

TEST_F(MsiflaSuite, a_batch_has_lr_images_and_pairs_of_each_identity) {
  EXPECT_EQ("", refusal("train.lr_images = 0"));  // those of the LR camera
  EXPECT_THAT(refusal("train.lr_images = 0\nsplit.train_pool = \"hr-both-views\""),
              AllOf(StartsWith("s.toml:26:7: key 'train.lr_images' has the value 0 (the training pool 'hr-both-views'"),
                    HasSubstr("; set it to half of 'train.images', 2")));
  EXPECT_EQ("", refusal("split.train_pool = \"hr-both-views\""));
  EXPECT_EQ("", refusal("lanes = 2"));  // 3 + 2 identities
  EXPECT_THAT(refusal("lanes = 3"), HasSubstr("3 lanes leave a lane with 1 of the 2 identities that it needs"));
  EXPECT_THAT(refusal("train.identities = 1"), HasSubstr("1 lane leave a lane with 1 of the 2 identities"));
  EXPECT_THAT(refusal("train.images = 1\ntrain.lr_images = 0"), HasSubstr("the triplet loss needs 2 images"));
  EXPECT_THAT(refusal("train.lr_images = 4"), StartsWith("s.toml:26:7: key 'train.lr_images' has the value 4"));
}

TEST_F(MsiflaSuite, images_can_be_halved_twice_and_cut_into_four_parts) {
  EXPECT_THAT(refusal_with("height = 64", "height = 66"),
              AllOf(StartsWith("s.toml:10:1: key 'height' has the value 66 ('msifla' halves images twice"),
                    HasSubstr("; set it to 68")));
  EXPECT_THAT(refusal_with("width = 32", "width = 31"),
              AllOf(StartsWith("s.toml:11:1: key 'width' has the value 31"), HasSubstr("; set it to 32")));
  // 24 rows are 3 of f5 at a stride of 8, 28 are 4.
  EXPECT_THAT(refusal_with("height = 64", "height = 24", "train.pad = 0"),
              AllOf(StartsWith("s.toml:10:1: key 'height' has the value 24 ('msifla' cuts the last feature map into 4"),
                    HasSubstr("that of 'resnet-small' has 3 rows"), HasSubstr("; raise it to 28")));
  EXPECT_EQ("", refusal_with("height = 64", "height = 28"));
  EXPECT_THAT(refusal_with("height = 64", "height = 48", "network.last_stride = 2"), HasSubstr("raise it to 52"));
  EXPECT_EQ("", refusal_with("height = 64", "height = 52", "network.last_stride = 2"));
  EXPECT_THAT(refusal_with("resnet-small", "resnet50", "network.last_stride = 2"), HasSubstr("raise it to 100"));
  EXPECT_EQ("", refusal_with("resnet-small", "resnet50"));
  EXPECT_EQ("", refusal_with("height = 64", "height = 66", "method = \"rain\""));
}

TEST_F(MsiflaSuite, options_of_what_is_switched_off_make_no_other_job) {
  const char* shared = "msifla.reid_networks = \"shared\"";
  expect_one_job("msifla.scales = [1]\n", {shared});
  expect_other_jobs(
      "", {shared, "msifla.scales = [1]", "msifla.unit_parts = true", "msifla.ir_residual = true",
           "msifla.reid_into_ir = false", "msifla.ir_warmup_steps = 1", "msifla.ir_width = 32",
           "msifla.ir_learning_rate = 1", "msifla.recovery_weight = 2", "msifla.margin = 0.25",
           "msifla.mining = \"all\"", "network.neck = true", "split.lr_camera = 1", "split.train_identities = 20"});
  expect_one_job("msifla.triplet = false\n", {"msifla.margin = 1", "msifla.mining = \"all\""});
  // HR and LR rows pass through a network together in both.
  expect_one_job("", {"network.bn_streams = \"separate\""});
  expect_one_job("method = \"baseline\"\n", {"network.bn_streams = \"separate\""});
  expect_other_jobs("method = \"rain\"\n", {"network.bn_streams = \"separate\""});
  expect_other_jobs("method = \"ftwa\"\n", {"network.bn_streams = \"separate\""});
}

TEST_F(MsiflaSuite, evaluations_compare_by_one_embedding) {
  EXPECT_EQ("", refusal("evaluate.gallery_rate = 3"));
  EXPECT_THAT(refusal("evaluate.distance = \"hr\""), HasSubstr("method 'msifla' compares by one embedding"));
}

TEST_F(MsiflaSuite, without_an_lr_camera_any_image_may_be_low_resolution) {
  const std::string any = "split.lr_camera = 0\n";
  EXPECT_EQ("", refusal(any));
  EXPECT_EQ("", refusal(any + "split.train_pool = \"hr-both-views\""));
  EXPECT_THAT(refusal(any + "split.train_pool = \"hr-view-only\""),
              AllOf(StartsWith("s.toml:27:7: key 'split.train_pool' has the value 'hr-view-only'"),
                    HasSubstr("with 'split.lr_camera' 0 images of any camera are LR")));
  EXPECT_THAT(refusal("split.lr_camera = -1"), StartsWith("s.toml:26:7: key 'split.lr_camera' has the value -1"));
  EXPECT_THAT(refusal("split.lr_camera = 3"), HasSubstr("data set 'easy' has cameras 1 to 2"));
  EXPECT_THAT(plan_of(any).notes, Contains("low-resolution images of any camera: easy"));
  EXPECT_THAT(plan_of("").notes, testing::Not(Contains(HasSubstr("any camera"))));
}

TEST_F(MsiflaSuite, one_camera_is_enough_where_none_is_the_lr_one) {
  const std::string source = "source = \"synthetic\"\n";
  const std::string one = source + "cameras = 1\nsubject = \"vehicle\"\n";
  EXPECT_EQ("", refusal_with(source, one, "split.lr_camera = 0"));
  const std::string any = row("r", "split.lr_camera = 0");
  EXPECT_EQ(settings::Subject::kVehicle, plan(replaced(source, one, any)).datasets.at(0).pack.synthetic->subject);
  EXPECT_EQ(settings::Subject::kPerson, plan(head_ + any).datasets.at(0).pack.synthetic->subject);
  for (const char* camera : {"1", "2"})
    EXPECT_THAT(refusal_with(source, one, fmt::format("split.lr_camera = {}", camera)),
                AllOf(StartsWith(fmt::format("s.toml:28:7: key 'split.lr_camera' has the value {} (", camera)),
                      HasSubstr("data set 'easy' has one camera"), HasSubstr("; set it to 0")));
  EXPECT_THAT(refusal_with(source, source + "cameras = 0\n"), StartsWith("s.toml:16:1: key 'cameras' has the value 0"));
  EXPECT_THAT(refusal_with(source, source + "subject = \"car\"\n"),
              StartsWith("s.toml:16:1: key 'subject' has the value 'car' (it must be one of person, vehicle)"));
}

TEST_F(MsiflaSuite, a_smaller_training_set_holds_a_batch) {
  EXPECT_EQ("", refusal("split.train_identities = 5"));
  EXPECT_EQ("", refusal("split.train_identities = 32"));
  EXPECT_THAT(
      refusal("split.train_identities = 1"),
      StartsWith("s.toml:26:7: key 'split.train_identities' has the value 1 (classification and triplets need"));
  EXPECT_THAT(refusal("split.train_identities = -1"), StartsWith("s.toml:26:7: key 'split.train_identities'"));
  EXPECT_THAT(refusal("split.train_identities = 33"), HasSubstr("data set 'easy' has 32 training identities"));
  EXPECT_THAT(refusal("split.train_identities = 4"),
              AllOf(StartsWith("s.toml:7:7: key 'train.identities' has the value 5"),
                    HasSubstr("'split.train_identities' leaves 4 to train on")));
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
  const Plan made = plan(head_ + row("baseline", "msifla.scales = [1]\n" + reference("msifla-baseline")) +
                         row("cmsr2", "msifla.reid_networks = \"shared\"\n" + reference("msifla-cmsr2")) +
                         row("full", reference("msifla")));
  check_sound(made);
  ASSERT_EQ(1U, made.tables.at(0).claims.size());
  EXPECT_THAT(made.tables[0].claims[0].worse_to_better, ElementsAre("baseline", "cmsr2", "full"));
  const auto printed = [&](const char* id) { return row_of(made, "t", id).cells.at(0).references.at("rank1"); };
  EXPECT_EQ(88.8, printed("baseline"));
  EXPECT_EQ(90.5, printed("cmsr2"));
  EXPECT_EQ(92.4, printed("full"));
  const Plan scales = plan(head_ + row("1", "msifla.scales = [1]\n" + reference("msifla", "IR1")) +
                           row("2", "msifla.scales = [2, 1]\n" + reference("msifla", "IR1+IR1/2")) +
                           row("3", reference("msifla", "IR1+IR1/2+IR1/3")) +
                           row("4", "msifla.scales = [4, 3, 2, 1]\n" + reference("msifla", "IR1+IR1/2+IR1/3+IR1/4")));
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
  EXPECT_EQ(
      "s.toml:21:1: key 'metrics' names 'psnr_gain_2' (no row of table 't' recovers images); leave it out or add a row "
      "of "
      "method 'msifla' or 'rain' at its defaults",
      refusal_of(
          with_metrics("\"psnr_gain_2\"", plain + row("rain", "method = \"rain\"\nrain.reconstruction = false"))));
  EXPECT_EQ(
      "s.toml:21:1: key 'metrics' names 'psnr_gain_2' ('evaluate.sample_rates' is [1, 3], without 2 for row 'r' on "
      "data "
      "set 'easy'); add 2 to evaluate.sample_rates",
      refusal_of(with_metrics("\"psnr_gain_2\"", plain + row("r", "evaluate.sample_rates = [1, 3]"))));
  EXPECT_THAT(refusal_of(with_metrics("\"psnr_gain_2\"", row("r", "method = \"rain\""))),
              HasSubstr("is [], without 2"));
  EXPECT_EQ("",
            refusal_of(with_metrics("\"psnr_gain_2\"", row("r", "method = \"rain\"\nevaluate.sample_rates = [2]"))));
  EXPECT_THAT(
      refusal_of(with_metrics("\"psnr_gain_1\"", sampled)),
      AllOf(StartsWith("s.toml:21:1: key 'metrics' names 'psnr_gain_1'"), HasSubstr("did you mean 'psnr_gain_2'")));
}

TEST_F(MsiflaSuite, the_documents_rows_are_a_suite_and_its_profile_the_papers_recipe) {
  const std::string example = documented("## MSIFLA's rows");
  const Plan made = plan(example);
  check_sound(made);
  EXPECT_EQ(5U * 3U, jobs_of<TrainingSpecification>(made).size());  // two rows stand in both tables
  EXPECT_THAT(made.tables.at(0).claims.at(0).worse_to_better, ElementsAre("baseline", "cmsr2", "full"));
  EXPECT_THAT(made.tables.at(1).claims.at(1).worse_to_better, ElementsAre("four", "three"));
  options_.profile = "paper";
  options_.from_scratch = true;
  const TrainingSpecification paper = training_of(plan(example), "table2", "full");
  EXPECT_EQ(MsiflaOptions(), std::get<MsiflaOptions>(paper.method));
  EXPECT_EQ(settings::Trunk::kResnet50, paper.network.backbone);
  EXPECT_EQ(5, paper.recipe.identities);
  EXPECT_EQ(4, paper.recipe.images);
  EXPECT_EQ(2, paper.recipe.lr_images);
  EXPECT_EQ(1, paper.lanes);
  EXPECT_EQ(3e-4, paper.recipe.learning_rate);
  EXPECT_THAT(paper.recipe.milestones, ElementsAre(paper.recipe.steps / 2));
}

}  // namespace
}  // namespace resolute::experiments::msifla_suite_test
