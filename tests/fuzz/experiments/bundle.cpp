// A bundle of jobs as it stands, and with the checksums of header and contents put right: refused, or files that have
// names below their job's folder and bytes that fit their checksums.
#include "experiments/store/bundle.h"

#include "core/hash/sha256.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::bundle_fuzzer {
namespace {

constexpr std::size_t kHeader = 40;

core::Bytes with_right_checksums(core::Bytes bytes) {
  if (bytes.size() < kHeader) return bytes;
  std::uint64_t offset = 0;
  std::memcpy(&offset, bytes.data() + 16, sizeof offset);
  if (offset > bytes.size()) return bytes;
  const std::uint64_t size = bytes.size() - offset;
  std::memcpy(bytes.data() + 24, &size, sizeof size);
  repair(bytes, 12, std::span(bytes).subspan(offset));
  repair(bytes, 36, std::span(bytes).first(36));
  return bytes;
}

bool read_all(std::string_view bytes) {
  return understood([&] {
    MemoryFolder files("bundles/toy-000001", bytes);
    const experiments::Bundle bundle(files, "bundles/toy-000001");
    for (const experiments::BundleEntry& entry : bundle.entries())
      for (const auto& file : entry.files) {
        const std::filesystem::path path = (std::filesystem::path("/job") / file.name).lexically_normal();
        require(path.string() == "/job/" + file.name, "a bundled file leads out of its job's folder");
        understood([&] { require(bundle.read(file).size() == file.size, "a bundled file has another size"); });
      }
  });
}

}  // namespace

std::vector<std::string> bundle_examples() {
  const experiments::JobId one{std::string(64, 'a')}, two{std::string(64, 'b')};
  const std::string hash = core::sha256_hex("result");
  return {std::string(core::as_text(experiments::encode_bundle(
      {{one, hash, {{"attempts/001/stdout", bytes_of("one\n")}, {"spec.json", bytes_of("{}")}}},
       {two, hash, {{"attempts/002/metrics.jsonl", {}}}}})))};
}

RESOLUTE_FUZZER(bundle, .rounds = 100'000, .examples = bundle_examples)(std::string_view bytes) {
  const core::Bytes repaired = with_right_checksums(bytes_of(bytes));
  read_all(core::as_text(repaired));
  return read_all(bytes);
}

}  // namespace resolute::tests::bundle_fuzzer
