// Names of the tensors of a file, a line each: the trunk is not taken, or stands there one to one as its spelling has
// it. Then it is taken no more once its levels hold another tensor or lack one.
#include "networks/weights/published_names.h"

#include <algorithm>
#include <set>

#include "core/split.h"
#include "tests/fuzz/targets.h"
#include "tests/networks/weights/published_homes.h"

namespace resolute::tests::published_names_fuzzer {
namespace {

using namespace networks;
using namespace networks::published_homes;

constexpr std::array<int, 4> kBlocks{2, 1, 1, 1};

const std::vector<std::string>& ours() {
  static const std::vector<std::string> kNames = names_of(kTorchvision, kBlocks);
  return kNames;
}

// \return nothing where it is refused: no one place for it, a tensor is missing, or its levels hold others
std::optional<networks::TrunkNames> taken(const networks::FileTensors& tensors,
                                          const std::optional<std::string>& prefix = {}) {
  networks::NamedTensors trunk;
  for (const std::string& name : ours()) trunk[name];
  std::optional<networks::TrunkNames> names;
  understood([&] { names = networks::find_trunk(tensors, trunk, prefix); });
  if (!names || !names->foreign.empty()) return std::nullopt;
  const auto is_there = [&](const auto& one) { return tensors.contains(one.second); };
  return std::ranges::all_of(names->in_file, is_there) ? names : std::nullopt;
}

std::vector<std::string> examples() {
  std::vector<std::string> all;
  for (const Home& home : kHomes) {
    std::string text;
    for (const std::string& name : names_of(home, kBlocks)) text += name + "\n";
    all.push_back(text + "fc.weight\n" + home.prefix + home.stem_norm + ".num_batches_tracked");
  }
  return all;
}

Home home_of(const networks::TrunkNames& names) {
  Home home = *std::ranges::find(kHomes, names.spelling, &Home::spelling);
  home.prefix = names.prefix;
  return home;
}

// \param theirs in the order of ours
void require_one_to_one(const networks::TrunkNames& names, const std::vector<std::string>& theirs) {
  require(names.in_file.size() == ours().size(), "other names than the trunk's");
  require(std::set(theirs.begin(), theirs.end()).size() == ours().size(), "one tensor is taken twice");
  for (std::size_t i = 0; i < theirs.size(); ++i)
    require(names.in_file.at(ours()[i]) == theirs[i], "a tensor is taken for another one");
}

// `tensors` with this one besides is refused, whoever names the prefix.
void require_foreign(networks::FileTensors tensors, const std::string& name, const std::string& prefix) {
  tensors[name];
  require(!taken(tensors) && !taken(tensors, prefix), "a foreign tensor in a level is passed over");
}

}  // namespace

RESOLUTE_FUZZER(published_names, .rounds = 2'000, .examples = examples, .mutate = mutate_lines)
(std::string_view bytes) {
  const std::vector<std::string_view> lines = core::split(bytes, '\n');
  const networks::FileTensors tensors = file_of({lines.begin(), lines.end()});
  const std::optional<networks::TrunkNames> names = taken(tensors);
  if (!names) return false;
  const Home home = home_of(*names);
  const std::vector<std::string> theirs = names_of(home, kBlocks);
  require_one_to_one(*names, theirs);
  require(taken(tensors, names->prefix).has_value(), "the prefix that was found is none");
  core::RandomStream random("published names", {core::crc32c(bytes_of(bytes))});
  const std::string& one = theirs[random.below(theirs.size())];
  const std::string level = home.prefix + home.levels.at(random.below(home.levels.size()));
  for (const std::string& foreign : {level + ".gate", level + ".0.gate.weight", level + ".9." + home.convolutions[0],
                                     one.substr(0, one.rfind('.')) + ".gate"})
    require_foreign(tensors, foreign, home.prefix);
  networks::FileTensors less = tensors;
  less.erase(one);
  const std::optional<networks::TrunkNames> elsewhere = taken(less);
  require(!elsewhere || elsewhere->prefix != names->prefix || elsewhere->spelling != names->spelling,
          "a tensor is missing and nobody says so");
  return true;
}

}  // namespace resolute::tests::published_names_fuzzer
