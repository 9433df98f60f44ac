#include "experiments/specification/validation.h"

#include <algorithm>
#include <optional>

#include "core/hash/sha256.h"
#include "experiments/specification/metrics.h"
#include "methods/rules.h"
#include "settings/recipe_checks.h"

namespace resolute::experiments {
namespace {

constexpr int kLeastSide = 8;

//! The settings by which a set of such cameras and identities is drawn: a stand-in's are what its layout
//! makes of them (CUHK03 has five pairs of cameras).
const SyntheticSettings* drawn_plainly(const PackSettings& pack) {
  return pack.synthetic && !settings::is_stand_in(pack) ? &*pack.synthetic : nullptr;
}

//! How many identities the training half has, as far as it is known before the pack is made: each half of the people
//! trains in one trial.
std::optional<int> training_identities(const SplitSettings& split, const PackSettings& pack) {
  const SyntheticSettings* drawn = drawn_plainly(pack);
  if (drawn == nullptr || split.partition != settings::Partition::kRandomHalves) return std::nullopt;
  const int identities = drawn->identities - split.validation_identities;
  if (!split.tested.empty()) return identities - static_cast<int>(split.tested.size());
  return split.test_identities == 0 ? drawn->identities / 2 - split.validation_identities
                                    : identities - split.test_identities;
}

//! Identities of all of a training's sets, where they are known.
std::optional<int> known_identities(const TrainingSpecification& training) {
  int all = 0;
  for (const JoinedSet& set : sets_of(training)) {
    const auto known =
        set.split.train_identities != 0 ? set.split.train_identities : training_identities(set.split, set.pack);
    if (!known) return std::nullopt;
    all += *known;
  }
  return all;
}

void check_genuine(const SplitSettings& split, const PackSettings& pack) {
  const auto refuse = [&](const std::string& key, const auto& value, const std::string& suggestion) {
    throw MemberError(key, value,
                      fmt::format("images of data set '{}' came in low resolution: they are the LR side", pack.name),
                      suggestion);
  };
  const SplitSettings defaults;
  // To leave it out would not do where [defaults] set it for all data sets.
  const std::string instead = fmt::format("set split.lr_camera = {} and split.lr_side = \"{}\" on that data set",
                                          defaults.lr_camera, settings::word(defaults.lr_side));
  if (!split.lr_cameras.empty()) refuse("split.lr_cameras", split.lr_cameras, "leave it out on that data set");
  if (split.lr_side != defaults.lr_side) refuse("split.lr_side", split.lr_side, instead);
  if (split.lr_camera != defaults.lr_camera) refuse("split.lr_camera", split.lr_camera, instead);
  if (split.train_pool == settings::TrainPool::kHrBothViews ||
      split.train_pool == settings::TrainPool::kMlrWithOriginals)
    refuse("split.train_pool", split.train_pool, "set it to mlr or hr-view-only: they have no other view");
}

void check_published(const SplitSettings& split, const PackSettings& pack) {
  const int sets = settings::facts_of(pack.source).published_sets;
  if (sets == 0)
    throw MemberError(
        "split.partition", "'published'",
        fmt::format("source '{}' of data set '{}' has no published test sets", settings::word(pack.source), pack.name),
        "set it to random-halves or official");
  // A trial's number is its seed.
  if (split.seed >= static_cast<std::uint64_t>(sets))
    throw MemberError("split.seed", split.seed,
                      fmt::format("data set '{}' has published test sets 0 to {}", pack.name, sets - 1));
}

void check_cameras(const SplitSettings& split, const PackSettings& pack) {
  const bool one_camera =
      settings::facts_of(pack.source).one_camera || (pack.synthetic && pack.synthetic->cameras == 1);
  if (one_camera) {
    const std::string why = fmt::format("data set '{}' has one camera, so no other's images stay HR", pack.name);
    if (split.lr_side != settings::LrSide::kCamera)
      throw MemberError("split.lr_side", split.lr_side, why,
                        "leave it out and set 'split.lr_camera' to 0 to make images of any camera LR");
    if (split.lr_camera != 0)
      throw MemberError("split.lr_camera", split.lr_camera, why,
                        pack.synthetic ? "set it to 0 to make images of any camera LR, or 'cameras' to 2"
                                       : "set it to 0 to make images of any camera LR");
  }
  const SyntheticSettings* drawn = drawn_plainly(pack);
  if (drawn == nullptr) return;
  if (split.lr_side == settings::LrSide::kPair && drawn->cameras % 2 != 0)
    throw MemberError(
        "split.lr_side", "'pair'",
        fmt::format("data set '{}' has {} cameras, so the last one has no other beside it", pack.name, drawn->cameras),
        "use another lr_side, or set 'cameras' to an even number");
  // settings::check() leaves lr_camera at its default beside lr_cameras, so what is said of one camera holds of both.
  if (split.low_cameras().back() <= drawn->cameras) return;
  const std::string cameras = fmt::format("data set '{}' has cameras 1 to {}", pack.name, drawn->cameras);
  if (split.lr_cameras.empty()) throw MemberError("split.lr_camera", split.lr_camera, cameras);
  throw MemberError("split.lr_cameras", split.lr_cameras, cameras);
}

//! A split of this pack.
void check(const SplitSettings& split, const PackSettings& pack) {
  settings::check(split, "split.");
  check_in_pack("split.query_rates", split.query_rates, pack);
  if (settings::facts_of(pack.source).came_low) check_genuine(split, pack);
  if (split.partition == settings::Partition::kPublished) check_published(split, pack);
  check_cameras(split, pack);
  if (!pack.synthetic) return;
  if (split.test_identities > pack.synthetic->identities - 2)
    throw MemberError(
        "split.test_identities", split.test_identities,
        fmt::format("data set '{}' has {} identities, of which 2 must train", pack.name, pack.synthetic->identities));
  // Numbers of a stand-in have the gaps of its layout.
  if (!split.tested.empty() && ((drawn_plainly(pack) != nullptr && split.tested.back() > pack.synthetic->identities) ||
                                std::ssize(split.tested) > pack.synthetic->identities - 2))
    throw MemberError("split.tested", fmt::format("{} identities", split.tested.size()),
                      fmt::format("data set '{}' has identities 1 to {}, of which 2 must train", pack.name,
                                  pack.synthetic->identities));
  if (const auto known = training_identities(split, pack); known && split.validation_identities > 0 && *known < 2)
    throw MemberError("split.validation_identities", split.validation_identities,
                      fmt::format("data set '{}' has {} training identities, of which 2 must train", pack.name,
                                  *known + split.validation_identities));
  if (const auto known = training_identities(split, pack); known && split.train_identities > *known)
    throw MemberError("split.train_identities", split.train_identities,
                      fmt::format("data set '{}' has {} training identities", pack.name, *known));
}

void check_pack(const PackSettings& pack) {
  settings::check(pack);
  if (settings::facts_of(pack.source).rendered && !pack.synthetic)
    throw MemberError("source", pack.source, "it needs settings of synthetic images");
}

// Every job's pack is a network's; `resolute data ingest` makes smaller ones too.
void check_network_pack(const PackSettings& pack) {
  check_pack(pack);
  for (const auto& [key, side] : {std::pair("height", pack.height), std::pair("width", pack.width)})
    if (side < kLeastSide) throw MemberError(key, side, fmt::format("a network needs at least {} pixels", kLeastSide));
}

void check_job(const ShardSpecification& s) {
  check_network_pack(s.pack);
  check_range("shard", s.shard, 0, s.pack.shards - 1);
}

void check_job(const SealSpecification& s) { check_network_pack(s.pack); }

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
          if (options.verification && settings::shows_low(s.split.train_pool))
            refuse(
                "the verification loss needs 2 images of each identity in a lane, and of the pool 'mlr' a row stored "
                "as an LR image alone gives one",
                "raise it to 2, or set another 'split.train_pool'");
        } else if constexpr (requires { options.triplet; }) {
          if (options.triplet) refuse("the triplet loss needs 2 images of each identity in a lane", "");
        }
      },
      s.method);
}

void check_lanes(const TrainingSpecification& s) {
  check_range("lanes", s.lanes, 1, kMostLanes);
  const std::vector<int> counts = identities_per_lane(s.recipe.identities, s.lanes);
  if (counts.back() < 2)
    throw MemberError("train.identities", s.recipe.identities,
                      fmt::format("{} {} leave a lane with {} of the 2 identities that it needs", s.lanes,
                                  s.lanes == 1 ? "lane" : "lanes", counts.back()),
                      fmt::format("raise it to {} or lower 'lanes'", 2 * s.lanes));
  check_images(s);
  if (s.joined.empty() && s.split.train_identities != 0 && s.recipe.identities > s.split.train_identities)
    throw MemberError("train.identities", s.recipe.identities,
                      fmt::format("'split.train_identities' leaves {} to train on", s.split.train_identities));
  if (const auto known = known_identities(s)) check_identities(s, *known);
}

//! Joined sets are one pool: images of one size, and one rule of which of them exist in low resolution alone.
void check_joined_sets(const TrainingSpecification& s) {
  const auto refuse = [](const JoinedSet& set, const std::string& why, const std::string& key) {
    throw MemberError("joined_with", "'" + set.pack.name + "'", why,
                      fmt::format("give both the same '{}', or leave it out", key));
  };
  if (!s.joined.empty() && s.recipe.program != 0 && s.recipe.program_options.empty())
    throw MemberError("joined_with", "'" + s.joined.front().pack.name + "'",
                      "a program of its own trains, and may read one pack alone", "leave it out");
  const auto out_of_order = [](const JoinedSet& one, const JoinedSet& next) { return one.pack.name >= next.pack.name; };
  if (const auto found = std::ranges::adjacent_find(s.joined, out_of_order); found != s.joined.end())
    throw MemberError("joined_with", "'" + found->pack.name + "'", "sets are joined by name, each once");
  for (const JoinedSet& set : s.joined) {
    if (set.pack.height != s.pack.height || set.pack.width != s.pack.width)
      refuse(set,
             fmt::format("its images are {}x{} pixels, and those of '{}' {}x{}", set.pack.height, set.pack.width,
                         s.pack.name, s.pack.height, s.pack.width),
             "height' and 'width");
    if (set.pack.kernel != s.pack.kernel)
      refuse(set, fmt::format("its LR images are made otherwise than those of '{}'", s.pack.name), "kernel");
    if (set.split.train_pool != s.split.train_pool)
      refuse(set,
             fmt::format("its training pool is {}, and that of '{}' {}", settings::word(set.split.train_pool),
                         s.pack.name, settings::word(s.split.train_pool)),
             "split.train_pool");
    if (set.pack.name == s.pack.name)
      throw MemberError("joined_with", "'" + set.pack.name + "'", "the training has that data set already",
                        "leave it out");
    check_set(s, set);
  }
}

void check_device(const TrainingSpecification& s) {
  if (s.recipe.precision == settings::Precision::kTf32 && s.device != settings::Device::kCuda)
    throw MemberError("train.precision", s.recipe.precision, "a CPU has no TF32",
                      "set it to f32 or bf16, or device to \"cuda\"");
}

void check_start(const Start& start, const TrainingSpecification& s) {
  const auto refuse = [&](const std::string& why) {
    throw MemberError("start_from", settings::quoted_text(start.training.hex), why);
  };
  if (!core::is_sha256_hex(start.training.hex)) refuse("a job id of 64 hexadecimal digits is needed");
  if (!s.initial_weights.empty()) refuse("a training starts from 'initial_weights' or from another training");
  if (s.recipe.program != 0) refuse("a program that is not resolute-worker trains, and reads no weights of ours");
}

void check_job(const TrainingSpecification& s) {
  check_network_pack(s.pack);
  check_device(s);
  check(s.split, s.pack);
  settings::check_members(s.network, "network.");
  check(s.recipe, s.pack);
  methods::check(s.method, {s.network, s.recipe, s.pack, s.split});
  check_joined_sets(s);
  check_lanes(s);
  if (!s.initial_weights.empty() && !core::is_sha256_hex(s.initial_weights))
    throw MemberError("initial_weights", "'" + s.initial_weights + "'", "a SHA-256 in 64 hexadecimal digits is needed");
  if (s.start_from) check_start(*s.start_from, s);
}

void check_job(const EvaluationSpecification& s) {
  if (!core::is_sha256_hex(s.training.hex))
    throw MemberError("training", "'" + s.training.hex + "'", "a job id of 64 hexadecimal digits is needed");
  check_network_pack(s.pack);
  check(s.split, s.pack);
  settings::check_members(s.protocol, "evaluate.");
  check_in_pack("evaluate.query_rates", s.protocol.query_rates, s.pack);
  if (settings::facts_of(s.pack.source).came_low && !s.protocol.query_rates.empty() &&
      s.protocol.query_rates != s.split.query_rates)
    throw MemberError(
        "evaluate.query_rates", s.protocol.query_rates,
        fmt::format("queries of data set '{}' came in low resolution: no rate makes others of them", s.pack.name),
        "leave it out");
  check_in_pack("evaluate.sample_rates", s.protocol.sample_rates, s.pack);
  const std::vector<int>& asked = s.protocol.query_rates.empty() ? s.split.query_rates : s.protocol.query_rates;
  if (s.protocol.resolution_probe && asked == std::vector<int>{1})
    throw MemberError("evaluate.resolution_probe", "true", "queries at rate 1 are HR images: there is nothing to tell");
  check_in_pack("evaluate.gallery_rate", s.protocol.gallery_rate, s.pack);
  if (s.protocol.query_level == settings::QueryLevel::kNativeSize && !s.pack.degradation.rate.empty())
    throw MemberError("evaluate.query_level", s.protocol.query_level,
                      fmt::format("the LR views of data set '{}' have sizes that each image drew", s.pack.name),
                      "set it to known");
  // A query that no draw can answer would count as a miss.
  if (s.split.lr_side == settings::LrSide::kQuery && s.protocol.name != settings::ProtocolName::kWholeGallery)
    throw MemberError("evaluate.protocol", s.protocol.name,
                      "with split.lr_side = \"query\" the image that is drawn of a person may be of the query's own "
                      "camera, which does not count",
                      "set evaluate.protocol = \"whole-gallery\"");
  if (s.protocol.query_expansion > 0 && s.protocol.distance != settings::DistanceName::kCosine)
    throw MemberError("evaluate.query_expansion", s.protocol.query_expansion, "gallery images are weighted by cosines",
                      "set evaluate.distance = \"cosine\"");
  if (s.protocol.re_ranking)
    check_range("evaluate.re_ranking_k2", s.protocol.re_ranking_k2, 1, s.protocol.re_ranking_k1);
}

//! Re-ranking compares gallery images with one another, an expanded query is a sum of features, and a cosine is of
//! features of whole length: none is defined where images are compared by branches or by some of their dimensions.
void check_whole_embeddings(const EvaluationProtocol& protocol, const MethodOptions& method) {
  const methods::Tells tells = methods::tells(method);
  const auto refuse_unless_whole = [&](const std::string& key, const auto& value) {
    if (!tells.branches.empty())
      throw MemberError(key, value, fmt::format("method '{}' compares by several branches", method_name(method)),
                        "leave it out");
    if (!tells.prefixes.empty())
      throw MemberError(key, value,
                        fmt::format("method '{}' compares features of some levels by fewer dimensions than others",
                                    method_name(method)),
                        "leave it out");
  };
  if (protocol.distance == settings::DistanceName::kCosine) refuse_unless_whole("evaluate.distance", protocol.distance);
  if (protocol.query_expansion > 0) refuse_unless_whole("evaluate.query_expansion", protocol.query_expansion);
  if (protocol.re_ranking) refuse_unless_whole("evaluate.re_ranking", "true");
}

//! A level of queries is for methods that tell levels apart, at their default options at least.
void check_levels_told(const EvaluationProtocol& protocol, const MethodOptions& method) {
  const std::vector<std::string> able = methods_able(kTellsLevelsApart);
  if (std::find(able.begin(), able.end(), method_name(method)) == able.end())
    throw MemberError("evaluate.query_level", protocol.query_level,
                      fmt::format("method '{}' tells no levels of resolution apart", method_name(method)),
                      fmt::format("leave it out or use method '{}'", fmt::join(able, "' or '")));
}

}  // namespace

void check_set(const TrainingSpecification& training, const JoinedSet& set) {
  check_network_pack(set.pack);
  check(set.split, set.pack);
  check(training.recipe, set.pack);
  methods::check(training.method, {training.network, training.recipe, set.pack, set.split});
}

int trained_identities(const JoinedSet& set, int known) {
  if (const int tested = set.split.test_identities; tested > 0 && known < 2)
    throw MemberError("split.test_identities", tested,
                      fmt::format("it leaves {} of data set '{}', and 2 must train", known, set.pack.name));
  if (const int held_out = set.split.validation_identities; held_out > 0 && known < 2)
    throw MemberError("split.validation_identities", held_out,
                      fmt::format("it leaves {} of data set '{}', and 2 must train", known, set.pack.name));
  const int chosen = set.split.train_identities;
  if (chosen > known)
    throw MemberError("split.train_identities", chosen,
                      fmt::format("data set '{}' has {} training identities", set.pack.name, known));
  return chosen > 0 ? chosen : known;
}

void check_identities(const TrainingSpecification& training, int known) {
  if (training.recipe.identities > known)
    throw MemberError("train.identities", training.recipe.identities,
                      training.joined.empty()
                          ? fmt::format("data set '{}' has {} training identities", training.pack.name, known)
                          : fmt::format("data set '{}' and those joined with it have {} training identities",
                                        training.pack.name, known));
  const Recipe& r = training.recipe;
  if (r.labelled_by != settings::LabelledBy::kIdentity || r.labelled_fraction == 0) return;
  if (const int labelled = settings::labelled_identities(r.labelled_fraction, known); labelled < 2)
    throw MemberError("train.labelled_fraction", r.labelled_fraction,
                      fmt::format("with 'train.labelled_by' 'identity' it leaves {} of {} training identities with "
                                  "labels, and losses compare 2",
                                  labelled, known),
                      "raise it, or set train.labelled_by = \"image\"");
}

void check(const JobSpecification& specification) {
  std::visit([](const auto& job) { check_job(job); }, specification);
}

void check(const EvaluationSpecification& evaluation, const MethodOptions& method) {
  check(JobSpecification(evaluation));
  const EvaluationProtocol& protocol = evaluation.protocol;
  if (protocol.query_level != settings::QueryLevel::kKnown) check_levels_told(protocol, method);
  check_whole_embeddings(protocol, method);
  const std::vector<std::string> distances = distances_of(method);
  if (distances.empty()) {
    if (protocol.distance != settings::DistanceName::kDefault && protocol.distance != settings::DistanceName::kCosine)
      throw MemberError("evaluate.distance", protocol.distance,
                        fmt::format("method '{}' compares by one embedding", method_name(method)),
                        "set it to default or cosine");
    return;
  }
  if (protocol.gallery_rate != 1)
    throw MemberError("evaluate.gallery_rate", protocol.gallery_rate,
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
