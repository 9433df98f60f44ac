#include "cli/split_options.h"

#include <charconv>

#include "core/error.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

core::RuntimeError out_of_range(std::string_view option, std::int64_t value, std::string_view why,
                                std::string_view suggestion) {
  return core::input_error(fmt::format("option --{} has the value {}", option, value), why, suggestion);
}

}  // namespace

void add_split_options(options::options_description& visible, datasets::SplitOptions& split) {
  auto add = visible.add_options();
  add("partition", options::value(&split.partition)->default_value(split.partition),
      "random-halves; official: the source's own training and test; published: its test set number SEED");
  add("lr-camera", options::value(&split.lr_camera)->default_value(split.lr_camera),
      "camera of the split whose images become low-resolution; 0: images of any camera do (MLR-VRU)");
  add("lr-side", options::value(&split.lr_side)->default_value(split.lr_side),
      "camera: --lr-camera's images; drawn: one camera's, by seed; pair: of cameras 1 and 2, of 3 and 4, ... one each, "
      "by seed (CUHK03); identity: one camera's of each identity, by seed");
  add("train-pool", options::value(&split.train_pool)->default_value(split.train_pool),
      "mlr: training images of that side exist in low resolution only; hr-both-views; hr-view-only");
  add("train-identities", options::value(&split.train_identities)->default_value(split.train_identities),
      "so many identities of the split train, drawn by seed; 0: all that may");
  add("test-identities", options::value(&split.test_identities)->default_value(split.test_identities),
      "of random-halves: so many are tested and the others train; 0: half");
}

void check_split_options(const datasets::SplitOptions& split) {
  if (split.train_identities < 0 || split.train_identities == 1)
    throw out_of_range("train-identities", split.train_identities, "a training needs at least 2 identities",
                       "give 2 or more, or 0 for all of them");
  if (split.test_identities < 0)
    throw out_of_range("test-identities", split.test_identities, "it is a number of identities",
                       "give 1 or more, or 0 for half of them");
  if (split.lr_camera < 0)
    throw out_of_range("lr-camera", split.lr_camera, "cameras count from 1",
                       "give one of them, or 0 for images of any camera");
  datasets::validate(split);
}

SeedRange parse_seeds(const options::variables_map& values) {
  constexpr std::uint64_t kMostSeeds = 10000;
  if (values.count("seeds") == 0) {
    const std::uint64_t seed = parse_seed(values, "seed");
    return {seed, seed};
  }
  if (!values["seed"].defaulted()) throw core::input_error("options --seed and --seeds exclude each other");
  const std::string text = required_value(values, "seeds");
  const auto* const end = text.data() + text.size();
  SeedRange range;
  const auto first = std::from_chars(text.data(), end, range.first);
  const bool dash = first.ec == std::errc() && first.ptr != end && *first.ptr == '-';
  const auto last = dash ? std::from_chars(first.ptr + 1, end, range.last) : first;
  if (!dash || last.ec != std::errc() || last.ptr != end || range.last < range.first ||
      range.last - range.first >= kMostSeeds)
    throw core::input_error("option --seeds has the value '" + text + "'",
                            fmt::format("two integers are needed, the smaller first, at most {} apart", kMostSeeds - 1),
                            "give e.g. --seeds 0-9");
  return range;
}

void require_replay(const datasets::PackReader& pack, const datasets::SplitFile& published, std::string_view file) {
  if (const std::string difference = datasets::replay_difference(pack, published); !difference.empty())
    throw core::input_error(fmt::format("split '{}' does not come out of pack '{}'", file, pack.options().name),
                            difference);
}

}  // namespace resolute::cli
