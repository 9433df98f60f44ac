// pack.json, the seal of a pack: refused, or written as it came.
#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "datasets/pack/pack_file.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"

RESOLUTE_FUZZER(pack)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  const std::string text(reinterpret_cast<const char*>(data), size);
  return tests::understood([&] {
    tests::MemoryFolder files("pack/pack.json", text);
    const datasets::ReadPackFile read = datasets::read_pack_file(files, "pack");
    tests::require(read.sha256 == core::sha256_hex(text), "a pack has another hash than its seal");
    tests::require(datasets::pack_text(read.pack) == core::canonical_json(core::parse_json(text, "pack.json")) + "\n",
                   "a seal is written otherwise than it was read");
  });
}
