#include "experiments/validation.h"

#include <algorithm>

#include "core/sha256.h"
#include "experiments/distance.h"
#include "experiments/language/names.h"

namespace resolute::experiments {
namespace {

constexpr int kLargestRate = 16;
constexpr int kLargestPad = 256;  // of the loader
constexpr int kMostLanes = 1024;
constexpr int kMostSteps = 100'000'000;
constexpr int kMostShards = 100'000;  // five digits in a shard's file name
constexpr int kMostImages = 1'000'000;
constexpr int kMostSampleIdentities = 1000;  // all features of the sample are held at once
constexpr int kMostPanelQueries = 32;        // pictures that one looks at, on one page with those of all rows

std::string text_of(const std::vector<int>& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }

void check_range(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw MemberError(key, std::to_string(value), fmt::format("it must be {} to {}", low, high));
}

void check_real(const std::string& key, double value, double low, double high) {
  // Written so that NaN fails.
  if (!(value >= low && value <= high))
    throw MemberError(key, fmt::format("{}", value), fmt::format("it must be {} to {}", low, high));
}

void check_positive(const std::string& key, double value, double high) {
  if (!(value > 0 && value <= high))
    throw MemberError(key, fmt::format("{}", value), fmt::format("it must be above 0 and at most {}", high));
}

void check_ascending(const std::string& key, const std::vector<int>& values, int low, int high) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < low || values[i] > high)
      throw MemberError(key, text_of(values), fmt::format("each must be {} to {}", low, high));
    if (i > 0 && values[i] <= values[i - 1]) throw MemberError(key, text_of(values), "they must ascend, none twice");
  }
}

void check_rates(const std::string& key, const std::vector<int>& rates) {
  if (rates.empty()) throw MemberError(key, "[]", "at least one rate is needed");
  check_ascending(key, rates, 1, kLargestRate);
}

//! \param written the rates as the suite writes them
void check_in_pack(const std::string& key, const std::string& written, const std::vector<int>& rates,
                   const PackSettings& pack) {
  for (int rate : rates)  // rate 1 is the image itself
    if (rate != 1 && std::find(pack.rates.begin(), pack.rates.end(), rate) == pack.rates.end())
      throw MemberError(key, written, fmt::format("data set '{}' has rates {}", pack.name, text_of(pack.rates)),
                        fmt::format("add {} to its key 'rates' or set '{}'", rate, key));
}

void check_in_pack(const std::string& key, const std::vector<int>& rates, const PackSettings& pack) {
  check_in_pack(key, text_of(rates), rates, pack);
}

void check_in_pack(const std::string& key, int rate, const PackSettings& pack) {
  check_in_pack(key, std::to_string(rate), {rate}, pack);
}

void check(const SyntheticSettings& s) {
  // Those of the renderer (datasets/sources/synthetic.h); two cameras, since a split needs an HR and an LR one.
  check_range("identities", s.identities, 4, 9999);
  check_range("cameras", s.cameras, 2, 99);
  check_range("images_per_camera", s.images_per_camera, 2, 9999);
  check_range("image_height", s.height, 32, 1024);
  check_range("image_width", s.width, 16, 1024);
  check_real("fine_contrast", s.fine_contrast, 0, 1);
}

//! A split of this pack.
void check(const SplitSettings& split, const PackSettings& pack) {
  check(split);
  check_in_pack("split.query_rates", split.query_rates, pack);
  if (pack.synthetic && split.lr_camera > pack.synthetic->cameras)
    throw MemberError("split.lr_camera", std::to_string(split.lr_camera),
                      fmt::format("data set '{}' has cameras 1 to {}", pack.name, pack.synthetic->cameras));
}

void check(const NetworkSettings& n) {
  check_choice("network.backbone", n.backbone, {"resnet50", "resnet-small"});
  check_range("network.last_stride", n.last_stride, 1, 2);
  check_choice("network.bn_streams", n.bn_streams, {"joint", "separate"});
}

void check(const Recipe& r, const PackSettings& pack) {
  check_range("train.steps", r.steps, 1, kMostSteps);
  check_range("train.identities", r.identities, 1, kMostImages);
  check_range("train.images", r.images, 1, kMostImages);
  if (static_cast<std::int64_t>(r.identities) * r.images > kMostImages)
    throw MemberError("train.images", std::to_string(r.images),
                      fmt::format("with {} identities a batch has more than {} images", r.identities, kMostImages));
  check_range("train.lr_images", r.lr_images, 0, r.images - 1);
  check_rates("train.train_rates", r.train_rates);
  check_in_pack("train.train_rates", r.train_rates, pack);
  check_positive("train.learning_rate", r.learning_rate, 10);
  check_real("train.weight_decay", r.weight_decay, 0, 1);
  check_choice("train.decay", r.decay, {"all", "weights"});
  check_real("train.gradient_clip", r.gradient_clip, 0, 1e9);
  check_real("train.label_smoothing", r.label_smoothing, 0, 0.999);
  check_real("train.labelled_fraction", r.labelled_fraction, 0, 1);
  check_range("train.warmup_steps", r.warmup_steps, 0, r.steps);
  check_choice("train.schedule", r.schedule, {"step", "cosine"});
  if (r.schedule == "cosine" && !r.milestones.empty())
    throw MemberError("train.milestones", fmt::format("[{}]", fmt::join(r.milestones, ", ")),
                      "a cosine schedule has none", "leave them out or set train.schedule = \"step\"");
  check_ascending("train.milestones", r.milestones, 1, kMostSteps);
  check_positive("train.gamma", r.gamma, 1);
  check_positive("train.discriminator_learning_rate", r.discriminator_learning_rate, 10);
  check_real("train.flip", r.flip, 0, 1);
  check_range("train.pad", r.pad, 0, std::min({pack.height, pack.width, kLargestPad}));
  check_real("train.erasing", r.erasing, 0, 1);
  check_choice("train.precision", r.precision, {"f32", "bf16"});
}

void check_mining(const std::string& key, const std::string& mining) {
  check_choice(key, mining, {"random", "batch-hard", "all"});
}

void check(const BaselineOptions& o) {
  check_choice("baseline.images", o.images, {"hr", "stored"});
  check_positive("baseline.margin", o.margin, 100);
  check_mining("baseline.mining", o.mining);
  check_real("baseline.classification_weight", o.classification_weight, 0, 1e6);
  if (!o.classification && !o.triplet)
    throw MemberError("baseline.triplet", "false", "with 'baseline.classification' off too no loss is left");
}

//! For triplets among HR images alone. One image of an identity is told of by check_lanes().
void check_hr_images(const Recipe& r, std::string_view why) {
  if (r.images >= 2 && r.images - r.lr_images < 2)
    throw MemberError("train.lr_images", std::to_string(r.lr_images), why,
                      fmt::format("lower it or raise 'train.images' to {}", r.lr_images + 2));
}

constexpr const char* kHrTriplets = "the HR triplets need 2 HR images of each identity in a lane";

//! What it asks of a batch.
void check(const BaselineOptions& o, const Recipe& r) {
  if (o.images == "hr" && o.triplet)
    check_hr_images(r, "the triplet loss of HR images alone needs 2 of them of each identity in a lane");
}

void check(const RainOptions& o) {
  check_ascending("rain.levels", o.levels, 1, 5);
  check_positive("rain.margin", o.margin, 100);
  check_mining("rain.mining", o.mining);
  check_choice("rain.adversary", o.adversary, {"off", "minimax", "non-saturating"});
  if (o.levels.empty() && o.adversary != "off")
    throw MemberError("rain.levels", "[]", fmt::format("the adversary '{}' has no level to work on", o.adversary),
                      "name levels, or set rain.adversary = \"off\"");
  if (!o.levels.empty() && o.adversary == "off")
    throw MemberError("rain.levels", text_of(o.levels), "with 'rain.adversary' off there is none");
  check_choice("rain.updates", o.updates, {"alternating", "simultaneous"});
  check_choice("rain.discriminator", o.discriminator, {"convolutional", "pixelwise"});
  check_choice("rain.decoder", o.decoder, {"nearest", "transposed"});
  check_choice("rain.supervision", o.supervision, {"all", "hr-only-labels"});
  check_real("rain.adversarial_weight", o.adversarial_weight, 0, 1e6);
  check_real("rain.reconstruction_weight", o.reconstruction_weight, 0, 1e6);
  if (!o.classification && !o.triplet && !o.reconstruction && o.levels.empty())
    throw MemberError("rain.adversary", "'off'", "every other loss is off too, so none is left");
}

void check(const FtwaOptions& o) {
  check_positive("ftwa.margin", o.margin, 100);
  check_mining("ftwa.mining", o.mining);
  check_real("ftwa.classification_weight", o.classification_weight, 0, 1e6);
  check_real("ftwa.triplet_weight", o.triplet_weight, 0, 1e6);
  check_real("ftwa.transformation_weight", o.transformation_weight, 0, 1e6);
  check_choice("ftwa.transformation_detach", o.transformation_detach, {"hr", "lr", "none"});
  check_range("ftwa.transformation_blocks", o.transformation_blocks, 1, 16);
  check_choice("ftwa.classification_weighting", o.classification_weighting, {"per-sample", "batch-mean"});
  check_choice("ftwa.triplet_weighting", o.triplet_weighting, {"per-sample", "batch-mean"});
  check_real("ftwa.weight_balance", o.weight_balance, 0, 1e6);
  if (o.weighting && !(o.transformation && o.transformed_losses))
    throw MemberError("ftwa.weighting", "true",
                      fmt::format("the weights compare features with transformed ones, and 'ftwa.{}' is off",
                                  o.transformation ? "transformed_losses" : "transformation"),
                      "set ftwa.weighting = false");
  if (o.weighting && !o.classification && !o.triplet)
    throw MemberError("ftwa.weighting", "true", "classification and triplet, which the weights weigh, are off",
                      "set ftwa.weighting = false");
  if (!o.classification && !o.triplet && !o.transformation)
    throw MemberError("ftwa.transformation", "false", "every other loss is off too, so none is left");
}

//! What FTWA asks of a batch.
void check(const FtwaOptions& o, const Recipe& r) {
  if (r.lr_images == 0)
    throw MemberError("train.lr_images", "0", "'ftwa' has a stream of LR images",
                      r.images < 2 ? "raise 'train.images' to 2 and set it to 1"
                                   : fmt::format("set it to half of 'train.images', {}", r.images / 2));
  if (o.weighting && o.triplet && o.triplet_weighting == "per-sample" && 2 * r.lr_images != r.images)
    throw MemberError(
        "train.lr_images", std::to_string(r.lr_images),
        fmt::format("with 'ftwa.triplet_weighting' 'per-sample' the HR and LR rows of an identity pair off, "
                    "so it must be half of 'train.images', {}",
                    r.images));
  if (o.triplet && !(o.transformation && o.transformed_losses)) check_hr_images(r, kHrTriplets);
  if (r.labelled_fraction == 0 && !o.transformation)
    throw MemberError("train.labelled_fraction", "0", "without labels and 'ftwa.transformation' no loss is left");
}

//! What RAIN asks of a batch.
void check(const RainOptions& o, const Recipe& r) {
  if (r.labelled_fraction == 0 && !o.reconstruction && o.levels.empty())
    throw MemberError("train.labelled_fraction", "0",
                      "without labels, 'rain.reconstruction' and an adversary no loss is left");
  if (o.triplet) check_hr_images(r, kHrTriplets);
}

void check_job(const ShardSpecification& s) {
  check(s.pack);
  check_range("shard", s.shard, 0, s.pack.shards - 1);
}

void check_job(const SealSpecification& s) { check(s.pack); }

void check_lanes(const TrainingSpecification& s) {
  check_range("lanes", s.lanes, 1, kMostLanes);
  const std::vector<int> counts = identities_per_lane(s.recipe.identities, s.lanes);
  if (counts.back() < 2)
    throw MemberError("train.identities", std::to_string(s.recipe.identities),
                      fmt::format("{} {} leave a lane with {} of the 2 identities that it needs", s.lanes,
                                  s.lanes == 1 ? "lane" : "lanes", counts.back()),
                      fmt::format("raise it to {} or lower 'lanes'", 2 * s.lanes));
  const bool triplet = std::visit([](const auto& options) { return options.triplet; }, s.method);
  if (triplet && s.recipe.images < 2)
    throw MemberError("train.images", std::to_string(s.recipe.images),
                      "the triplet loss needs 2 images of each identity in a lane");
  // Each half of the people trains in one trial; the other halves of a pack are known only once it is made.
  if (s.pack.synthetic && s.split.partition == "random-halves" &&
      s.recipe.identities > s.pack.synthetic->identities / 2)
    throw MemberError(
        "train.identities", std::to_string(s.recipe.identities),
        fmt::format("data set '{}' has {} training identities", s.pack.name, s.pack.synthetic->identities / 2));
}

void check_job(const TrainingSpecification& s) {
  check(s.pack);
  check(s.split, s.pack);
  check(s.network);
  check(s.recipe, s.pack);
  std::visit([](const auto& options) { check(options); }, s.method);
  if (const auto* baseline = std::get_if<BaselineOptions>(&s.method)) check(*baseline, s.recipe);
  if (const auto* rain = std::get_if<RainOptions>(&s.method)) check(*rain, s.recipe);
  if (const auto* ftwa = std::get_if<FtwaOptions>(&s.method)) check(*ftwa, s.recipe);
  check_lanes(s);
  check_choice("device", s.device, {"cpu", "cuda"});
  if (!s.initial_weights.empty() && !core::is_sha256_hex(s.initial_weights))
    throw MemberError("initial_weights", "'" + s.initial_weights + "'", "a SHA-256 in 64 hexadecimal digits is needed");
}

void check_job(const EvaluationSpecification& s) {
  if (!core::is_sha256_hex(s.training.hex))
    throw MemberError("training", "'" + s.training.hex + "'", "a job id of 64 hexadecimal digits is needed");
  check(s.pack);
  check(s.split, s.pack);
  check_choice("evaluate.protocol", s.protocol.name, {"single-shot"});
  check_range("evaluate.draws", s.protocol.draws, 1, 100'000);
  check_ascending("evaluate.query_rates", s.protocol.query_rates, 1, kLargestRate);
  check_in_pack("evaluate.query_rates", s.protocol.query_rates, s.pack);
  check_range("evaluate.panels", s.protocol.panels, 0, kMostPanelQueries);
  check_ascending("evaluate.sample_rates", s.protocol.sample_rates, 1, kLargestRate);
  check_in_pack("evaluate.sample_rates", s.protocol.sample_rates, s.pack);
  const std::vector<int>& asked = s.protocol.query_rates.empty() ? s.split.query_rates : s.protocol.query_rates;
  if (s.protocol.resolution_probe && asked == std::vector<int>{1})
    throw MemberError("evaluate.resolution_probe", "true", "queries at rate 1 are HR images: there is nothing to tell");
  check_range("evaluate.sample_identities", s.protocol.sample_identities, 1, kMostSampleIdentities);
  check_range("evaluate.gallery_rate", s.protocol.gallery_rate, 1, kLargestRate);
  check_in_pack("evaluate.gallery_rate", s.protocol.gallery_rate, s.pack);
  check_choice("evaluate.distance", s.protocol.distance, {"default", "weighted", "equal", "hr", "lr"});
  check_range("evaluate.gallery_copy_rate", s.protocol.gallery_copy_rate, 0, kLargestRate);
}

}  // namespace

MemberError::MemberError(std::string key, std::string_view value, std::string_view why, std::string_view suggestion)
    : core::RuntimeError(core::ErrorKind::kInput, fmt::format("key '{}' has the value {}", key, value), why,
                         suggestion),
      key_(std::move(key)),
      value_(value),
      why_(why),
      suggestion_(suggestion) {}

core::RuntimeError MemberError::in_suite(std::string_view place, std::string_view context) const {
  return core::input_error(fmt::format("{}: key '{}' has the value {}", place, key_, value_),
                           fmt::format("{}, {}", why_, context), suggestion_);
}

void check_choice(const std::string& key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  throw MemberError(key, "'" + value + "'", fmt::format("it must be one of {}", fmt::join(choices, ", ")),
                    did_you_mean(value, choices));
}

const std::vector<std::string>& source_names() {
  static const std::vector<std::string> names = {"market1501", "pku-reid", "synthetic"};
  return names;
}

bool is_plain_name(std::string_view text) {
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 64 && text.front() != '-' && std::all_of(text.begin(), text.end(), allowed);
}

void check(const PackSettings& p) {
  if (!is_plain_name(p.name))
    throw MemberError("id", "'" + p.name + "'", "a data set's name is 1 to 64 of a-z, 0-9 and '-'");
  check_choice("source", p.source, source_names());
  if (p.synthetic.has_value() != (p.source == "synthetic"))
    throw MemberError(
        "source", "'" + p.source + "'",
        p.synthetic ? "settings of synthetic people stand beside it" : "it needs settings of synthetic people");
  if (p.synthetic) check(*p.synthetic);
  check_rates("rates", p.rates);
  check_choice("kernel", p.kernel, {"triangle", "bilinear-point", "cubic", "lanczos3"});
  check_range("height", p.height, 8, 4096);
  check_range("width", p.width, 8, 4096);
  check_range("shards", p.shards, 1, kMostShards);
}

void check(const SplitSettings& s) {
  check_choice("split.partition", s.partition, {"random-halves", "official"});
  check_range("split.lr_camera", s.lr_camera, 1, 1000);
  check_rates("split.query_rates", s.query_rates);
  check_choice("split.train_pool", s.train_pool, {"mlr", "hr-both-views", "hr-view-only"});
}

void check(const JobSpecification& specification) {
  std::visit([](const auto& job) { check_job(job); }, specification);
}

void check(const EvaluationSpecification& evaluation, const MethodOptions& method) {
  check(JobSpecification(evaluation));
  const EvaluationProtocol& protocol = evaluation.protocol;
  const std::vector<std::string> distances = distances_of(method);
  if (distances.empty()) {
    if (protocol.distance != "default")
      throw MemberError("evaluate.distance", "'" + protocol.distance + "'",
                        fmt::format("method '{}' compares by one embedding", method_name(method)));
    return;
  }
  if (protocol.gallery_rate != 1)
    throw MemberError("evaluate.gallery_rate", std::to_string(protocol.gallery_rate),
                      fmt::format("method '{}' has streams of its own for HR and LR images", method_name(method)),
                      "set evaluate.distance = \"lr\" to compare with LR copies of the gallery");
  const std::string distance = distance_asked(protocol, method);
  if (std::find(distances.begin(), distances.end(), distance) == distances.end())
    throw MemberError(
        "evaluate.distance", "'" + distance + "'",
        fmt::format("with its options method '{}' has {}", method_name(method), fmt::join(distances, ", ")));
  if (compares_copies(distance) && protocol.gallery_copy_rate != 0)
    check_in_pack("evaluate.gallery_copy_rate", protocol.gallery_copy_rate, evaluation.pack);
}

void validate(const JobSpecification& specification, const std::string& where) {
  try {
    check(specification);
  } catch (const MemberError& error) {
    throw error.at(where);
  }
}

}  // namespace resolute::experiments
