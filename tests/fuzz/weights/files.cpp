// Weights of others. A pickle: refused, or inert values; a file of torch.save: refused, or tensors of which each is
// refused or has the shape that was listed.
#include <cstring>

#include "core/files/file_system.h"
#include "core/files/zip_archive.h"
#include "core/hash/crc32c.h"
#include "networks/weights/pickle.h"
#include "networks/weights/safetensors.h"
#include "networks/weights/torch_file.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"
#include "workers/training/checkpoint.h"

namespace resolute::tests::weights_fuzzer {
namespace {

std::string golden(const char* name) {
  return std::string(core::as_text(core::real_file_system().read(source_folder() / "tests/golden/weights" / name)));
}
std::string text_of(const core::Bytes& bytes) { return std::string(core::as_text(bytes)); }

networks::NamedTensors some_tensors() {
  return {{"a.weight", at::arange(6, at::kFloat).view({2, 3})},
          {"b", at::full({}, 7, at::kLong)},
          {"none", at::empty({0, 4})},
          {"truth", at::tensor(std::vector<std::int64_t>{1, 0, 1}).to(at::kBool)}};
}

std::vector<std::string> pickle_examples() {
  const core::Bytes file = networks::encode_torch_file(some_tensors());
  return {text_of(core::ZipReader(core::open_in_memory(file, "file"), "file", "").read(0)),
          "\x80\x02}q\x01(\x8C\x01"
          "a](K\x01K\x02"
          "eq\x02\x8C\x01"
          "bh\x02u.",
          "cposix\nsystem\n\x8C\x05"
          "false\x85R."};
}

}  // namespace

RESOLUTE_FUZZER(pickle, .rounds = 100'000, .examples = pickle_examples)(std::string_view bytes) {
  return understood([&] {
    const networks::Pickle pickle(core::as_byte_span(bytes), "file");
    require(pickle.size() <= bytes.size(), "a pickle ends outside of its bytes");
    for (const networks::PickleValue& value : pickle.values())
      require(value.text.size() <= bytes.size(), "a text is longer than the pickle");
  });
}

namespace {

// As importing does: a shape is looked at before anything is read.
void read_tensors(const networks::FileTensors& tensors) {
  for (const auto& [name, tensor] : tensors) {
    require(networks::printable(name) == name, "a name steers a terminal");
    understood(
        [&tensor = tensor] { require(tensor.read().sizes().vec() == tensor.shape, "a tensor has another shape"); });
  }
}

std::vector<std::string> torch_file_examples() {
  return {text_of(networks::encode_torch_file(some_tensors())), golden("tensors.pth"), golden("tensors_protocol_4.pth"),
          golden("tensors_legacy.pth")};
}

}  // namespace

RESOLUTE_FUZZER(torch_file, .rounds = 10'000, .examples = torch_file_examples)(std::string_view bytes) {
  const auto file = core::as_byte_span(bytes);
  return networks::is_torch_file(file) && understood([&] { read_tensors(networks::read_torch_file(file, "file")); });
}

namespace {

std::vector<std::string> safetensors_examples() {
  return {text_of(networks::encode_safetensors(some_tensors(), {{"format", "pt"}})),
          text_of(networks::encode_safetensors({}, {}))};
}

}  // namespace

// Refused, or tensors that are written as they came, for what we write ourselves, and in any case read again.
RESOLUTE_FUZZER(safetensors, .rounds = 20'000, .examples = safetensors_examples)(std::string_view bytes) {
  return understood([&] {
    const networks::SafetensorsContent content = networks::decode_safetensors(core::as_byte_span(bytes), "file");
    const core::Bytes again = networks::encode_safetensors(content.tensors, content.metadata);
    require(
        networks::encode_safetensors(networks::decode_safetensors(again, "again").tensors, content.metadata) == again,
        "tensors are written otherwise the second time");
  });
}

namespace {

const workers::CheckpointOwner kOwner{std::string(64, 'a'), "x86-64-v4"};

std::vector<std::string> checkpoint_examples() {
  return {text_of(encode_checkpoint({40, 0.25, some_tensors()}, kOwner))};
}

// The checksum's eight digits stand at a fixed place (docs/inside/formats/checkpoint.md).
core::Bytes with_right_checksum(core::Bytes bytes) {
  constexpr std::size_t kAt = 35;
  if (bytes.size() < kAt + 8) return bytes;
  std::memset(bytes.data() + kAt, '0', 8);
  const std::string digits = fmt::format("{:08x}", core::crc32c(bytes));
  std::memcpy(bytes.data() + kAt, digits.data(), digits.size());
  return bytes;
}

bool read_checkpoint(const core::Bytes& bytes) {
  return understood([&] {
    at::Tensor file = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
    if (!bytes.empty()) std::memcpy(file.mutable_data_ptr(), bytes.data(), bytes.size());
    const workers::Checkpoint checkpoint = decode_checkpoint(file, kOwner, "checkpoint");
    for (const auto& [name, tensor] : checkpoint.tensors)
      require(static_cast<std::size_t>(tensor.nbytes()) <= bytes.size(), "a tensor is larger than its file");
  });
}

}  // namespace

// A checkpoint as it stands, and with its checksum put right; and the same as the weights of a finished training.
RESOLUTE_FUZZER(checkpoint, .rounds = 20'000, .examples = checkpoint_examples)(std::string_view bytes) {
  read_checkpoint(with_right_checksum(bytes_of(bytes)));
  understood([&] { workers::decode_weights(core::as_byte_span(bytes), "weights"); });
  return read_checkpoint(bytes_of(bytes));
}

}  // namespace resolute::tests::weights_fuzzer
