#include "cli/data/split_options.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/numbers.h"
#include "datasets/split/split_sides.h"

namespace resolute::cli {

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

core::Json describe_split(const datasets::Split& split, const std::filesystem::path& file) {
  std::set<std::int64_t> tested;
  for (const auto& item : split.query) tested.insert(item.identity);
  const bool chosen = split.options.train_identities > 0;
  return {{"file", file.string()},
          {"seed", split.options.seed},
          {"sha256", datasets::split_sha256(split)},
          {"train_identities", split.train_identities},
          {"train", split.train.size()},
          {"query_identities", tested.size()},
          {"query", split.query.size()},
          {"gallery", split.gallery.size()},
          {"left_out", split.left_out},
          {"shown_queries", split.shown_queries},
          {"left_out_are",
           fmt::format("{}{}",
                       datasets::any_camera(split.options) ? "seen once"
                                                           : "seen on one side alone, in low or in high resolution",
                       chosen ? ", or beyond train_identities" : "")}};
}

std::string split_text(const core::Json& split) {
  const int left_out = split.at("left_out").get<int>();
  const core::Json& shown = split.at("shown_queries");
  return fmt::format(
      "{} identities train with {} images, {} are asked for with {} queries among {} gallery images, {} left out{}{}; "
      "split {}",
      split.at("train_identities").get<int>(), split.at("train").get<std::size_t>(),
      split.at("query_identities").get<std::size_t>(), split.at("query").get<std::size_t>(),
      split.at("gallery").get<std::size_t>(), left_out,
      left_out == 0 ? "" : fmt::format(" ({})", split.at("left_out_are").get<std::string>()),
      shown.empty() ? ""
                    : fmt::format(", and {} quer{} whose bytes the gallery has, '{}' first", shown.size(),
                                  shown.size() == 1 ? "y" : "ies", shown.front().get<std::string>()),
      split.at("sha256").get<std::string>());
}

void require_absent_or_same(core::FileSystem& files, const std::filesystem::path& folder, const datasets::Split& split,
                            int draws, const std::string& suggestion) {
  const std::filesystem::path file = folder / datasets::split_file_name(split);
  const auto stored = core::read_text_if_exists(files, file, datasets::kLargestSplitFile);
  if (stored && *stored != datasets::split_file_text(split, draws))
    throw core::input_error(fmt::format("'{}' is there and holds something else", file.string()),
                            "a split manifest may be published already", suggestion);
}

void require_replay(const datasets::PackReader& pack, const datasets::SplitFile& published, std::string_view file) {
  if (const std::string difference = datasets::replay_difference(pack, published); !difference.empty())
    throw core::input_error(fmt::format("split '{}' does not come out of pack '{}'", file, pack.options().name),
                            difference);
}

}  // namespace resolute::cli
