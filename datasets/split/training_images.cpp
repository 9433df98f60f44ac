#include "datasets/split/training_images.h"

#include <algorithm>
#include <set>

#include "datasets/sources/source.h"

namespace resolute::datasets {
namespace {

// The rows that packing would make. Native sizes are not known: of images that came low they decide at which rate these
// stand in a split, but not which of them train.
std::vector<PackRow> unpacked(std::vector<Sample> samples) {
  std::vector<PackRow> rows;
  rows.reserve(samples.size());
  for (Sample& sample : samples) rows.push_back({std::move(sample), 1, 1, {}});
  return rows;
}

}  // namespace

const TrainingImages::Rows& TrainingImages::rows_of(const PackSettings& pack, const fs::path& pack_folder,
                                                    const fs::path& root) {
  if (const auto known = rows_.find(pack_folder); known != rows_.end()) return known->second;
  Rows rows;
  if (files_.exists(pack_folder / "pack.json"))
    rows = read_sealed_rows(files_, pack_folder);
  else if (!root.empty() && files_.exists(root))
    rows = unpacked(list_samples(files_, pack.source, root, pack.single_images, /*follow_links=*/true));
  else if (pack.synthetic)
    rows = unpacked(list_drawn(files_, pack));
  return rows_.emplace(pack_folder, std::move(rows)).first->second;
}

std::optional<SplitCount> TrainingImages::count_split(const PackSettings& pack, const fs::path& pack_folder,
                                                      const fs::path& root, const SplitSettings& split) {
  const std::pair key(pack_folder, settings::canonical(split).text());
  if (const auto known = counts_.find(key); known != counts_.end()) return known->second;
  const Rows& rows = rows_of(pack, pack_folder, root);
  if (!rows) return std::nullopt;
  const Split made = make_split(*rows, pack.name, "", split, {pack.rates, pack.height, pack.width});
  SplitCount count{
      {made.train.size(), made.train_identities}, 0, made.query.size(), made.gallery.size(), 0, rows->size()};
  count.low = static_cast<std::size_t>(std::ranges::count(made.train, false, &TrainItem::has_hr));
  std::set<std::int64_t> tested;
  for (const QueryItem& query : made.query) tested.insert(query.identity);
  count.tested = static_cast<int>(tested.size());
  return counts_.emplace(key, count).first->second;
}

}  // namespace resolute::datasets
