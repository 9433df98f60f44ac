#include "networks/weights/published_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/split.h"

namespace resolute::networks {
namespace {

// How a ResNet's names are written. "{}" is the number of the level, or of the layer in its block; the first ones'
// follow the names.
struct Spelling {
  std::string_view word, stem, stem_norm, level;
  int first_level;
  std::string_view convolution, norm;
  int first_layer;
  std::string_view shortcut, shortcut_norm, remark;
};

constexpr std::string_view kNoRelu =
    "networks numbered so may have no ReLU behind the first batch norm; this trunk has one";
constexpr std::string_view kCaffe =
    "detectron2's own R-50 takes BGR images and has the stride in a block's conv1; this trunk takes RGB and has it in "
    "conv2";

constexpr std::array kSpellings{
    Spelling{"torchvision", "conv1", "bn1", "layer{}", 1, "conv{}", "bn{}", 1, "downsample.0", "downsample.1", ""},
    Spelling{"layer0", "layer0.conv1", "layer0.bn1", "layer{}", 1, "conv{}", "bn{}", 1, "downsample.0", "downsample.1",
             ""},
    // A Sequential of conv1, bn1, relu, maxpool and the levels, and one without relu.
    Spelling{"numbered", "0", "1", "{}", 4, "conv{}", "bn{}", 1, "downsample.0", "downsample.1", ""},
    Spelling{"numbered-without-relu", "0", "1", "{}", 3, "conv{}", "bn{}", 1, "downsample.0", "downsample.1", kNoRelu},
    Spelling{"hugging-face", "embedder.embedder.convolution", "embedder.embedder.normalization",
             "encoder.stages.{}.layers", 0, "layer.{}.convolution", "layer.{}.normalization", 0, "shortcut.convolution",
             "shortcut.normalization", ""},
    Spelling{"detectron2", "stem.conv1", "stem.conv1.norm", "res{}", 2, "conv{}", "conv{}.norm", 1, "shortcut",
             "shortcut.norm", kCaffe},
    Spelling{"detectron2-without-stem", "conv1", "conv1.norm", "res{}", 2, "conv{}", "conv{}.norm", 1, "shortcut",
             "shortcut.norm", kCaffe}};

struct Network {
  std::string_view part, words;  // of a name, a dot before it; what such a network is
};

constexpr std::array kNetworks{Network{".se.conv.", "an ECA-ResNet"},
                               Network{".se.", "an SE-ResNet"},
                               Network{".se_module.", "an SE-ResNet"},
                               Network{".bn1.IN.", "a ResNet with IBN-a"},
                               Network{".IN.", "a ResNet with IBN-b"},
                               Network{".NL_", "a ResNet with non-local blocks"},
                               Network{".cbam.", "a ResNet with CBAM"},
                               Network{".aa.", "a ResNet with anti-aliasing"},
                               Network{".convs.", "a Res2Net"},
                               Network{".conv2.fc1.", "a ResNeSt"},
                               Network{".conv1.0.", "a ResNet-D"},
                               Network{".downsample.2.", "a ResNet-D"},
                               Network{"._se_reduce.", "an EfficientNet with squeeze-and-excitation"}};

int number_in(std::string_view digits) {
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string numbered(std::string_view name, int number) { return fmt::format(fmt::runtime(name), number); }

std::string level_in(const Spelling& spelling, int level) {
  return numbered(spelling.level, level - 1 + spelling.first_level);
}

// \param name torchvision's: conv1.weight, layer1.0.bn2.bias, layer1.0.downsample.0.weight; IBN-Net's:
// layer1.0.bn1.IN.weight
std::string spelled(const Spelling& spelling, const std::string& name) {
  constexpr std::string_view kLevel = "layer", kConvolution = "conv";
  const std::vector<std::string_view> parts = core::split(name, '.');
  const std::string_view leaf = parts.back();
  if (parts.size() == 2) return fmt::format("{}.{}", parts[0] == "conv1" ? spelling.stem : spelling.stem_norm, leaf);
  const std::string level = level_in(spelling, number_in(parts[0].substr(kLevel.size())));
  std::string layer;
  if (parts[2] == "downsample") {
    layer = parts[3] == "0" ? spelling.shortcut : spelling.shortcut_norm;
  } else {
    const bool convolution = parts[2].starts_with(kConvolution);
    const int number = number_in(parts[2].substr(parts[2].size() - 1));
    layer = numbered(convolution ? spelling.convolution : spelling.norm, number - 1 + spelling.first_layer);
    if (parts.size() > 4) layer += fmt::format(".{}", parts[3]);
  }
  return fmt::format("{}.{}.{}.{}", level, parts[1], layer, leaf);
}

bool is_resnet(const NamedTensors& trunk) { return trunk.contains("layer1.0.conv1.weight"); }

std::string name_in(std::size_t spelling, const NamedTensors& trunk, const std::string& name) {
  return is_resnet(trunk) ? spelled(kSpellings.at(spelling), name) : name;
}

bool is_usual(std::string prefix) {
  constexpr std::string_view kParallel = "module.";
  if (prefix.ends_with(kParallel)) prefix.resize(prefix.size() - kParallel.size());
  constexpr std::array<std::string_view, 6> kWrappers = {"",     "model.", "state_dict.", "model_state_dict.",
                                                         "net.", "trunk."};
  return std::find(kWrappers.begin(), kWrappers.end(), prefix) != kWrappers.end();
}

using Home = std::pair<std::size_t, std::string>;  // index of the spelling, prefix

struct Count {
  std::size_t found = 0, in_blocks = 0;
};

// How many of the trunk's tensors stand in each home.
std::map<Home, Count> count_homes(const FileTensors& tensors, const NamedTensors& trunk) {
  struct Meaning {
    std::size_t spelling;
    bool in_a_block;
  };
  std::map<std::string, std::vector<Meaning>, std::less<>> meanings;
  for (std::size_t spelling = 0; spelling < (is_resnet(trunk) ? kSpellings.size() : 1); ++spelling)
    for (const auto& [name, tensor] : trunk)
      meanings[name_in(spelling, trunk, name)].push_back({spelling, std::count(name.begin(), name.end(), '.') > 1});
  std::map<Home, Count> counts;
  constexpr std::size_t kLongest = 1000;  // every dot of a name is looked behind
  for (const auto& [name, tensor] : tensors)
    for (std::size_t start = name.size() > kLongest ? std::string::npos : 0; start != std::string::npos;) {
      if (const auto found = meanings.find(std::string_view(name).substr(start)); found != meanings.end())
        for (const Meaning& meaning : found->second) {
          Count& count = counts[{meaning.spelling, name.substr(0, start)}];
          ++count.found;
          count.in_blocks += meaning.in_a_block ? 1 : 0;
        }
      const std::size_t dot = name.find('.', start);
      start = dot == std::string::npos ? dot : dot + 1;
    }
  return counts;
}

Home find_home(const FileTensors& tensors, const NamedTensors& trunk, const std::optional<std::string>& prefix) {
  std::map<Home, Count> counts = count_homes(tensors, trunk);
  // A block has a conv1 and a bn1 too.
  std::erase_if(counts,
                [&](const auto& one) { return one.second.in_blocks == 0 || (prefix && one.first.second != *prefix); });
  std::size_t most = 0;
  for (const auto& [home, count] : counts) most = std::max(most, count.found);
  std::vector<Home> best, usual;
  for (const auto& [home, count] : counts)
    if (count.found == most) best.push_back(home);
  if (best.empty()) return {0, prefix.value_or("")};
  // Short of the whole trunk the file is refused anyway: any of them shows what is missing.
  if (best.size() == 1 || most < trunk.size()) return best.front();
  std::copy_if(best.begin(), best.end(), std::back_inserter(usual),
               [](const Home& home) { return is_usual(home.second); });
  if (usual.size() == 1) return usual.front();
  std::vector<std::string> prefixes;
  for (const Home& home : best) prefixes.push_back(home.second);
  throw core::input_error(fmt::format("the file holds {} sets of these weights", best.size()),
                          fmt::format("under the prefixes '{}'", fmt::join(prefixes, "', '")),
                          "choose one with --prefix");
}

// Without effect on what a network computes: batch counters, and what a profiler leaves.
bool is_counter(std::string_view name) {
  constexpr std::array<std::string_view, 3> kCounters = {"num_batches_tracked", "total_ops", "total_params"};
  return std::find(kCounters.begin(), kCounters.end(), name.substr(name.rfind('.') + 1)) != kCounters.end();
}

// The first block that each of the trunk's levels lacks, and the first level that the trunk lacks.
std::vector<std::string> blocks_beyond(std::size_t spelling, const NamedTensors& trunk) {
  std::vector<std::string> beyond;
  for (int level = 1, blocks = 1; blocks > 0 && is_resnet(trunk); ++level) {
    for (blocks = 0; trunk.contains(fmt::format("layer{}.{}.conv1.weight", level, blocks));) ++blocks;
    beyond.push_back(fmt::format("{}.{}.", level_in(kSpellings.at(spelling), level), blocks));
  }
  return beyond;
}

void find_foreign(const FileTensors& tensors, const NamedTensors& trunk, std::size_t spelling, TrunkNames& names) {
  std::set<std::string> ours, roots{"NL_"};  // AGW's non-local blocks lie beside the levels that they work in
  for (const auto& [name, whole] : names.in_file) {
    ours.insert(whole);
    roots.insert(whole.substr(names.prefix.size(), whole.find('.', names.prefix.size()) + 1 - names.prefix.size()));
  }
  const std::vector<std::string> beyond = blocks_beyond(spelling, trunk);
  roots.insert(beyond.begin(), beyond.end());
  for (auto at = tensors.lower_bound(names.prefix); at != tensors.end() && at->first.starts_with(names.prefix); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(names.prefix.size());
    if (!ours.contains(at->first) && !is_counter(rest) &&
        std::any_of(roots.begin(), roots.end(), [&](const std::string& root) { return rest.starts_with(root); }))
      names.foreign.push_back(at->first);
  }
  std::vector<std::pair<std::string, std::string_view>> networks;
  const auto has = [&](std::string_view part) {  // what the trunk has itself tells nothing
    return std::any_of(trunk.begin(), trunk.end(),
                       [&](const auto& one) { return one.first.find(part) != std::string::npos; });
  };
  for (const Network& known : kNetworks)
    if (!has(known.part)) networks.emplace_back(known.part, known.words);
  for (const std::string& block : beyond) networks.emplace_back("." + block, "a deeper ResNet");
  if (has(".bn1.IN.")) networks.emplace_back(".0.bn1.weight", "a ResNet without IBN-a");
  for (const auto& [part, words] : networks) {
    const auto telling =
        std::find_if(names.foreign.begin(), names.foreign.end(), [&part = part, &names](const auto& one) {
          return ("." + one.substr(names.prefix.size())).find(part) != std::string::npos;
        });
    if (telling == names.foreign.end()) continue;
    names.network = words;
    std::rotate(names.foreign.begin(), telling, telling + 1);
    return;
  }
}

}  // namespace

TrunkNames find_trunk(const FileTensors& tensors, const NamedTensors& trunk, const std::optional<std::string>& prefix) {
  const auto [spelling, before] = find_home(tensors, trunk, prefix);
  TrunkNames names;
  names.prefix = before;
  names.spelling = is_resnet(trunk) ? kSpellings.at(spelling).word : "efficientnet-lite-pytorch";
  names.remark = kSpellings.at(spelling).remark;
  for (const auto& [name, tensor] : trunk) names.in_file[name] = before + name_in(spelling, trunk, name);
  find_foreign(tensors, trunk, spelling, names);
  return names;
}

}  // namespace resolute::networks
