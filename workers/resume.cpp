#include "workers/resume.h"

#include <cstring>

#include "core/error.h"
#include "core/sha256.h"

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
  std::optional<Checkpoint> checkpoint;
  if (folder != nullptr) checkpoint = folder->load_latest();
  if (communicator == nullptr) return checkpoint;

  at::Tensor bytes;
  if (checkpoint) bytes = tensor_of(encode_checkpoint(*checkpoint, owner));
  at::Tensor size = at::full({1}, bytes.defined() ? bytes.numel() : 0, at::kLong);
  communicator->broadcast(size);
  if (size.item<std::int64_t>() == 0) return std::nullopt;
  if (!bytes.defined()) bytes = at::empty({size.item<std::int64_t>()}, at::kByte);
  communicator->broadcast(bytes);
  if (checkpoint) return checkpoint;
  const std::span received(static_cast<const std::byte*>(bytes.const_data_ptr()), bytes.nbytes());
  return decode_checkpoint(received, owner, "checkpoint from process rank 0");
}

void expect_agreement(const std::string& agreed, Communicator* communicator) {
  if (communicator == nullptr) return;
  const core::Sha256Digest digest = core::sha256(core::as_byte_span(agreed));
  const at::Tensor own = tensor_of(digest);
  at::Tensor all = at::empty({own.numel() * communicator->process_ranks()}, at::kByte);
  communicator->all_gather(all, own);
  for (int rank = 0; rank < communicator->process_ranks(); ++rank)
    if (!at::equal(all.narrow(0, rank * own.numel(), own.numel()), own))
      throw core::RuntimeError(core::ErrorKind::kEnvironment,
                               fmt::format("process ranks {} and {} disagree", communicator->process_rank(), rank),
                               fmt::format("here: {}", agreed), "place a job on nodes of one numeric class");
}

}  // namespace resolute::workers
