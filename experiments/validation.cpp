#include "experiments/validation.h"

#include <algorithm>
#include <optional>

#include "core/sha256.h"
#include "experiments/distance.h"
#include "experiments/method_validation.h"

namespace resolute::experiments {
namespace {

constexpr int kLargestPad = 256;  // of the loader
constexpr int kMostLanes = 1024;
constexpr int kMostSteps = 100'000'000;
constexpr int kMostShards = 100'000;  // five digits in a shard's file name
constexpr int kMostImages = 1'000'000;
constexpr int kMostSampleIdentities = 1000;  // all features of the sample are held at once
constexpr int kMostPanelQueries = 32;        // pictures that one looks at, on one page with those of all rows

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
  check_choice("subject", s.subject, {"person", "vehicle"});
  // Those of the renderer (datasets/sources/synthetic.h).
  check_range("identities", s.identities, 4, 9999);
  check_range("cameras", s.cameras, 1, 99);
  check_range("images_per_camera", s.images_per_camera, 2, 9999);
  check_range("image_height", s.height, 32, 1024);
  check_range("image_width", s.width, 16, 1024);
  check_real("fine_contrast", s.fine_contrast, 0, 1);
}

//! How many identities the training half has, as far as it is known before the pack is made: each half of the people
//! trains in one trial.
std::optional<int> training_identities(const SplitSettings& split, const PackSettings& pack) {
  if (!pack.synthetic || split.partition != "random-halves") return std::nullopt;
  const int identities = pack.synthetic->identities;
  return split.test_identities == 0 ? identities / 2 : identities - split.test_identities;
}

void check_genuine(const SplitSettings& split, const PackSettings& pack) {
  const auto refuse = [&](const std::string& key, const std::string& value, const std::string& suggestion) {
    throw MemberError(key, value,
                      fmt::format("images of data set '{}' came in low resolution: they are the LR side", pack.name),
                      suggestion);
  };
  const SplitSettings defaults;
  // To leave it out would not do where [defaults] set it for all data sets.
  const std::string instead = fmt::format("set split.lr_camera = {} and split.lr_side = \"{}\" on that data set",
                                          defaults.lr_camera, defaults.lr_side);
  if (split.lr_side != defaults.lr_side) refuse("split.lr_side", "'" + split.lr_side + "'", instead);
  if (split.lr_camera != defaults.lr_camera) refuse("split.lr_camera", std::to_string(split.lr_camera), instead);
  if (split.train_pool == "hr-both-views")
    refuse("split.train_pool", "'hr-both-views'", "set it to mlr or hr-view-only: they have no other view");
}

void check_published(const SplitSettings& split, const PackSettings& pack) {
  const int sets = published_sets(pack.source);
  if (sets == 0)
    throw MemberError("split.partition", "'published'",
                      fmt::format("source '{}' of data set '{}' has no published test sets", pack.source, pack.name),
                      "set it to random-halves or official");
  // A trial's number is its seed.
  if (split.seed >= static_cast<std::uint64_t>(sets))
    throw MemberError("split.seed", std::to_string(split.seed),
                      fmt::format("data set '{}' has published test sets 0 to {}", pack.name, sets - 1));
}

void check_cameras(const SplitSettings& split, const PackSettings& pack) {
  const bool one_camera = pack.source == "vru" || (pack.synthetic && pack.synthetic->cameras == 1);
  if (split.lr_side != "camera" && one_camera)
    throw MemberError("split.lr_side", "'" + split.lr_side + "'",
                      fmt::format("data set '{}' has one camera, so no other's images stay HR", pack.name),
                      "leave it out and set 'split.lr_camera' to 0 to make images of any camera LR");
  if (split.lr_side == "pair" && pack.synthetic && pack.synthetic->cameras % 2 != 0)
    throw MemberError("split.lr_side", "'pair'",
                      fmt::format("data set '{}' has {} cameras, so the last one has no other beside it", pack.name,
                                  pack.synthetic->cameras),
                      "use another lr_side, or set 'cameras' to an even number");
  if (split.lr_camera != 0 && one_camera)
    throw MemberError("split.lr_camera", std::to_string(split.lr_camera),
                      fmt::format("data set '{}' has one camera, so no other's images stay HR", pack.name),
                      pack.synthetic ? "set it to 0 to make images of any camera LR, or 'cameras' to 2"
                                     : "set it to 0 to make images of any camera LR");
  if (pack.synthetic && split.lr_camera > pack.synthetic->cameras)
    throw MemberError("split.lr_camera", std::to_string(split.lr_camera),
                      fmt::format("data set '{}' has cameras 1 to {}", pack.name, pack.synthetic->cameras));
}

//! A split of this pack.
void check(const SplitSettings& split, const PackSettings& pack) {
  experiments::check(split);
  check_in_pack("split.query_rates", split.query_rates, pack);
  if (queries_came_low(pack.source)) check_genuine(split, pack);
  if (split.partition == "published") check_published(split, pack);
  check_cameras(split, pack);
  if (!pack.synthetic) return;
  if (split.test_identities > pack.synthetic->identities - 2)
    throw MemberError(
        "split.test_identities", std::to_string(split.test_identities),
        fmt::format("data set '{}' has {} identities, of which 2 must train", pack.name, pack.synthetic->identities));
  if (const auto known = training_identities(split, pack); known && split.train_identities > *known)
    throw MemberError("split.train_identities", std::to_string(split.train_identities),
                      fmt::format("data set '{}' has {} training identities", pack.name, *known));
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

void check_job(const ShardSpecification& s) {
  experiments::check(s.pack);
  check_range("shard", s.shard, 0, s.pack.shards - 1);
}

void check_job(const SealSpecification& s) { experiments::check(s.pack); }

//! Losses of pairs need two images of each identity in a lane.
void check_images(const TrainingSpecification& s) {
  if (s.recipe.images >= 2) return;
  const auto refuse = [](const std::string& why, const std::string& instead) {
    throw MemberError("train.images", "1", why, instead);
  };
  std::visit(
      [&](const auto& options) {
        if constexpr (requires { options.verification; }) {
          // A row with an HR image gives two images of its identity: this one and its LR copy.
          if (options.verification && s.split.train_pool == "mlr")
            refuse(
                "the verification loss needs 2 images of each identity in a lane, and of the pool 'mlr' a row stored "
                "as an LR image alone gives one",
                "raise it to 2, or set another 'split.train_pool'");
        } else if (options.triplet) {
          refuse("the triplet loss needs 2 images of each identity in a lane", "");
        }
      },
      s.method);
}

void check_lanes(const TrainingSpecification& s) {
  check_range("lanes", s.lanes, 1, kMostLanes);
  const std::vector<int> counts = identities_per_lane(s.recipe.identities, s.lanes);
  if (counts.back() < 2)
    throw MemberError("train.identities", std::to_string(s.recipe.identities),
                      fmt::format("{} {} leave a lane with {} of the 2 identities that it needs", s.lanes,
                                  s.lanes == 1 ? "lane" : "lanes", counts.back()),
                      fmt::format("raise it to {} or lower 'lanes'", 2 * s.lanes));
  check_images(s);
  if (s.split.train_identities != 0 && s.recipe.identities > s.split.train_identities)
    throw MemberError("train.identities", std::to_string(s.recipe.identities),
                      fmt::format("'split.train_identities' leaves {} to train on", s.split.train_identities));
  if (const auto known = training_identities(s.split, s.pack); known && s.recipe.identities > *known)
    throw MemberError("train.identities", std::to_string(s.recipe.identities),
                      fmt::format("data set '{}' has {} training identities", s.pack.name, *known));
}

void check_job(const TrainingSpecification& s) {
  experiments::check(s.pack);
  check(s.split, s.pack);
  check(s.network);
  check(s.recipe, s.pack);
  check_method(s);
  check_lanes(s);
  check_choice("device", s.device, {"cpu", "cuda"});
  if (!s.initial_weights.empty() && !core::is_sha256_hex(s.initial_weights))
    throw MemberError("initial_weights", "'" + s.initial_weights + "'", "a SHA-256 in 64 hexadecimal digits is needed");
}

void check_job(const EvaluationSpecification& s) {
  if (!core::is_sha256_hex(s.training.hex))
    throw MemberError("training", "'" + s.training.hex + "'", "a job id of 64 hexadecimal digits is needed");
  experiments::check(s.pack);
  check(s.split, s.pack);
  check_choice("evaluate.protocol", s.protocol.name, {"single-shot"});
  check_range("evaluate.draws", s.protocol.draws, 1, 100'000);
  check_ascending("evaluate.query_rates", s.protocol.query_rates, 1, kLargestRate);
  check_in_pack("evaluate.query_rates", s.protocol.query_rates, s.pack);
  if (queries_came_low(s.pack.source) && !s.protocol.query_rates.empty() &&
      s.protocol.query_rates != s.split.query_rates)
    throw MemberError(
        "evaluate.query_rates", text_of(s.protocol.query_rates),
        fmt::format("queries of data set '{}' came in low resolution: no rate makes others of them", s.pack.name),
        "leave it out");
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
  check_choice("evaluate.query_level", s.protocol.query_level, {"known", "native-size", "highest", "lowest"});
}

}  // namespace

const std::vector<std::string>& source_names() {
  static const std::vector<std::string> names = {"caviar",   "csv",        "cuhk03",      "cuhk03-detected",
                                                 "dukemtmc", "market1501", "mlr-folders", "mlr-folders-by-identity",
                                                 "pku-reid", "synthetic",  "sysu",        "viper",
                                                 "vru"};
  return names;
}

bool queries_came_low(const std::string& source) { return source == "caviar" || source.starts_with("mlr-folders"); }

int published_sets(const std::string& source) { return source == "cuhk03" || source == "cuhk03-detected" ? 20 : 0; }

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
        p.synthetic ? "settings of synthetic images stand beside it" : "it needs settings of synthetic images");
  if (p.synthetic) check(*p.synthetic);
  check_rates("rates", p.rates);
  check_choice("kernel", p.kernel, {"triangle", "bilinear-point", "cubic", "lanczos3"});
  check_range("height", p.height, 8, 4096);
  check_range("width", p.width, 8, 4096);
  check_range("shards", p.shards, 1, kMostShards);
  check_choice("view_from", p.view_from, {"native", "network"});
}

void check(const SplitSettings& s) {
  check_choice("split.partition", s.partition, {"random-halves", "official", "published"});
  check_choice("split.lr_side", s.lr_side, {"camera", "drawn", "pair", "identity"});
  check_range("split.lr_camera", s.lr_camera, 0, 1000);
  check_rates("split.query_rates", s.query_rates);
  check_choice("split.train_pool", s.train_pool, {"mlr", "hr-both-views", "hr-view-only"});
  if (s.lr_side != "camera" && s.lr_camera != SplitSettings().lr_camera)
    throw MemberError("split.lr_camera", std::to_string(s.lr_camera),
                      fmt::format("with 'split.lr_side' \"{}\" nothing looks at it", s.lr_side),
                      "leave it out or set split.lr_side = \"camera\"");
  if (s.lr_camera == 0 && s.train_pool == "hr-view-only")
    throw MemberError("split.train_pool", "'hr-view-only'",
                      "with 'split.lr_camera' 0 images of any camera are LR, so none is the HR view",
                      "set it to mlr or hr-both-views");
  check_range("split.train_identities", s.train_identities, 0, kMostImages);
  if (s.train_identities == 1)
    throw MemberError("split.train_identities", "1", "classification and triplets need at least 2",
                      "set it to 0 for all of them");
  check_range("split.test_identities", s.test_identities, 0, kMostImages);
  if (s.test_identities != 0 && s.partition != "random-halves")
    throw MemberError("split.test_identities", std::to_string(s.test_identities),
                      fmt::format("with the partition '{}' the source says who is tested", s.partition),
                      "set it to 0 or split.partition = \"random-halves\"");
}

void check(const JobSpecification& specification) {
  std::visit([](const auto& job) { check_job(job); }, specification);
}

void check(const EvaluationSpecification& evaluation, const MethodOptions& method) {
  check(JobSpecification(evaluation));
  const EvaluationProtocol& protocol = evaluation.protocol;
  if (protocol.query_level != "known" && !std::holds_alternative<ResolutionAdaptiveOptions>(method))
    throw MemberError("evaluate.query_level", "'" + protocol.query_level + "'",
                      fmt::format("method '{}' tells no levels of resolution apart", method_name(method)),
                      "leave it out or use method 'resolution_adaptive'");
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
  if (compares_copies(method, distance) && protocol.gallery_copy_rate != 0)
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
