#include "workers/training/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/files/json.h"
#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "experiments/store/checkpoint_checksum.h"

namespace resolute::workers {
namespace {

constexpr std::string_view kFormatStart = "resolute-checkpoint-";
constexpr int kVersion = 1;
constexpr std::string_view kWeightsFormat = "resolute-weights-1";
// The bytes that are read at a time: the checksum finds them in the cache.
constexpr std::size_t kPiece = std::size_t{1} << 20;
// One core cannot use all of the memory's speed; a few do. The other ranks of the machine wait for this one anyway.
constexpr unsigned kMostCopiers = 4;

using experiments::kChecksumAt;
using experiments::kNoChecksum;
using experiments::start_checksum;

std::map<std::string, std::string> metadata_of(const Checkpoint& checkpoint, const CheckpointOwner& owner) {
  return {{"crc32c", std::string(kNoChecksum)},
          {"format", std::string(kFormatStart) + std::to_string(kVersion)},
          {"job", owner.job},
          {"loss", fmt::format("{}", checkpoint.loss)},
          {"numeric_class", owner.numeric_class},
          {"step", fmt::format("{}", checkpoint.step)}};
}

void seal(std::span<std::byte> file) {
  const std::string checksum = fmt::format("{:08x}", start_checksum(file));
  std::memcpy(file.data() + kChecksumAt, checksum.data(), checksum.size());
}

const std::string& metadata_value(const networks::SafetensorsContent& content, const std::string& key,
                                  std::string_view name) {
  const auto found = content.metadata.find(key);
  if (found == content.metadata.end()) throw core::corrupt_error(fmt::format("{} has no '{}'", name, key));
  return found->second;
}

template <class T>
T metadata_number(const networks::SafetensorsContent& content, const std::string& key, std::string_view name) {
  const std::string& text = metadata_value(content, key, name);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw core::corrupt_error(fmt::format("{}: '{}' is '{}'", name, key, text), "no number");
  return value;
}

void expect_value(const networks::SafetensorsContent& content, const std::string& key, std::string_view expected,
                  std::string_view problem, std::string_view name) {
  if (const std::string& found = metadata_value(content, key, name); found != expected)
    throw core::corrupt_error(fmt::format("{} {}", name, problem),
                              fmt::format("its {} is '{}', not '{}'", key, found, expected));
}

std::string own_format() { return fmt::format("{}{}", kFormatStart, kVersion); }

// A format of ours that a later version of this program wrote.
bool is_newer(std::string_view format) {
  if (!format.starts_with(kFormatStart)) return false;
  const std::string_view digits = format.substr(kFormatStart.size());
  const bool number = !digits.empty() && digits.front() != '0' &&
                      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number && digits != std::to_string(kVersion);
}

void expect_format(const networks::SafetensorsContent& content, std::string_view name) {
  const std::string& format = metadata_value(content, "format", name);
  if (is_newer(format))
    throw core::corrupt_error(fmt::format("{} is of a newer format", name),
                              fmt::format("'{}', this program reads '{}'", format, own_format()),
                              "go on with the version that wrote it");
  expect_value(content, "format", own_format(), "is no checkpoint", name);
}

// The format that the start of an untrusted file names; empty if it names none.
std::string_view claimed_format(std::span<const std::byte> start) {
  constexpr std::string_view kKey = R"("format":")";
  const std::string_view text = core::as_text(start.first(std::min<std::size_t>(start.size(), 4096)));
  const std::size_t at = text.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view value = text.substr(at + kKey.size());
  return value.substr(0, value.find('"'));
}

[[noreturn]] void refuse_damaged(std::span<const std::byte> start, std::string_view name, std::string_view problem,
                                 std::string_view why) {
  // A later format that kept neither beginning nor checksum is at least named.
  if (const std::string_view format = claimed_format(start); is_newer(format))
    throw core::corrupt_error(fmt::format("{} is of a newer format, or damaged", name),
                              fmt::format("'{}', this program reads '{}'", format, own_format()),
                              "go on with the version that wrote it");
  throw core::corrupt_error(fmt::format("{} {}", name, problem), why);
}

// The checksum is compared before anything in the file is believed.
void expect_checksum(std::uint32_t crc, std::span<const std::byte> start, std::string_view name) {
  const auto written = core::as_text(start.subspan(kChecksumAt, kNoChecksum.size()));
  if (const std::string found = fmt::format("{:08x}", crc); found != written)
    refuse_damaged(start, name, "is torn or damaged", fmt::format("checksum {}, not {}", found, written));
}

void expect_start(std::span<const std::byte> bytes, std::string_view name) {
  if (!experiments::starts_as_checkpoint(bytes)) refuse_damaged(bytes, name, "is no checkpoint, or only its start", {});
}

Checkpoint checkpoint_of(networks::SafetensorsContent content, const CheckpointOwner& owner, std::string_view name) {
  expect_format(content, name);
  expect_value(content, "job", owner.job, "belongs to another job", name);
  expect_value(content, "numeric_class", owner.numeric_class, "is of another numeric class", name);
  return {metadata_number<std::uint64_t>(content, "step", name), metadata_number<double>(content, "loss", name),
          std::move(content.tensors)};
}

std::vector<at::Tensor> tensors_of(const networks::SafetensorsLayout& layout) {
  std::vector<at::Tensor> tensors;
  for (const networks::SafetensorsLayout::Body& body : layout.bodies) tensors.push_back(body.tensor);
  return tensors;
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

// True if a writer left this behind that was killed while it wrote a checkpoint before that step: its process
// has gone, or is so far behind that another has taken its place. (temporary_beside() gives these names.)
bool is_half_written(const std::string& name, std::uint64_t step) {
  const std::string start = "." + file_name(0);
  if (name.size() < start.size() || !core::is_temporary_name(name)) return false;
  const auto written = step_of(name.substr(1, start.size() - 1));
  return written && *written < step;
}

}  // namespace

core::Bytes encode_checkpoint(const Checkpoint& checkpoint, const CheckpointOwner& owner) {
  core::Bytes bytes = networks::encode_safetensors(checkpoint.tensors, metadata_of(checkpoint, owner));
  seal(bytes);
  return bytes;
}

Checkpoint decode_checkpoint(const at::Tensor& file, const CheckpointOwner& owner, std::string_view name) {
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(file.const_data_ptr()), file.nbytes());
  expect_start(bytes, name);
  expect_checksum(start_checksum(bytes), bytes, name);
  return checkpoint_of(networks::decode_safetensors(file, name), owner, name);
}

CheckpointFolder::CheckpointFolder(core::FileSystem& files, std::filesystem::path folder, CheckpointOwner owner)
    : files_(files), folder_(std::move(folder)), owner_(std::move(owner)) {}

CheckpointFolder::~CheckpointFolder() {
  if (writer_.joinable()) writer_.join();
}

std::optional<StoredCheckpoint> CheckpointFolder::load_latest() {
  finish();
  auto names = files_.list(folder_);
  std::exception_ptr unreadable;
  // Zero-padded names sort as their steps do.
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const auto step = step_of(*name);
    if (!step) continue;
    const std::string where = fmt::format("checkpoint '{}'", (folder_ / *name).string());
    try {
      at::Tensor file = read(folder_ / *name, where);
      Checkpoint checkpoint = checkpoint_of(networks::decode_safetensors(file, where), owner_, where);
      if (checkpoint.step != *step) throw core::corrupt_error(fmt::format("{} holds step {}", where, checkpoint.step));
      usable_step_ = *step;
      return StoredCheckpoint{std::move(checkpoint), std::move(file)};
    } catch (const core::RuntimeError& error) {
      core::log_warning("{}; it is passed over", error.what());
      if (error.kind() != core::ErrorKind::kCorrupt && !unreadable) unreadable = std::current_exception();
    }
  }
  // A failed disk or a full memory may be well again the next time: no reason to start over.
  if (unreadable) std::rethrow_exception(unreadable);
  return std::nullopt;
}

// The file's bytes in the image, their checksum compared.
at::Tensor CheckpointFolder::read(const std::filesystem::path& path, std::string_view name) {
  const auto from = files_.open_for_read(path);
  const std::uint64_t size = from->size();
  make_room(size);
  const std::span<std::byte> bytes = image_->bytes().first(size);
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at < size; at += kPiece) {
    const std::span<std::byte> piece = bytes.subspan(at, std::min<std::uint64_t>(kPiece, size - at));
    from->read_at(at, piece);
    if (at == 0) expect_start(piece, name);
    crc = at == 0 ? start_checksum(piece) : core::crc32c(piece, crc);
  }
  expect_start(bytes, name);
  expect_checksum(crc, bytes, name);
  return at::from_blob(
      bytes.data(), {static_cast<std::int64_t>(size)}, [image = image_](void*) {}, at::TensorOptions(at::kByte));
}

// An image of at least so many bytes that no tensor looks into.
void CheckpointFolder::make_room(std::size_t bytes) {
  if (image_ && image_.use_count() == 1 && image_->size() >= bytes) return;
  image_.reset();
  image_ = std::make_shared<core::PageMemory>(bytes);
}

void CheckpointFolder::prepare(const Checkpoint& checkpoint) {
  finish();
  const networks::SafetensorsLayout layout =
      networks::lay_out_safetensors(checkpoint.tensors, metadata_of(checkpoint, owner_));
  snapshot_.prepare(tensors_of(layout));
  make_room(layout.size);
  writer_ = std::thread([image = image_] { image->touch(); });
}

void CheckpointFolder::save(const Checkpoint& checkpoint) {
  finish();
  networks::SafetensorsLayout layout =
      networks::lay_out_safetensors(checkpoint.tensors, metadata_of(checkpoint, owner_));
  make_room(layout.size);
  const std::span<std::byte> file = image_->bytes().first(layout.size);
  const bool on_cpu = std::ranges::all_of(
      layout.bodies, [](const networks::SafetensorsLayout::Body& body) { return body.tensor.is_cpu(); });
  if (on_cpu)
    networks::fill_safetensors(layout, file, std::clamp(std::thread::hardware_concurrency(), 1U, kMostCopiers));
  else
    snapshot_.take(tensors_of(layout));
  writer_ = std::thread([this, file, on_cpu, layout = std::move(layout), step = checkpoint.step]() mutable {
    try {
      if (!on_cpu) {
        for (std::size_t i = 0; i < layout.bodies.size(); ++i) layout.bodies[i].tensor = snapshot_.fetch(i);
        networks::fill_safetensors(layout, file, kMostCopiers);
      }
      seal(file);
      write(file, step);
    } catch (...) {
      failure_ = std::current_exception();
    }
  });
}

void CheckpointFolder::finish() {
  if (writer_.joinable()) writer_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void CheckpointFolder::write(std::span<const std::byte> file, std::uint64_t step) {
  core::write_atomic_uncached(files_, folder_ / file_name(step), file);
  written_step_.store(step);
  try {
    remove_older(step);
  } catch (const core::RuntimeError& error) {
    // The new one stands: no reason to end a training.
    core::log_warning("{}; an older checkpoint stays", error.what());
  }
  usable_step_ = step;
}

// Keeps the one just written and the one before: the newest that is known to be good or else, by its name, the newest.
// Newer steps than ours are foreign or damaged ones that were passed over: they stay as evidence until overwritten.
void CheckpointFolder::remove_older(std::uint64_t step) {
  const auto names = files_.list(folder_);
  std::uint64_t before = usable_step_ < step ? usable_step_ : 0;
  if (before == 0)
    for (const std::string& name : names)
      if (const auto other = step_of(name); other && *other < step) before = *other;
  for (const std::string& name : names) {
    const bool half_written = is_half_written(name, before);
    if (const auto other = step_of(name); half_written || (other && *other < step && *other != before))
      files_.remove(folder_ / name);
  }
}

core::Bytes encode_weights(const Weights& weights) {
  return networks::encode_safetensors(weights.tensors, {{"classes", std::to_string(weights.classes)},
                                                        {"format", std::string(kWeightsFormat)},
                                                        {"method", weights.method}});
}

Weights decode_weights(std::span<const std::byte> bytes, std::string_view name) {
  networks::SafetensorsContent content = networks::decode_safetensors(bytes, name);
  expect_value(content, "format", kWeightsFormat, "is no weights file of ours", name);
  Weights weights;
  weights.method = metadata_value(content, "method", name);
  weights.classes = metadata_number<int>(content, "classes", name);
  weights.tensors = std::move(content.tensors);
  return weights;
}

std::string weights_file_name(const std::string& sha256_hex) {
  return fmt::format("weights-{}.safetensors", sha256_hex.substr(0, 16));
}

void list_module(const torch::nn::Module& module, const std::string& prefix, networks::NamedTensors& to) {
  for (const auto& item : module.named_parameters()) to[prefix + item.key()] = item.value().detach();
  for (const auto& item : module.named_buffers()) to[prefix + item.key()] = item.value().detach();
}

void load_tensor(const at::Tensor& target, const std::string& key, const networks::NamedTensors& from,
                 std::string_view name) {
  const at::NoGradGuard no_grad;
  const auto found = from.find(key);
  if (found == from.end()) throw core::corrupt_error(fmt::format("{} has no tensor '{}'", name, key));
  if (found->second.sizes() != target.sizes() || found->second.scalar_type() != target.scalar_type())
    throw core::corrupt_error(fmt::format("{}: tensor '{}' does not fit the network", name, key));
  target.copy_(found->second);
}

void load_module(torch::nn::Module& module, const std::string& prefix, const networks::NamedTensors& from,
                 std::string_view name) {
  std::size_t used = 0;
  const auto take = [&](const std::string& key, const at::Tensor& target) {
    load_tensor(target, prefix + key, from, name);
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
