// `resolute data verify`

#include <iostream>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/file_system.h"
#include "datasets/pack/pack.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kHelp{
    "resolute data verify PACK_DIR",
    "Reads every byte of a pack: row checksums, the SHA-256 of each shard and of the manifest.\n"
    "Names the shard, row and data set that is damaged; exit code 2 then.",
    "  resolute data verify store/packs/market1501-0123456789abcdef\n"};

}  // namespace

int data_verify(const Arguments& arguments) {
  boost::program_options::options_description visible;
  visible.add_options()("help,h", "this text");
  auto values = parse_options(arguments, kHelp, visible, {"PACK_DIR"});
  if (!values) return 0;
  std::filesystem::path folder = (*values)["PACK_DIR"].as<std::string>();
  datasets::verify_pack(core::real_file_system(), folder);
  auto pack = datasets::PackReader::open(folder);
  std::cout << folder.string() << ": intact, " << pack.size() << " images, pack " << pack.pack_sha256() << "\n";
  return 0;
}

}  // namespace resolute::cli
