#include "workers/training/resume.h"

#include <cstring>

#include "core/error.h"
#include "core/hash/sha256.h"

namespace resolute::workers {
namespace {

at::Tensor tensor_of(std::span<const std::byte> bytes) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace

bool broadcast_flag(bool flag, Communicator* communicator) {
  if (communicator == nullptr) return flag;
  at::Tensor value = at::full({1}, flag ? 1 : 0, at::kLong);
  communicator->broadcast(value);
  return value.item<std::int64_t>() != 0;
}

std::optional<Checkpoint> load_on_all_ranks(CheckpointFolder* folder, const CheckpointOwner& owner,
                                            Communicator* communicator) {
  std::optional<StoredCheckpoint> stored;
  if (folder != nullptr) stored = folder->load_latest();
  if (communicator != nullptr) {
    // The file's own bytes travel, and their checksum with them.
    at::Tensor size = at::full({1}, stored ? stored->file.numel() : 0, at::kLong);
    communicator->broadcast(size);
    const auto bytes = size.item<std::int64_t>();
    if (bytes == 0) return std::nullopt;
    at::Tensor file = stored ? stored->file : at::empty({bytes}, at::kByte);
    communicator->broadcast(file);
    if (!stored) return decode_checkpoint(file, owner, "checkpoint from process rank 0");
  }
  if (!stored) return std::nullopt;
  return std::move(stored->checkpoint);
}

void expect_agreement(const std::string& agreed, Communicator* communicator) {
  if (communicator == nullptr) return;
  const core::Sha256Digest digest = core::sha256(core::as_byte_span(agreed));
  const at::Tensor sent = tensor_of(digest);
  at::Tensor all = at::empty({sent.numel() * communicator->process_ranks()}, at::kByte);
  communicator->all_gather(all, sent);
  for (int rank = 0; rank < communicator->process_ranks(); ++rank)
    if (!at::equal(all.narrow(0, rank * sent.numel(), sent.numel()), sent))
      throw core::RuntimeError(core::ErrorKind::kEnvironment,
                               fmt::format("process ranks {} and {} disagree", communicator->process_rank(), rank),
                               fmt::format("here: {}", agreed), "place a job on nodes of one numeric class");
}

}  // namespace resolute::workers
