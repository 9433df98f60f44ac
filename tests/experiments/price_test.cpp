//! What a plan costs, against sums made by hand, and plans of suites whose images and weights are not here.

#include "experiments/price.h"

#include "methods/work.h"
#include "settings/raw_data.h"
#include "tests/experiments/example_specifications.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::price_test {
namespace {

using namespace testing;

//! A machine that multiplies 1e9 a second in f32, and one GPU.
const std::string kTimes =
    "[[machine]]\nid = \"core\"\ntitle = \"a core\"\ndevice = \"cpu\"\n"
    "[[machine]]\nid = \"gpu\"\ntitle = \"a GPU\"\ndevice = \"cuda\"\n"
    "[[step_time]]\nmachine = \"core\"\nprecision = \"f32\"\npeak_tflops = 0.004\nshare = 0.5\nfrom = \"a peak\"\n";

const std::string kGpu =
    "[[step_time]]\nmachine = \"gpu\"\nprecision = \"f32\"\npeak_tflops = 4.0\nshare = 0.5\nfrom = \"a peak\"\n";

const std::string kMeasured =
    "[[step_time]]\nmachine = \"core\"\nmethod = \"rain\"\nbackbone = \"resnet-small\"\nprecision = \"f32\"\n"
    "height = 64\nwidth = 32\nhr_rows = 2\nlr_rows = 1\nseconds = 0.5\nfrom = \"a page\"\n";

const std::string kSmall =
    "backbone = \"resnet-small\"\ntrain.steps = 6\ntrain.identities = 4\ntrain.images = 2\nheight = 64\nwidth = 32\n"
    "trials = 3\nlanes = 2";

class PriceOfPlan : public Suite {
 protected:
  StepTimes times(const std::string& text) {
    core::write_atomic(core::real_file_system(), folder_ / "times.toml", text);
    return StepTimes::read(core::real_file_system(), folder_ / "times.toml");
  }
  Price price(const Plan& plan, const StepTimes& times, const std::set<JobId>& done = {}, int cores = 1) {
    return price_of(plan, {.is_done = [&](const JobId& job) { return done.contains(job); },
                           .has_data = [](const DatasetPlan& data) { return data.pack.synthetic.has_value(); },
                           .times = &times,
                           .cores = cores});
  }
  Plan without_data(const std::string& text) {
    options_.need_roots = false;
    options_.estimate = true;
    return plan(text);
  }
};

constexpr const char* made_dataset = "easy";

const methods::WorkCase kSmallCase{.network = {.backbone = settings::Trunk::kResnetSmall}, .height = 64, .width = 32};

//! What a training of kSmall multiplies: half of the rows of the fixture's two cameras are LR's.
double by_hand(const TrainingSpecification& training) {
  const methods::Work work = methods::work(training.method, kSmallCase);
  return 6 * 4 * 2 * (work.hr_row + work.lr_row) / 2;
}

// The fixture's people have two cameras' images; VIPeR's have two images, and without the LR camera's one.
TEST_F(PriceOfPlan, a_batch_that_shows_images_more_than_once_is_told) {
  const std::string viper = "source = \"viper\"\nroot = \"nowhere\"\n";
  const auto repeated = [&](const std::string& settings) {
    std::string text = suite_head("baseline", kSmall, "") + row("r", settings);
    text.replace(text.find("source = \"synthetic\"\n"), 21, viper);
    return price(without_data(text), times(kTimes)).repeated;
  };
  const std::pair<int, double> two(4, 2.0), one(2, 1.0);
  EXPECT_EQ((std::map<std::string, std::pair<int, double>>{{"easy", two}}), repeated("train.images = 4"));
  EXPECT_EQ((std::map<std::string, std::pair<int, double>>{}), repeated("train.images = 2"));
  EXPECT_EQ((std::map<std::string, std::pair<int, double>>{{"easy", one}}),
            repeated("train.images = 2\nsplit.train_pool = \"hr-view-only\""));
}

TEST_F(PriceOfPlan, evaluations_on_the_cpu_of_what_a_gpu_trains_are_counted_there) {
  const std::string head = suite_head("rain", kSmall);
  const auto rates = times(kTimes + kGpu);
  const auto hours = [&](const std::string& keys) {
    std::map<Device, double> found;
    for (const MachinePrice& one : price(plan(head + row("rain", keys)), rates).machines)
      found[one.machine.device] = one.hours;
    return found;
  };
  const auto together = hours("device = \"cuda\"\n"), apart = hours("device = \"cuda\"\nevaluate.device = \"cpu\"\n");
  EXPECT_FALSE(together.contains(Device::kCpu));
  EXPECT_GT(apart.at(Device::kCpu), 0);
  EXPECT_GT(apart.at(Device::kCuda), 0);
  EXPECT_LT(apart.at(Device::kCuda), together.at(Device::kCuda));
}

TEST_F(PriceOfPlan, other_precisions_are_priced_where_all_jobs_have_a_rate_in_them) {
  const std::string gpu = "[[step_time]]\nmachine = \"gpu\"\nshare = 0.5\nfrom = \"a peak\"\n";
  const std::string known =
      kTimes + gpu + "precision = \"f32\"\npeak_tflops = 4.0\n" + gpu + "precision = \"tf32\"\npeak_tflops = 16.0\n";
  const auto priced = [&](const std::string& text, const std::string& keys) {
    return price(plan(suite_head("rain", kSmall) + row("r", "device = \"cuda\"\n" + keys)), times(text)).machines.at(0);
  };
  const MachinePrice f32 = priced(known, ""), tf32 = priced(known, "train.precision = \"tf32\"");
  EXPECT_EQ(f32.precision, settings::Precision::kF32);
  EXPECT_EQ(tf32.precision, settings::Precision::kTf32);
  EXPECT_THAT(f32.hours_in, ElementsAre(Pair("tf32", DoubleNear(f32.hours / 4, 1e-9 * f32.hours))));
  EXPECT_THAT(tf32.hours_in, ElementsAre(Pair("f32", DoubleNear(f32.hours, 1e-9 * f32.hours))));
  const MachinePrice with_bf16 = priced(known + gpu + "precision = \"bf16\"\npeak_tflops = 32.0\n", "");
  EXPECT_THAT(with_bf16.hours_in, ElementsAre(Pair("bf16", _), Pair("tf32", _)));
  // One row in TF32 beside one in float32: neither is what all have.
  const Plan both =
      plan(suite_head("rain", kSmall + "\ndevice = \"cuda\"") + row("a", "") + row("b", "train.precision = \"tf32\""));
  EXPECT_THAT(price(both, times(known)).machines.at(0).hours_in, ElementsAre(Pair("f32", _), Pair("tf32", _)));
  EXPECT_EQ(price(both, times(known)).machines.at(0).precision, std::nullopt);
}

TEST_F(PriceOfPlan, memory_of_a_gpu_is_that_of_the_training_which_takes_most) {
  const std::string counted =
      "[[step_memory]]\nmethod = \"rain\"\nbackbone = \"resnet-small\"\nprecision = \"f32\"\n"
      "bytes_a_pixel = 100.0\n";
  const auto memory = [&](const std::string& keys) {
    return price(plan(suite_head("rain", kSmall) + row("small", keys) + row("large", keys + "train.images = 3")),
                 times(kTimes + counted))
        .memory;
  };
  EXPECT_FALSE(memory("").has_value()) << "no training is for a GPU";
  const auto rows = memory("device = \"cuda\"\n"), tf32 = memory("device = \"cuda\"\ntrain.precision = \"tf32\"\n");
  TrainingSpecification training =
      jobs_of<TrainingSpecification>(plan(suite_head("rain", kSmall) + row("r", ""))).at(0);
  const StepTimes known = times(kTimes + counted);
  const double few = gpu_memory(known, training).value();
  training.recipe.images = 3;
  EXPECT_DOUBLE_EQ(rows->bytes, gpu_memory(known, training).value());
  EXPECT_DOUBLE_EQ(rows->bytes - few, 100.0 * 4 * 64 * 32);
  EXPECT_THAT(rows->training, HasSubstr("large"));
  EXPECT_EQ(rows->unknown, 0U);
  EXPECT_DOUBLE_EQ(rows->bytes, tf32->bytes) << "TF32's tensors are float32's";
  const auto bf16 = memory("device = \"cuda\"\ntrain.precision = \"bf16\"\n");
  EXPECT_EQ(bf16->unknown, 6U);
  EXPECT_EQ(bf16->training, "");
}

TEST_F(PriceOfPlan, hours_are_the_sum_over_the_jobs) {
  const Plan made = plan(suite_head("rain", kSmall) + row("rain", "") + row("again", "") +
                         row("baseline", "method = \"baseline\"") + row("flipped", "evaluate.flip = true"));
  double trainings = 0, evaluations = 0, longest = 0;
  for (const auto& training : jobs_of<TrainingSpecification>(made)) {
    trainings += by_hand(training);
    longest = std::max(longest, by_hand(training));
  }
  // 32 people are tested: 256 images, each once, of the flipped row twice. The trunk alone.
  evaluations = 3 * (1 + 1 + 2) * 256 * methods::trunk_work(kSmallCase).forward;
  const Price found = price(made, times(kTimes));
  ASSERT_EQ(1U, found.machines.size());  // no training asks for a GPU
  const MachinePrice& core = found.machines.front();
  EXPECT_NEAR((trainings + evaluations) / 1e9 / 3600, core.hours, 1e-9 * core.hours);
  EXPECT_NEAR(longest / 1e9 / 3600, core.longest_hours, 1e-12);
  EXPECT_EQ(0, core.measured_hours);
  EXPECT_NEAR(core.hours / 24, core.days, 1e-12);
  EXPECT_THAT(core.rate_origins, ElementsAre("modelled: 0.004 TFLOP/s x 0.5 (a peak)"));
  // Four rows in three trials ask for twelve trainings; three of them are rain's, three the baseline's.
  EXPECT_EQ(12U, found.trainings.asked);
  EXPECT_EQ(6U, found.trainings.distinct);
  EXPECT_EQ(12U, found.evaluations.asked);
  EXPECT_EQ(9U, found.evaluations.distinct);
  EXPECT_EQ(1U, found.packs.distinct);
}

TEST_F(PriceOfPlan, what_is_done_is_taken_off_and_told_apart) {
  const Plan made = plan(suite_head("rain", kSmall) + row("rain", ""));
  const StepTimes known = times(kTimes);
  std::set<JobId> done;
  for (const PlannedJob& job : made.jobs)
    if (!std::holds_alternative<EvaluationSpecification>(job.specification)) done.insert(job.id);
  const Price all = price(made, known), left = price(made, known, done);
  EXPECT_EQ(3U, left.trainings.done);
  EXPECT_EQ(1U, left.packs.done);
  EXPECT_EQ(0U, left.evaluations.done);
  EXPECT_EQ(0, left.machines[0].longest_hours);
  EXPECT_NEAR(all.machines[0].hours, left.machines[0].hours + left.machines[0].done_hours, 1e-12);
}

TEST_F(PriceOfPlan, a_measured_step_is_scaled_by_what_is_multiplied) {
  const Plan made = plan(suite_head("rain", kSmall) + row("rain", "") + row("msifla", "method = \"msifla\""));
  const StepTimes known = times(kTimes + kMeasured);
  TrainingSpecification training;
  training.method = RainOptions();
  training.network = kSmallCase.network;
  const methods::Work work = methods::work(training.method, kSmallCase);
  const auto rate = known.rate(known.machines()[0], training);
  EXPECT_NEAR((2 * work.hr_row + work.lr_row) / 0.5, rate->multiply_adds_a_second, 1);
  EXPECT_TRUE(rate->measured);
  training.method = MsiflaOptions();
  EXPECT_FALSE(known.rate(known.machines()[0], training)->measured);
  EXPECT_THAT(known.rate(known.machines()[0], training)->origin,
              HasSubstr("as rain on resnet-small (measured: a page)"));
  training.network.backbone = settings::Trunk::kResnet50;  // the peak is nearer than another trunk's step
  EXPECT_THAT(known.rate(known.machines()[0], training)->origin, StartsWith("modelled: 0.004"));
  training.recipe.precision = settings::Precision::kBf16;
  EXPECT_FALSE(known.rate(known.machines()[0], training).has_value());
  const Price found = price(made, known);
  EXPECT_GT(found.machines[0].measured_hours, 0);
  EXPECT_LT(found.machines[0].measured_hours, found.machines[0].hours);
}

// IBN-a changes norms alone: an estimate from ResNet-50's steps and memory, and said to be one.
TEST_F(PriceOfPlan, a_trunk_of_the_same_convolutions_is_priced_as_the_one_that_was_measured) {
  const auto step = [](const std::string& method, const std::string& backbone, double seconds) {
    return fmt::format(
        "[[step_time]]\nmachine = \"core\"\nmethod = \"{}\"\nbackbone = \"{}\"\nprecision = \"f32\"\n"
        "height = 256\nwidth = 128\nhr_rows = 4\nlr_rows = 0\nseconds = {:.1f}\nfrom = \"a page\"\n",
        method, backbone, seconds);
  };
  const std::string measured = kTimes + step("baseline", "resnet50", 2) + step("rain", "resnet50", 90);
  const std::string memory =
      "[[step_memory]]\nmethod = \"baseline\"\nbackbone = \"resnet50\"\nprecision = \"f32\"\nbytes_a_pixel = 9.0\n";
  TrainingSpecification training;
  training.method = BaselineOptions();
  training.network.backbone = settings::Trunk::kResnet50IbnA;
  const StepTimes known = times(measured + memory);
  const auto rate = known.rate(known.machines()[0], training);
  EXPECT_FALSE(rate->measured);
  EXPECT_THAT(rate->origin, HasSubstr("as baseline on resnet50 (measured: a page)"));
  EXPECT_EQ(known.bytes_a_pixel(training), 9.0);
  const StepTimes itself = times(measured + step("baseline", "resnet50-ibn-a", 3));
  EXPECT_TRUE(itself.rate(itself.machines()[0], training)->measured);
  EXPECT_FALSE(itself.bytes_a_pixel(training).has_value());
  training.network.backbone = settings::Trunk::kEfficientnetLite0;
  EXPECT_THAT(known.rate(known.machines()[0], training)->origin, StartsWith("modelled: 0.004"));
}

// The recipe of such a row names a method of ours, which does not train there.
TEST_F(PriceOfPlan, a_row_of_a_program_has_no_price_beside_rows_that_have_one) {
  const std::string worker = "worker = [\"sh\"]\n";
  const std::string memory =
      "[[step_memory]]\nmethod = \"rain\"\nbackbone = \"resnet-small\"\nprecision = \"f32\"\nbytes_a_pixel = 9.0\n";
  const std::string head = suite_head("rain", kSmall), program = row("program", "train.program = 1");
  // The second file has a measured step of the very recipe.
  for (const std::string& known : {kTimes + kGpu, kTimes + kGpu + kMeasured + memory}) {
    for (const char* device : {"cpu", "cuda"}) {
      const Plan made = plan(worker + head + row("program", fmt::format("train.program = 1\ndevice = \"{}\"", device)));
      const Price found = price(made, times(known));
      ASSERT_EQ(found.machines.size(), 1U);
      const MachinePrice& machine = found.machines.front();
      EXPECT_EQ(machine.unpriced, 6U);
      EXPECT_EQ(found.of_programs, 6U);
      EXPECT_EQ(machine.hours + machine.measured_hours + machine.longest_hours + machine.days, 0);
      EXPECT_THAT(machine.rate_origins, IsEmpty());
      EXPECT_EQ(found.disk.checkpoints + found.disk.features, 0);
      EXPECT_EQ(found.memory.has_value(), std::string(device) == "cuda");
      EXPECT_EQ(found.memory.value_or(MemoryPrice{}).unknown, found.memory ? 3U : 0U);
    }
    const Price ours = price(plan(worker + head + row("ours", "")), times(known));
    const Price both = price(plan(worker + head + row("ours", "") + program), times(known));
    EXPECT_EQ(ours.of_programs, 0U);
    EXPECT_EQ(both.of_programs, 6U);
    EXPECT_EQ(both.machines.at(0).unpriced, 6U);
    EXPECT_DOUBLE_EQ(both.machines.at(0).hours, ours.machines.at(0).hours);
    EXPECT_DOUBLE_EQ(both.machines.at(0).measured_hours, ours.machines.at(0).measured_hours);
    EXPECT_EQ(both.disk.checkpoints, ours.disk.checkpoints);
    EXPECT_EQ(both.disk.features, ours.disk.features);
    EXPECT_EQ(both.trainings.distinct, 2 * ours.trainings.distinct);
    EXPECT_EQ(to_json(both)["price"]["of_programs"], 6);
  }
}

TEST(EvaluationWork, counts_a_gallery_as_often_as_a_distance_embeds_it) {
  TrainingSpecification training = example_training();
  training.method = FtwaOptions{};
  EvaluationSpecification evaluation = example_evaluation();
  const auto work_of = [&](settings::DistanceName distance, int copy_rate, std::vector<int> rates = {}) {
    evaluation.protocol.distance = distance;
    evaluation.protocol.gallery_copy_rate = copy_rate;
    evaluation.protocol.query_rates = std::move(rates);
    return multiply_adds(evaluation, training).value();
  };
  using settings::DistanceName;
  const double originals = work_of(DistanceName::kHr, 3), one_copy = work_of(DistanceName::kLr, 3);
  const double both = work_of(DistanceName::kEqual, 3), copies = both - originals;
  EXPECT_GT(copies, 0);
  EXPECT_LT(one_copy, both) << "a distance by copies alone embeds no original";
  EXPECT_DOUBLE_EQ(work_of(DistanceName::kEqual, 0), originals + 3 * copies) << "a copy for each rate of the split";
  EXPECT_DOUBLE_EQ(work_of(DistanceName::kEqual, 0, {2, 4}), originals + 2 * copies);
  EXPECT_DOUBLE_EQ(work_of(DistanceName::kLr, 0, {2, 4}), one_copy + copies);
}

TEST_F(PriceOfPlan, days_are_no_fewer_than_the_longest_training_takes_on_its_process_ranks) {
  const Plan made = plan(suite_head("rain", kSmall + "\nranks = 2") + row("rain", ""));
  const StepTimes known = times(kTimes);
  std::set<JobId> done;  // all but trainings, each of which two machines share
  for (const PlannedJob& job : made.jobs)
    if (!std::holds_alternative<TrainingSpecification>(job.specification)) done.insert(job.id);
  const double longest = price(made, known).machines[0].longest_hours;
  EXPECT_NEAR(price(made, known, done, 1000).machines[0].days, longest / 2 / 24, 1e-12);
  EXPECT_NEAR(price(made, known, {}, 2).machines[0].days, price(made, known).machines[0].days / 2, 1e-12);
}

TEST_F(PriceOfPlan, disk_is_counted_by_the_sizes_of_formats) {
  const Plan made =
      plan(suite_head("baseline", kSmall + "\nrates = [2, 4]\nsplit.query_rates = [2]\ntrain.train_rates = [2]") +
           row("r", ""));
  const Price found = price(made, times(kTimes));
  // 512 images of 64x32 and of 128x64 raw, each shrunk by 2 and 4.
  EXPECT_NEAR(512 * 3 * (64 * 32 * (1 + 0.3125) + 128 * 64 * 0.3125), found.disk.packs, 1);
  EXPECT_NEAR(3 * 256 * 128 * 4, found.disk.features, 1);
  EXPECT_NEAR(3 * 4 * 307'824.0, found.disk.weights, 1);  // of the trunk alone
  EXPECT_NEAR(2 * 12 * 307'824.0, found.disk.checkpoints, 1);
  EXPECT_EQ(1U, found.disk.at_once);
}

TEST_F(PriceOfPlan, checkpoints_are_of_the_trainings_that_run_together) {
  const StepTimes known = times(kTimes);
  const Plan made = plan(suite_head("baseline", kSmall + "\nranks = 2") + row("r", ""));  // three trainings
  const double one = price(made, known).disk.checkpoints;
  for (const auto& [cores, together] : {std::pair(1, 1), std::pair(3, 1), std::pair(4, 2), std::pair(100, 3)}) {
    const DiskPrice disk = price(made, known, {}, cores).disk;
    EXPECT_EQ(disk.at_once, together) << cores;
    EXPECT_DOUBLE_EQ(disk.checkpoints, together * one) << cores;
  }
  std::set<JobId> done;
  for (const PlannedJob& job : made.jobs) done.insert(job.id);
  const DiskPrice left = price(made, known, done, 100).disk;
  EXPECT_EQ(left.checkpoints, 0);
  EXPECT_DOUBLE_EQ(left.weights, 3 * one / 6) << "they stay";
}

// Published counts are for who has neither pack nor images.
TEST_F(PriceOfPlan, what_is_here_counts_in_the_place_of_what_is_published) {
  std::string text = suite_head("baseline", kSmall, "") + row("r", "");
  text.replace(text.find("source = \"synthetic\"\n"), 21, "source = \"market1501\"\nroot = \"nowhere\"\n");
  const Plan made = without_data(text);
  const StepTimes known = times(kTimes);
  PriceOf asked{.is_done = [](const JobId&) { return false; },
                .has_data = [](const DatasetPlan&) { return true; },
                .times = &known};
  const Price published = price_of(made, asked);
  asked.counted = [](const DatasetPlan& dataset, const SplitSettings& split) -> std::optional<EstimatedSplit> {
    EXPECT_EQ(dataset.id, made_dataset);
    EXPECT_EQ(split.partition, settings::Partition::kRandomHalves);
    return EstimatedSplit{.images = 200, .people = 10, .train = 100, .low = 0.5, .queries = 40, .gallery = 60};
  };
  const Price counted = price_of(made, asked);
  EXPECT_NEAR(counted.disk.packs / published.disk.packs, 200.0 / (29'419 + 2'798), 1e-9);
  EXPECT_DOUBLE_EQ(counted.disk.features, 3 * (40 + 60) * 128 * 4);
  EXPECT_LT(counted.machines.at(0).hours, published.machines.at(0).hours);
  asked.pack_bytes = [](const DatasetPlan&) { return std::optional(12'345.0); };
  EXPECT_EQ(price_of(made, asked).disk.packs, 12'345.0);
}

TEST_F(PriceOfPlan, a_checkpoint_has_as_many_numbers_of_a_parameter_as_the_training_keeps) {
  const auto checkpoints = [&](const std::string& keys) {
    return price(plan(suite_head("baseline", kSmall) + row("r", keys)), times(kTimes)).disk.checkpoints;
  };
  const double adam = checkpoints("");
  EXPECT_DOUBLE_EQ(adam, checkpoints("train.optimiser = \"adamw\""));
  EXPECT_DOUBLE_EQ(adam * 2 / 3, checkpoints("train.optimiser = \"sgd\"\ntrain.momentum = 0.9"));
  EXPECT_DOUBLE_EQ(adam * 4 / 3, checkpoints("train.ema = 0.9"));
  EXPECT_DOUBLE_EQ(adam / 3, checkpoints("train.optimiser = \"sgd\""));
}

TEST_F(PriceOfPlan, without_its_data_a_plan_tells_what_is_missing_and_how_it_is_got) {
  const std::string text =
      suite_head("baseline", "train.epochs = 120\ntrain.identities = 4\nweights = \"imagenet\"\ntrials = 2",
                 "[[dataset]]\nid = \"market\"\nsource = \"market1501\"\nroot = \"${MARKET1501}\"\n"
                 "split = { partition = \"official\", lr_camera = 1 }") +
      row("r", "");
  std::string market = text;
  market.replace(market.find("datasets = [\"easy\"]"), 19, "datasets = [\"market\"]");
  EXPECT_THAT(tests::refusal([&] { plan(market); }), HasSubstr("MARKET1501"));  // as a run would be
  const Plan made = without_data(market);
  check_sound(made);
  EXPECT_THAT(made.missing_weights, ElementsAre(MissingWeights{"imagenet", "resnet50"}));
  ASSERT_EQ(1U, made.epochs.size());
  EXPECT_TRUE(made.epochs[0].estimated);
  EXPECT_EQ(12'936U, made.epochs[0].most_images);
  EXPECT_EQ(120 * 12'936 / 16, made.epochs[0].most_steps);
  for (const PlannedJob& job : made.jobs) {
    const std::string kind = kind_name(job.specification);
    EXPECT_EQ(kind == "training" || kind == "evaluation", job.provisional) << job.label;
  }
  const Price found = price(made, times(kTimes));
  EXPECT_EQ(4U, found.provisional);
  EXPECT_THAT(found.estimated, ElementsAre("market"));
  ASSERT_EQ(1U, found.missing_data.size());
  EXPECT_EQ("${MARKET1501}", found.missing_data[0].root);
  EXPECT_THAT(found.missing_data[0].from, HasSubstr("Market-1501-v15.09.15.zip"));
  // Once it can be counted and started, nothing is provisional; the same numbers give the same trainings.
  have_training_images(12'936);
  const Plan counted = without_data(market);
  EXPECT_FALSE(counted.epochs[0].estimated);
  options_.from_scratch = true;
  for (const PlannedJob& job : without_data(market).jobs) EXPECT_FALSE(job.provisional);
}

TEST_F(PriceOfPlan, a_misspelt_name_of_weights_is_no_missing_file) {
  EXPECT_THAT(tests::refusal([&] {
                without_data(suite_head("baseline", "train.steps = 2\ntrain.identities = 4\nweights = \"imagnet\"") +
                             row("r", ""));
              }),
              HasSubstr("did you mean 'imagenet'"));
}

TEST_F(PriceOfPlan, the_json_has_what_the_page_says) {
  const Price found = price(plan(suite_head("rain", kSmall) + row("rain", "")), times(kTimes));
  const core::Json json = to_json(found);
  EXPECT_EQ((std::set<std::string>{"missing", "estimated", "provisional", "price", "repeated"}), [&] {
    std::set<std::string> keys;
    for (const auto& [key, value] : json.items()) keys.insert(key);
    return keys;
  }());
  EXPECT_EQ(3, json["price"]["trainings"]["asked"]);
  EXPECT_EQ("core", json["price"]["machines"][0]["id"]);
  EXPECT_EQ(found.machines[0].hours, json["price"]["machines"][0]["hours"].get<double>());
}

TEST_F(PriceOfPlan, every_shipped_suite_has_a_price_under_an_empty_environment) {
  const StepTimes known = StepTimes::read(core::real_file_system(), kSource / "reference" / "step_times.toml");
  options_.need_roots = false;
  options_.estimate = true;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "suites")) {
    SCOPED_TRACE(entry.path().filename());
    const Plan made = shipped(entry.path().filename());
    const Price found = price(made, known);
    ASSERT_FALSE(found.machines.empty());
    for (const MachinePrice& machine : found.machines) {
      EXPECT_GT(machine.hours, 0);
      EXPECT_FALSE(machine.rate_origins.empty());
    }
    EXPECT_GE(found.trainings.asked, found.trainings.distinct);
  }
}

TEST(RawData, every_number_stands_on_the_page_of_data_sets) {
  const std::string page = core::read_text(core::real_file_system(), tests::source_folder() / "docs" / "datasets.md");
  const auto page_has = [&](int number) {
    const std::string plain = std::to_string(number);
    const std::string text =
        number < 1000 ? plain : plain.substr(0, plain.size() - 3) + "," + plain.substr(plain.size() - 3);
    return page.find(text) != std::string::npos;
  };
  for (const settings::RawData& one : settings::kRawData) {
    SCOPED_TRACE(std::string(settings::word(one.source)));
    if (one.train_images > 0 && one.source != settings::Source::kVru) {
      EXPECT_TRUE(page_has(one.train_images));
    }
    EXPECT_TRUE(page_has(one.people) || one.source == settings::Source::kVru ||
                one.source == settings::Source::kDukemtmc);
    EXPECT_FALSE(one.from.empty());
    EXPECT_FALSE(one.licence.empty());
    if (settings::facts_of(one.source).published_sets > 0) {
      EXPECT_GT(one.test_people, 0);
    }
  }
}

}  // namespace
}  // namespace resolute::experiments::price_test
