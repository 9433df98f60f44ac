#include "datasets/split/joined.h"

#include <map>
#include <string_view>

#include "core/error.h"

namespace resolute::datasets {
namespace {

template <class Item>
void move_behind(const PackReader::Part& part, std::vector<Item>& items) {
  for (Item& item : items) {
    item.row += part.first_row;
    item.path = fmt::format("{}/{}", part.name, item.path);
    if (item.identity != 0) item.identity += part.identities;
    item.camera += part.cameras;
  }
}

//! \param splits one a part
void require_other_people(const PackReader& joined, std::span<const Split> splits) {
  const std::vector<PackReader::Part>& parts = joined.parts();
  std::map<std::string_view, const PackReader::Part*> trains;  // by the hash of the raw file
  for (std::size_t i = 0; i < splits.size(); ++i) {
    if (parts[i].stand_in) continue;
    for (const TrainItem& item : splits[i].train) {
      const PackRow& row = joined.row(parts[i].first_row + item.row);
      if (const auto& first = trains.try_emplace(row.source_sha256, &parts[i]).first->second; first != &parts[i])
        throw core::input_error(fmt::format("data sets '{}' and '{}' cannot be joined", first->name, parts[i].name),
                                fmt::format("'{}' of the second has the bytes of a training image of the first, whose "
                                            "people would train as two persons each",
                                            item.path),
                                "join sets of other people");
    }
  }
}

}  // namespace

Split joined_split(const PackReader& joined, std::span<const Split> splits) {
  const std::vector<PackReader::Part>& parts = joined.parts();
  RESOLUTE_EXPECT(!splits.empty() && splits.size() == parts.size(), "each part has a split");
  require_other_people(joined, splits);
  Split all = splits.front();
  move_behind(parts.front(), all.train);
  move_behind(parts.front(), all.query);
  move_behind(parts.front(), all.gallery);
  for (std::size_t i = 1; i < splits.size(); ++i) {
    if (splits[i].options.train_pool != all.options.train_pool)
      throw core::input_error(fmt::format("'{}' and '{}' cannot train together", parts.front().name, parts[i].name),
                              fmt::format("train_pool is {} and {}", settings::word(all.options.train_pool),
                                          settings::word(splits[i].options.train_pool)),
                              "give both the same split.train_pool");
    std::vector<TrainItem> items = splits[i].train;
    move_behind(parts[i], items);
    for (TrainItem& item : items) item.label += all.train_identities;
    all.train.insert(all.train.end(), items.begin(), items.end());
    all.train_identities += splits[i].train_identities;
    all.left_out += splits[i].left_out;
  }
  return all;
}

}  // namespace resolute::datasets
