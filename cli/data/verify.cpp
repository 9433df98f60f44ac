// `resolute data verify`

#include <iostream>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/files/file_system.h"
#include "core/process/processors.h"
#include "datasets/pack/pack.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDataVerifyHelp{
    "resolute data verify PACK_DIR [--threads T]",
    "Reads every byte of a pack once: row checksums, the SHA-256 of each shard and of the manifest.\n"
    "Names the shard, row and data set that is damaged; exit code 2 then.",
    "  resolute data verify store/packs/market1501-0123456789abcdef\n"};

}  // namespace

int data_verify(const Arguments& arguments) {
  boost::program_options::options_description visible;
  int threads = core::usable_processors();
  visible.add_options()("threads", boost::program_options::value(&threads)->default_value(threads, "all"),
                        "threads; each reads other shards");
  auto values = parse_options(arguments, kDataVerifyHelp, visible, {"PACK_DIR"});
  if (!values) return 0;
  in_range("threads", threads, 1, kMostThreads);
  std::filesystem::path folder = (*values)["PACK_DIR"].as<std::string>();
  datasets::verify_pack(core::real_file_system(), folder, threads);
  auto pack = datasets::PackReader::open(folder);
  std::cout << folder.string() << ": intact, " << pack.size() << " images, pack " << pack.pack_sha256() << "\n";
  return 0;
}

}  // namespace resolute::cli
