#pragma once
//! \file
//! A job's specification. The id is the hash of its canonical JSON (docs/inside/formats/specification.md). Two
//! specifications that are equal here are the same job, wherever and however often it runs. Titles, row labels, node
//! counts, the number of process ranks W and every path stay out of it.

#include <compare>
#include <cstdint>
#include <optional>
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
using methods::CadnetOptions;
using methods::FtwaOptions;
using methods::method_name;
using methods::method_names;
using methods::MethodOptions;
using methods::MsiflaOptions;
using methods::RainOptions;
using methods::ResolutionAdaptiveOptions;
using methods::VpfaOptions;
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
//! The first 12 digits: what people are shown of an id. Commands that take an id take them too.
inline std::string short_id(const JobId& job) { return job.hex.substr(0, 12); }

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

//! The tensors that a training takes over from a finished one.
enum class StartPart {
  kModule,  //!< all of its networks
  kTrunk,   //!< those of its one trunk
};
constexpr auto words_of(StartPart) { return settings::words("module", "trunk"); }

//! A training starts from the last weights of another one (experiments/specification/stages.h).
struct Start {
  JobId training;
  StartPart part = StartPart::kModule;
  bool operator==(const Start&) const = default;
};

//! A further data set that a training learns from: the people whom its own split lets train.
struct JoinedSet {
  PackSettings pack;
  SplitSettings split;
  bool operator==(const JoinedSet&) const = default;
};

struct TrainingSpecification {
  MethodOptions method;
  NetworkSettings network;
  Recipe recipe;
  PackSettings pack;
  SplitSettings split;
  int lanes = 1;  //!< L; part of the experiment (docs/glossary.md)
  Device device = Device::kCpu;
  std::uint64_t seed = 0;
  std::string initial_weights;           //!< SHA-256 of the weights started from; empty: from scratch
  std::optional<Start> start_from = {};  //!< in the place of initial_weights
  //! Behind `pack`, whose test people it asks for on the way. By their packs' names, ascending: the same sets in
  //! another order are the same training.
  std::vector<JoinedSet> joined = {};
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

//! The device on which an evaluation of this training runs.
Device device_of(const EvaluationSpecification& evaluation, const TrainingSpecification& training);

//! "shard", "seal", "training", "evaluation".
std::string kind_name(const JobSpecification& specification);
//! The kind by which machines for the job are chosen.
settings::JobKind job_kind(const JobSpecification& specification);

//! All data sets that a training learns from: its own, then those that are joined.
std::vector<JoinedSet> sets_of(const TrainingSpecification& training);

//! The packs that a job of any kind reads or makes, each once.
std::vector<PackSettings> packs_of(const JobSpecification& specification);

//! The training whose weights the job reads: an evaluation's own, the one that a training starts from; null: none.
const JobId* weights_read_by(const JobSpecification& specification);

//! Tells whether the method treats images of different levels of resolution differently.
bool uses_levels(const MethodOptions& options);

//! The distances that EvaluationProtocol::distance may name for a method with several branches, besides "default"; the
//! first one is what "default" means. Empty: the method has one embedding and compares by Euclidean distances or
//! cosines.
std::vector<std::string> distances_of(const MethodOptions& options);
//! EvaluationProtocol::distance with "default" replaced by its meaning for the method; empty for a method of one
//! embedding. Does not check that distances_of() has it: check() does.
std::string distance_asked(const EvaluationProtocol& protocol, const MethodOptions& method);
//! Tells whether a distance of distances_of() uses LR copies of gallery images.
bool compares_copies(const MethodOptions& options, const std::string& distance);

//! JSON with "kind" and "schema". It has every member, also those at their defaults (but silent ones,
//! settings/member.h), so the id does not depend on what a suite left out. A training has "method", "method_revision"
//! and "options".
core::Json to_json(const JobSpecification& specification);
//! The canonical JSON, which is hashed to the job's id and stands in the job's spec.json.
std::string canonical_text(const JobSpecification& specification);

//! The inverse, strict: unknown keys, wrong types, values out of range and another method_revision are refused with a
//! kInput RuntimeError that opens with `where`.
JobSpecification specification_from_json(const core::Json& json, const std::string& where);

//! Checks the range of every member, and members against one another. It refuses a lane with fewer than 2 identities
//! or, where a triplet loss is on, fewer than 2 images of each; lanes < 1; train_rates that the pack lacks; a
//! discriminator level twice. \throws RuntimeError (kInput), naming the member as the suite file spells it, e.g.
//! 'train.identities'
void validate(const JobSpecification& specification, const std::string& where);

//! Identities per lane, for P identities in L lanes: the first P mod L lanes have one more.
std::vector<int> identities_per_lane(int identities, int lanes);

JobId job_id(const JobSpecification& specification);

}  // namespace resolute::experiments
