#include "workers/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "core/crc32c.h"
#include "core/json.h"
#include "core/log.h"
#include "core/sha256.h"

namespace resolute::workers {
namespace {

constexpr std::string_view kFormat = "resolute-checkpoint-1";
constexpr std::string_view kWeightsFormat = "resolute-weights-1";
constexpr std::size_t kKept = 2;

// The checksum's eight digits stand at a fixed place of every checkpoint, since "crc32c" sorts first among the keys of
// the metadata and the metadata stands first in the header.
constexpr std::string_view kBeforeChecksum = R"({"__metadata__":{"crc32c":")";
constexpr std::size_t kChecksumAt = 8 + kBeforeChecksum.size();
constexpr std::string_view kNoChecksum = "00000000";

std::string checksum_of(core::Bytes& bytes) { return fmt::format("{:08x}", core::crc32c(bytes)); }

const std::string& metadata_value(const SafetensorsContent& content, const std::string& key, std::string_view name) {
  const auto found = content.metadata.find(key);
  if (found == content.metadata.end()) throw core::corrupt_error(fmt::format("{} has no '{}'", name, key));
  return found->second;
}

template <class T>
T metadata_number(const SafetensorsContent& content, const std::string& key, std::string_view name) {
  const std::string& text = metadata_value(content, key, name);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw core::corrupt_error(fmt::format("{}: '{}' is '{}'", name, key, text), "no number");
  return value;
}

void expect_value(const SafetensorsContent& content, const std::string& key, std::string_view expected,
                  std::string_view name) {
  if (const std::string& found = metadata_value(content, key, name); found != expected)
    throw core::corrupt_error(fmt::format("{} is of another origin", name),
                              fmt::format("its {} is '{}', not '{}'", key, found, expected));
}

std::string file_name(std::uint64_t step) { return fmt::format("step-{:09}.safetensors", step); }

// The step of a checkpoint's file name, or nothing for any other file.
std::optional<std::uint64_t> step_of(const std::string& name) {
  std::uint64_t step = 0;
  constexpr std::string_view kStart = "step-";
  if (!name.starts_with(kStart)) return std::nullopt;
  std::from_chars(name.data() + kStart.size(), name.data() + name.size(), step);
  if (file_name(step) != name) return std::nullopt;
  return step;
}

}  // namespace

core::Bytes encode_checkpoint(const Checkpoint& checkpoint, const CheckpointOwner& owner) {
  core::Bytes bytes = encode_safetensors(checkpoint.tensors, {{"crc32c", std::string(kNoChecksum)},
                                                              {"format", std::string(kFormat)},
                                                              {"job", owner.job},
                                                              {"loss", fmt::format("{}", checkpoint.loss)},
                                                              {"numeric_class", owner.numeric_class},
                                                              {"step", fmt::format("{}", checkpoint.step)}});
  const std::string checksum = checksum_of(bytes);
  std::memcpy(bytes.data() + kChecksumAt, checksum.data(), checksum.size());
  return bytes;
}

Checkpoint decode_checkpoint(std::span<const std::byte> bytes, const CheckpointOwner& owner, std::string_view name) {
  constexpr std::size_t kDigits = kNoChecksum.size();
  if (bytes.size() < kChecksumAt + kDigits ||
      core::as_text(bytes.subspan(8, kBeforeChecksum.size())) != kBeforeChecksum)
    throw core::corrupt_error(fmt::format("{} is no checkpoint, or only its start", name));
  std::uint32_t crc = core::crc32c(bytes.first(kChecksumAt));
  crc = core::crc32c(core::as_byte_span(kNoChecksum), crc);
  crc = core::crc32c(bytes.subspan(kChecksumAt + kDigits), crc);
  const auto written = core::as_text(bytes.subspan(kChecksumAt, kDigits));
  if (const std::string found = fmt::format("{:08x}", crc); found != written)
    throw core::corrupt_error(fmt::format("{} is torn or damaged", name),
                              fmt::format("checksum {}, not {}", found, written));
  SafetensorsContent content = decode_safetensors(bytes, name);
  expect_value(content, "format", kFormat, name);
  expect_value(content, "job", owner.job, name);
  expect_value(content, "numeric_class", owner.numeric_class, name);
  return {metadata_number<std::uint64_t>(content, "step", name), metadata_number<double>(content, "loss", name),
          std::move(content.tensors)};
}

CheckpointFolder::CheckpointFolder(core::FileSystem& files, std::filesystem::path folder, CheckpointOwner owner)
    : files_(files), folder_(std::move(folder)), owner_(std::move(owner)) {}

CheckpointFolder::~CheckpointFolder() {
  if (writer_.joinable()) writer_.join();
}

std::optional<Checkpoint> CheckpointFolder::load_latest() {
  auto names = files_.list(folder_);
  // Zero-padded names sort as their steps do.
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const auto step = step_of(*name);
    if (!step) continue;
    const std::string where = fmt::format("checkpoint '{}'", (folder_ / *name).string());
    try {
      Checkpoint checkpoint = decode_checkpoint(files_.read(folder_ / *name), owner_, where);
      if (checkpoint.step != *step) throw core::corrupt_error(fmt::format("{} holds step {}", where, checkpoint.step));
      return checkpoint;
    } catch (const core::RuntimeError& error) {
      core::log_warning("{}; it is passed over", error.what());
    }
  }
  return std::nullopt;
}

void CheckpointFolder::save(Checkpoint checkpoint) {
  finish();
  writer_ = std::thread([this, snapshot = std::move(checkpoint)] {
    try {
      write(snapshot);
    } catch (...) {
      failure_ = std::current_exception();
    }
  });
}

void CheckpointFolder::finish() {
  if (writer_.joinable()) writer_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void CheckpointFolder::write(const Checkpoint& checkpoint) {
  core::write_atomic(files_, folder_ / file_name(checkpoint.step), encode_checkpoint(checkpoint, owner_));
  written_step_.store(checkpoint.step);
  // Newer steps than ours are foreign or damaged ones that were passed over: they stay as evidence until overwritten.
  std::vector<std::string> ours;
  for (const std::string& name : files_.list(folder_))
    if (const auto step = step_of(name); step && *step <= checkpoint.step) ours.push_back(name);
  while (ours.size() > kKept) {
    files_.remove(folder_ / ours.front());
    ours.erase(ours.begin());
  }
}

core::Bytes encode_weights(const Weights& weights) {
  return encode_safetensors(weights.tensors, {{"classes", std::to_string(weights.classes)},
                                              {"format", std::string(kWeightsFormat)},
                                              {"method", weights.method}});
}

Weights decode_weights(std::span<const std::byte> bytes, std::string_view name) {
  SafetensorsContent content = decode_safetensors(bytes, name);
  expect_value(content, "format", kWeightsFormat, name);
  Weights weights;
  weights.method = metadata_value(content, "method", name);
  weights.classes = metadata_number<int>(content, "classes", name);
  weights.tensors = std::move(content.tensors);
  return weights;
}

std::string weights_file_name(const std::string& sha256_hex) {
  return fmt::format("weights-{}.safetensors", sha256_hex.substr(0, 16));
}

void save_module(const torch::nn::Module& module, const std::string& prefix, NamedTensors& to) {
  for (const auto& item : module.named_parameters())
    to[prefix + item.key()] = item.value().detach().clone(at::MemoryFormat::Contiguous);
  for (const auto& item : module.named_buffers())
    to[prefix + item.key()] = item.value().detach().clone(at::MemoryFormat::Contiguous);
}

void load_module(torch::nn::Module& module, const std::string& prefix, const NamedTensors& from,
                 std::string_view name) {
  const at::NoGradGuard no_grad;
  std::size_t used = 0;
  const auto take = [&](const std::string& key, at::Tensor target) {
    const auto found = from.find(prefix + key);
    if (found == from.end()) throw core::corrupt_error(fmt::format("{} has no tensor '{}'", name, prefix + key));
    if (found->second.sizes() != target.sizes() || found->second.scalar_type() != target.scalar_type())
      throw core::corrupt_error(fmt::format("{}: tensor '{}' does not fit the network", name, prefix + key));
    target.copy_(found->second);
    ++used;
  };
  for (const auto& item : module.named_parameters()) take(item.key(), item.value());
  for (const auto& item : module.named_buffers()) take(item.key(), item.value());
  const auto given =
      std::count_if(from.begin(), from.end(), [&](const auto& it) { return it.first.starts_with(prefix); });
  if (static_cast<std::size_t>(given) != used)
    throw core::corrupt_error(fmt::format("{} has {} tensors", name, given), fmt::format("the network has {}", used));
}

}  // namespace resolute::workers
