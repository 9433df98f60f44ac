#include "cli/data/split_options.h"

#include <charconv>

#include "core/error.h"

namespace resolute::cli {

namespace options = boost::program_options;

SeedRange parse_seeds(const options::variables_map& values, const datasets::SplitSettings& split) {
  constexpr std::uint64_t kMostSeeds = 10000;
  if (values.count("seeds") == 0) return {split.seed, split.seed};
  if (values.count("seed") > 0) throw core::input_error("options --seed and --seeds exclude each other");
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
