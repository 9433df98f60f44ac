#pragma once
//! \file
//! What a job is: the specification from whose canonical JSON its id is hashed (docs/formats/specification.md). Two
//! specifications that are equal here are the same job, wherever and however often it runs. Titles, row labels, node
//! counts, the number of process ranks W and every path stay out of it.

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/files/json.h"
#include "methods/options.h"
#include "methods/row.h"
#include "settings/evaluation.h"
#include "settings/job_kind.h"
#include "settings/pack.h"
#include "settings/split.h"
#include "settings/training.h"

namespace resolute::experiments {

using methods::BaselineOptions;
using methods::FtwaOptions;
using methods::method_name;
using methods::method_names;
using methods::MethodOptions;
using methods::MsiflaOptions;
using methods::RainOptions;
using methods::ResolutionAdaptiveOptions;
using settings::Device;
using settings::EvaluationProtocol;
using settings::NetworkSettings;
using settings::PackSettings;
using settings::Recipe;
using settings::SplitSettings;
using settings::SyntheticSettings;

//! 64 lower-case hexadecimal digits: the SHA-256 of a specification's canonical JSON.
struct JobId {
  std::string hex;
  auto operator<=>(const JobId&) const = default;
};

struct ShardSpecification {
  PackSettings pack;
  int shard = 0;  //!< 0 to pack.shards - 1
  bool operator==(const ShardSpecification&) const = default;
};

struct SealSpecification {
  PackSettings pack;
  bool operator==(const SealSpecification&) const = default;
};

//! The most lanes that a training may have.
inline constexpr int kMostLanes = 1024;

struct TrainingSpecification {
  MethodOptions method;
  NetworkSettings network;
  Recipe recipe;
  PackSettings pack;
  SplitSettings split;
  int lanes = 1;  //!< L; part of the experiment (docs/glossary.md)
  Device device = Device::kCpu;
  std::uint64_t seed = 0;
  std::string initial_weights;  //!< SHA-256 of the weights started from; empty: from scratch
  bool operator==(const TrainingSpecification&) const = default;
};

struct EvaluationSpecification {
  JobId training;
  PackSettings pack;
  SplitSettings split;
  EvaluationProtocol protocol;
  bool operator==(const EvaluationSpecification&) const = default;
};

using JobSpecification =
    std::variant<ShardSpecification, SealSpecification, TrainingSpecification, EvaluationSpecification>;

//! What an evaluation of such a training runs on.
Device device_of(const EvaluationSpecification& evaluation, const TrainingSpecification& training);

//! "shard", "seal", "training", "evaluation".
std::string kind_name(const JobSpecification& specification);
//! By which its machine is chosen.
settings::JobKind job_kind(const JobSpecification& specification);

//! Whether the level of resolution that an image is taken for makes a difference to the method.
bool uses_levels(const MethodOptions& options);

//! What EvaluationProtocol::distance may name for a method of several branches beside "default"; the first of them is
//! what "default" means. Empty: it compares by one embedding, by Euclidean distances or cosines.
std::vector<std::string> distances_of(const MethodOptions& options);
//! EvaluationProtocol::distance with "default" replaced by what it means for the method; empty for a method that
//! compares by one embedding. Not held against distances_of(): check() does that.
std::string distance_asked(const EvaluationProtocol& protocol, const MethodOptions& method);
//! Whether a distance of distances_of() looks at LR copies of gallery images.
bool compares_copies(const MethodOptions& options, const std::string& distance);

//! JSON with "kind" and "schema"; every member stands in it, defaults too, so the id never depends on what was left
//! out. A training carries "method", "method_revision" and "options".
core::Json to_json(const JobSpecification& specification);
//! canonical_json() of it, which is hashed to the job's id and stands in its spec.json.
std::string canonical_text(const JobSpecification& specification);

//! The inverse, strict: unknown keys, wrong types, values out of range and another method_revision are refused with a
//! kInput RuntimeError that opens with `where`.
JobSpecification specification_from_json(const core::Json& json, const std::string& where);

//! Range checks of every member and of members against one another. Refused: a lane with fewer than 2 identities or,
//! where a triplet loss is on, fewer than 2 images of each; lanes < 1; train_rates that the pack lacks; a discriminator
//! level twice. \throws RuntimeError (kInput), naming the member as the suite file spells it, e.g. 'train.identities'
void validate(const JobSpecification& specification, const std::string& where);

//! Lane sizes in identities: P identities over L lanes, the first P mod L lanes have one more.
std::vector<int> identities_per_lane(int identities, int lanes);

JobId job_id(const JobSpecification& specification);

}  // namespace resolute::experiments
