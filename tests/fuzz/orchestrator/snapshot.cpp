// A snapshot as it stands, and with its checksums put right: refused, or a valid state that is written as it came.
#include "orchestrator/journal/snapshot.h"

#include "tests/fuzz/targets.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/support/equal.h"

namespace resolute::tests::snapshot_fuzzer {
namespace {

std::vector<std::string> snapshot_examples() {
  using orchestrator::encode_snapshot;
  return {std::string(core::as_text(encode_snapshot({1, 99}, state_after(past_of_snapshot_version_5())))),
          std::string(core::as_text(encode_snapshot({1, 64}, {})))};
}

constexpr std::size_t kHeaderSize = 48;

core::Bytes with_right_checksums(core::Bytes bytes) {
  if (bytes.size() < kHeaderSize) return bytes;
  const std::uint64_t size = bytes.size() - kHeaderSize;
  std::memcpy(bytes.data() + 32, &size, sizeof size);
  repair(bytes, 40, std::span(bytes).subspan(kHeaderSize));
  repair(bytes, 44, std::span(bytes).first(44));
  return bytes;
}

bool read_all(const core::Bytes& bytes) {
  return understood([&] {
    const orchestrator::Snapshot snapshot = orchestrator::parse_snapshot(bytes, "snapshot");
    orchestrator::check_invariants(snapshot.state);
    const core::Bytes again = orchestrator::encode_snapshot(snapshot.position, snapshot.state);
    require(orchestrator::parse_snapshot(again, "snapshot") == snapshot,
            "a state is written otherwise than it was read");
  });
}

}  // namespace

RESOLUTE_FUZZER(snapshot, .rounds = 40'000, .examples = snapshot_examples)(std::string_view input) {
  const core::Bytes bytes = bytes_of(input);
  read_all(with_right_checksums(bytes));
  return read_all(bytes);
}

}  // namespace resolute::tests::snapshot_fuzzer
