// pack.json, the seal of a pack: refused, or written as it came.
#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "datasets/pack/pack_file.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::pack_fuzzer {

RESOLUTE_FUZZER(pack, .rounds = 20'000, .mutate = mutate_json)(std::string_view bytes) {
  const std::string text(bytes);
  return understood([&] {
    MemoryFolder files("pack/pack.json", text);
    const datasets::ReadPackFile read = datasets::read_pack_file(files, "pack");
    require(read.sha256 == core::sha256_hex(text), "a pack has another hash than its seal");
    require(datasets::pack_text(read.pack) == core::canonical_json(core::parse_json(text, "pack.json")) + "\n",
            "a seal is written otherwise than it was read");
  });
}

}  // namespace resolute::tests::pack_fuzzer
