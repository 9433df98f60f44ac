#include "experiments/store/store_layout.h"

#include <algorithm>
#include <cctype>

#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "experiments/specification/validation.h"

namespace resolute::experiments {
namespace {

constexpr std::string_view kAttempt = "attempt-";

constexpr std::size_t kHashDigits = 16;

std::string named_by_content(const PackSettings& pack) {
  return pack.name + "-" +
         core::sha256_hex(core::canonical_json(settings::settings_in_pack(pack))).substr(0, kHashDigits);
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

std::filesystem::path StoreLayout::features_file(const JobId& evaluation) const {
  return job_folder(evaluation) / "features.h5";
}

std::filesystem::path StoreLayout::checkpoints_folder(const JobId& job) const {
  return job_folder(job) / "checkpoints";
}

std::filesystem::path StoreLayout::divergence_file(const JobId& training) const {
  return job_folder(training) / "diverged.txt";
}

std::filesystem::path StoreLayout::attempt_file(const JobId& job, int attempt, const std::string& name) const {
  RESOLUTE_EXPECT(attempt >= 1, "attempts count from 1");
  return job_folder(job) / fmt::format("{}{:03}-{}", kAttempt, attempt, name);
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

std::filesystem::path StoreLayout::weights_origin_file(const std::string& sha256) const {
  return weights_file(sha256).replace_extension(".origin");
}

bool is_named_by_content(const std::string& folder) {
  const std::size_t dash = folder.rfind('-');
  return dash != std::string::npos && is_plain_name(folder.substr(0, dash)) &&
         folder.size() - dash - 1 == kHashDigits &&
         folder.find_first_not_of("0123456789abcdef", dash + 1) == std::string::npos;
}

bool is_scratch_store(const std::string& folder) {
  const std::string_view start = kScratchStore.substr(0, kScratchStore.find('X'));
  return folder.starts_with(start) && folder.size() == kScratchStore.size() &&
         std::all_of(folder.begin() + static_cast<std::ptrdiff_t>(start.size()), folder.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0; });
}

std::optional<int> attempt_of(const std::string& file_name) {
  if (!file_name.starts_with(kAttempt)) return std::nullopt;
  const std::string_view behind = std::string_view(file_name).substr(kAttempt.size());
  const std::size_t dash = behind.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto attempt = core::number_of<int>(behind.substr(0, dash));
  return attempt >= 1 ? attempt : std::nullopt;
}

std::string run_name(const std::string& suite, int allocation) {
  RESOLUTE_EXPECT(allocation >= 1, "allocations count from 1");
  return allocation == 1 ? suite : fmt::format("{}@{}", suite, allocation);
}

std::optional<int> allocation_of(const std::string& suite, const std::string& folder) {
  if (folder == suite) return 1;
  if (!folder.starts_with(suite + "@")) return std::nullopt;
  const auto allocation = core::number_of<int>(std::string_view(folder).substr(suite.size() + 1));
  return allocation >= 2 && run_name(suite, *allocation) == folder ? allocation : std::nullopt;
}

std::string suite_of_run(const std::string& folder) {
  const std::string base = folder.substr(0, folder.rfind('@'));
  return allocation_of(base, folder) ? base : folder;
}

}  // namespace resolute::experiments
