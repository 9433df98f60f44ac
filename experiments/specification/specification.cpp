#include "experiments/specification/specification.h"

#include "core/hash/sha256.h"
#include "core/overloaded.h"

namespace resolute::experiments {

Device device_of(const EvaluationSpecification& evaluation, const TrainingSpecification& training) {
  return evaluation.protocol.device == settings::EvaluationDevice::kCpu ? Device::kCpu : training.device;
}

std::string kind_name(const JobSpecification& specification) {
  return std::visit(core::Overloaded{[](const ShardSpecification&) { return "shard"; },
                                     [](const SealSpecification&) { return "seal"; },
                                     [](const TrainingSpecification&) { return "training"; },
                                     [](const EvaluationSpecification&) { return "evaluation"; }},
                    specification);
}

settings::JobKind job_kind(const JobSpecification& specification) {
  using settings::JobKind;
  return std::visit(core::Overloaded{[](const ShardSpecification&) { return JobKind::kPack; },
                                     [](const SealSpecification&) { return JobKind::kPack; },
                                     [](const TrainingSpecification&) { return JobKind::kTraining; },
                                     [](const EvaluationSpecification&) { return JobKind::kEvaluation; }},
                    specification);
}

std::vector<JoinedSet> sets_of(const TrainingSpecification& training) {
  std::vector<JoinedSet> sets{{training.pack, training.split}};
  sets.insert(sets.end(), training.joined.begin(), training.joined.end());
  return sets;
}

std::vector<PackSettings> packs_of(const JobSpecification& specification) {
  std::vector<PackSettings> packs;
  if (const auto* training = std::get_if<TrainingSpecification>(&specification))
    for (const JoinedSet& set : sets_of(*training)) packs.push_back(set.pack);
  else
    packs.push_back(std::visit([](const auto& job) { return job.pack; }, specification));
  return packs;
}

const JobId* weights_read_by(const JobSpecification& specification) {
  if (const auto* evaluation = std::get_if<EvaluationSpecification>(&specification)) return &evaluation->training;
  const auto* training = std::get_if<TrainingSpecification>(&specification);
  return training != nullptr && training->start_from ? &training->start_from->training : nullptr;
}

bool uses_levels(const MethodOptions& options) { return !methods::tells(options).level_rates.empty(); }

std::vector<std::string> distances_of(const MethodOptions& options) {
  std::vector<std::string> names;
  for (const methods::Distance& distance : methods::tells(options).distances) names.push_back(distance.name);
  return names;
}

std::string distance_asked(const EvaluationProtocol& protocol, const MethodOptions& method) {
  const std::vector<std::string> distances = distances_of(method);
  if (distances.empty()) return {};
  return protocol.distance == settings::DistanceName::kDefault ? distances.front()
                                                               : std::string(settings::word(protocol.distance));
}

bool compares_copies(const MethodOptions& options, const std::string& distance) {
  const methods::Tells tells = methods::tells(options);
  const methods::Distance* found = methods::find_distance(tells, distance);
  return found != nullptr && methods::gallery_looks(tells, *found).copies;
}

std::vector<int> identities_per_lane(int identities, int lanes) {
  RESOLUTE_EXPECT(lanes >= 1 && identities >= 0, "identities_per_lane() needs a lane and no negative count");
  std::vector<int> counts(static_cast<std::size_t>(lanes), identities / lanes);
  for (int lane = 0; lane < identities % lanes; ++lane) ++counts[static_cast<std::size_t>(lane)];
  return counts;
}

JobId job_id(const JobSpecification& specification) { return {core::sha256_hex(canonical_text(specification))}; }

}  // namespace resolute::experiments
