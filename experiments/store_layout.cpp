#include "experiments/store_layout.h"

#include "core/sha256.h"
#include "experiments/validation.h"

namespace resolute::experiments {
namespace {

std::string named_by_content(const PackSettings& pack) {
  return pack.name + "-" + core::sha256_hex(core::canonical_json(to_json(pack))).substr(0, 16);
}

}  // namespace

std::filesystem::path StoreLayout::pack_folder(const PackSettings& pack) const {
  return root_ / "packs" / named_by_content(pack);
}

std::filesystem::path StoreLayout::raw_folder(const PackSettings& pack) const {
  return root_ / "raw" / named_by_content(pack);
}

std::filesystem::path StoreLayout::job_folder(const JobId& job) const {
  // A wrong id must never become a path outside the store.
  RESOLUTE_EXPECT(core::is_sha256_hex(job.hex), "a job id has 64 hexadecimal digits");
  return root_ / "jobs" / job.hex.substr(0, 2) / job.hex;
}

std::filesystem::path StoreLayout::specification_file(const JobId& job) const { return job_folder(job) / "spec.json"; }

std::filesystem::path StoreLayout::result_file(const JobId& job) const { return job_folder(job) / "result.json"; }

std::filesystem::path StoreLayout::checkpoints_folder(const JobId& job) const {
  return job_folder(job) / "checkpoints";
}

std::filesystem::path StoreLayout::attempt_folder(const JobId& job, int attempt) const {
  RESOLUTE_EXPECT(attempt >= 1, "attempts count from 1");
  return job_folder(job) / "attempts" / fmt::format("{:03}", attempt);
}

std::filesystem::path StoreLayout::suite_folder(const std::string& suite) const { return root_ / "suites" / suite; }

std::filesystem::path StoreLayout::weights_file(const std::string& sha256) const {
  RESOLUTE_EXPECT(core::is_sha256_hex(sha256), "weights are named by 64 hexadecimal digits");
  return weights_folder() / (sha256 + ".safetensors");
}

std::filesystem::path StoreLayout::weights_name_file(const std::string& name) const {
  RESOLUTE_EXPECT(is_plain_name(name), "weights go by plain names");
  return weights_folder() / (name + ".json");
}

}  // namespace resolute::experiments
