#include "cli/data/split_options.h"

#include <algorithm>

#include "core/error.h"
#include "core/numbers.h"

namespace resolute::cli {

namespace options = boost::program_options;

SeedRange parse_seeds(const options::variables_map& values, const datasets::SplitSettings& split) {
  constexpr std::uint64_t kMostSeeds = 10000;
  if (values.count("seeds") == 0) return {split.seed, split.seed};
  if (values.count("seed") > 0) throw core::input_error("options --seed and --seeds exclude each other");
  const std::string text = required_value(values, "seeds");
  const std::size_t dash = std::min(text.find('-'), text.size());
  const auto first = core::number_of<std::uint64_t>(text.substr(0, dash));
  const auto last = core::number_of<std::uint64_t>(text.substr(std::min(dash + 1, text.size())));
  if (!first || !last || *last < *first || *last - *first >= kMostSeeds)
    throw core::input_error("option --seeds has the value '" + text + "'",
                            fmt::format("two integers are needed, the smaller first, at most {} apart", kMostSeeds - 1),
                            "give e.g. --seeds 0-9");
  return {*first, *last};
}

void require_replay(const datasets::PackReader& pack, const datasets::SplitFile& published, std::string_view file) {
  if (const std::string difference = datasets::replay_difference(pack, published); !difference.empty())
    throw core::input_error(fmt::format("split '{}' does not come out of pack '{}'", file, pack.options().name),
                            difference);
}

}  // namespace resolute::cli
