#include "datasets/split/split.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "core/random/random.h"
#include "datasets/samples/name_key.h"
#include "datasets/split/split_sides.h"

namespace resolute::datasets {
namespace {

struct Sightings {
  bool low = false;       // on the LR side
  bool high = false;      // not on it
  bool answered = false;  // with an image for the gallery
  int images = 0;
};

using Identities = std::map<std::int64_t, Sightings>;

template <class Wanted>
Identities sightings(std::span<const PackRow> rows, const SplitSides& sides, Wanted wanted) {
  Identities seen;
  for (const PackRow& row : rows) {
    if (row.sample.identity == 0 || !wanted(row)) continue;
    Sightings& identity = seen[row.sample.identity];
    (sides.is_low(row.sample) ? identity.low : identity.high) = true;
    identity.answered = identity.answered || sides.answers(row.sample);
    ++identity.images;
  }
  return seen;
}

// An identity with one image can neither ask nor be found, and has no second resolution to learn from.
bool is_seen_twice(const Sightings& seen) { return seen.images >= 2; }

// The people who train and those who are tested; the caller decides about empty sets of rows.
struct Division {
  std::set<std::int64_t> train;
  std::set<std::int64_t> test;   // with a gallery image
  std::set<std::int64_t> asked;  // with a query and a gallery image
  int left_out = 0;

  // In the two partitions that name who trains, everybody does who has an image left to train with.
  void add_training(std::int64_t identity, const Sightings& seen, const SplitSettings& options) {
    if (any_camera(options) ? is_seen_twice(seen) : seen.high || options.train_pool != TrainPool::kHrViewOnly)
      train.insert(identity);
    else
      ++left_out;
  }
  void add_tested(std::int64_t identity, const Sightings& seen, const SplitSettings& options) {
    if (any_camera(options) ? !is_seen_twice(seen) : !seen.answered) {
      ++left_out;
      return;
    }
    test.insert(identity);
    if (any_camera(options) || seen.low) asked.insert(identity);
  }
};

Division random_halves(std::span<const PackRow> rows, const SplitSides& sides, std::string_view pack,
                       const SplitSettings& options) {
  Division division;
  std::vector<std::int64_t> eligible;
  for (const auto& [identity, seen] : sightings(rows, sides, [](const PackRow&) { return true; })) {
    if (any_camera(options) ? is_seen_twice(seen) : seen.low && seen.answered)
      eligible.push_back(identity);
    else
      ++division.left_out;
  }
  const auto tested = options.test_identities > 0 ? static_cast<std::size_t>(options.test_identities)
                                                  : eligible.size() - eligible.size() / 2;
  if (options.test_identities > 0 && tested + 2 > eligible.size())
    throw core::input_error(
        fmt::format("test_identities is {}", tested),
        fmt::format("{} identities of pack '{}' may train or be tested, and 2 must train", eligible.size(), pack),
        "ask for fewer");
  core::RandomStream stream("split-halves", {options.seed});
  stream.shuffle(std::span(eligible));
  const auto middle = eligible.end() - static_cast<std::ptrdiff_t>(tested);
  division.train.insert(eligible.begin(), middle);
  division.test.insert(middle, eligible.end());
  division.asked = division.test;
  return division;
}

Division official(std::span<const PackRow> rows, const SplitSides& sides, const SplitSettings& options) {
  Division division;
  auto in_training = [](const PackRow& row) { return row.sample.subset == "train"; };
  const Identities training = sightings(rows, sides, in_training);
  for (const auto& [identity, seen] : training) division.add_training(identity, seen, options);
  for (const auto& [identity, seen] : sightings(rows, sides, [&](const PackRow& row) { return !in_training(row); })) {
    if (training.contains(identity))
      throw core::input_error(fmt::format("identity {} is in the train subset and in another one", identity),
                              "an identity either trains or is tested", "use partition random-halves");
    division.add_tested(identity, seen, options);
  }
  return division;
}

// Tells of each identity if it is in the published test set that `seed` numbers.
std::map<std::int64_t, bool> published_test(std::span<const PackRow> rows, std::string_view pack, std::uint64_t seed) {
  std::uint64_t all = 0;
  for (const PackRow& row : rows) all |= row.sample.test_sets;
  const auto sets = static_cast<std::uint64_t>(std::bit_width(all));
  if (seed >= sets)
    throw core::input_error(
        fmt::format("pack '{}' has no published test set {}", pack, seed),
        sets == 0 ? "its source publishes none" : fmt::format("its source publishes {}, counted from 0", sets),
        sets == 0 ? "use another partition" : fmt::format("use seeds 0 to {}", sets - 1));
  std::map<std::int64_t, bool> tested;
  for (const PackRow& row : rows) {
    if (row.sample.identity == 0) continue;
    const bool in_set = (row.sample.test_sets >> seed & 1U) != 0;
    const auto [known, is_new] = tested.emplace(row.sample.identity, in_set);
    if (!is_new && known->second != in_set)
      throw core::input_error(fmt::format("identity {} of pack '{}' is in test set {} with some of its images",
                                          row.sample.identity, pack, seed),
                              "an identity either trains or is tested", "use another partition");
  }
  return tested;
}

// Tells of each identity if it is on somebody's list.
std::map<std::int64_t, bool> listed_test(std::span<const PackRow> rows, std::string_view pack,
                                         const std::vector<int>& list) {
  std::map<std::int64_t, bool> tested;
  for (const PackRow& row : rows)
    if (row.sample.identity != 0) tested.emplace(row.sample.identity, false);
  for (const int identity : list) {
    const auto known = tested.find(identity);
    if (known == tested.end())
      throw core::input_error(fmt::format("'tested' names identity {}", identity),
                              fmt::format("pack '{}' has none of that number", pack),
                              "number them as its manifest.json does");
    known->second = true;
  }
  return tested;
}

// \param tested by identity; all others train
Division by_test(std::span<const PackRow> rows, const SplitSides& sides, const SplitSettings& options,
                 const std::map<std::int64_t, bool>& tested) {
  Division division;
  for (const auto& [identity, seen] : sightings(rows, sides, [](const PackRow&) { return true; })) {
    if (tested.at(identity))
      division.add_tested(identity, seen, options);
    else
      division.add_training(identity, seen, options);
  }
  return division;
}

Division divide(std::span<const PackRow> rows, const SplitSides& sides, std::string_view pack,
                const SplitSettings& options) {
  switch (options.partition) {
    case Partition::kRandomHalves:
      return options.tested.empty() ? random_halves(rows, sides, pack, options)
                                    : by_test(rows, sides, options, listed_test(rows, pack, options.tested));
    case Partition::kOfficial:
      return official(rows, sides, options);
    case Partition::kPublished:
      return by_test(rows, sides, options, published_test(rows, pack, options.seed));
  }
  throw core::ContractError("unknown partition");
}

// Some who would train are asked for in the place of the tested ones, of whom no image is shown then.
void hold_out(std::span<const PackRow> rows, const SplitSides& sides, std::string_view pack,
              const SplitSettings& options, Division& division) {
  if (options.validation_identities == 0) return;
  std::vector<std::int64_t> able;
  const auto trains = [&](const PackRow& row) { return division.train.contains(row.sample.identity); };
  for (const auto& [identity, seen] : sightings(rows, sides, trains))
    if (any_camera(options) ? is_seen_twice(seen) : seen.low && seen.answered) able.push_back(identity);
  const auto wanted = static_cast<std::size_t>(options.validation_identities);
  if (wanted > able.size() || wanted + 2 > division.train.size())
    throw core::input_error(
        fmt::format("validation_identities is {}", wanted),
        fmt::format("{} of the {} training identities of pack '{}' can be asked for, and 2 must train", able.size(),
                    division.train.size(), pack),
        "ask for fewer");
  core::RandomStream("split-validation", {options.seed}).shuffle(std::span(able));
  division.left_out += static_cast<int>(division.test.size());
  division.test = {able.end() - static_cast<std::ptrdiff_t>(wanted), able.end()};
  division.asked = division.test;
  for (const std::int64_t identity : division.test) division.train.erase(identity);
}

// Leaves so many training identities as the options ask for.
void choose_training(const SplitSettings& options, std::string_view pack, Division& division) {
  if (options.train_identities == 0) return;
  const auto wanted = static_cast<std::size_t>(options.train_identities);
  if (wanted > division.train.size())
    throw core::input_error(fmt::format("train_identities is {}", wanted),
                            fmt::format("{} identities of pack '{}' may train", division.train.size(), pack),
                            "ask for as many or fewer");
  std::vector<std::int64_t> order(division.train.begin(), division.train.end());
  core::RandomStream stream("split-train-identities", {options.seed});
  stream.shuffle(std::span(order));
  division.left_out += static_cast<int>(order.size() - wanted);
  division.train = std::set<std::int64_t>(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted));
}

// lr_camera 0: the row of each test identity that stays in high resolution.
std::set<std::size_t> draw_gallery_rows(std::span<const PackRow> rows, const SplitSettings& options,
                                        const Division& division) {
  std::map<std::int64_t, std::vector<std::size_t>> by_identity;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (division.test.contains(rows[i].sample.identity)) by_identity[rows[i].sample.identity].push_back(i);
  std::set<std::size_t> drawn;
  for (const auto& [identity, images] : by_identity) {
    core::RandomStream stream("split-gallery", {options.seed, static_cast<std::uint64_t>(identity)});
    drawn.insert(images[static_cast<std::size_t>(stream.below(images.size()))]);
  }
  return drawn;
}

int draw_rate(const SplitSettings& options, std::span<const int> rates, std::uint64_t pack_hash, const Sample& sample) {
  core::RandomStream stream(
      "split-rate", {options.seed, pack_hash, static_cast<std::uint64_t>(sample.identity), name_key(sample.path)});
  return rates[static_cast<std::size_t>(stream.below(rates.size()))];
}

// The rates from which a training image's is drawn. MLR-VRU: "each image undergoes downsampling with an equal
// probability or remains unchanged".
std::vector<int> training_rates(const SplitSettings& options) {
  std::vector<int> rates = options.query_rates;
  if (any_camera(options) && std::ranges::find(rates, 1) == rates.end()) rates.insert(rates.begin(), 1);
  return rates;
}

// A query never ranks itself: one whose bytes stand in the gallery too, under whatever name, is left out. An image of
// its identity by its camera may stay, which no ranking looks at (VeRi-776, whose queries are in image_test too).
void leave_out_shown_queries(std::span<const PackRow> rows, Split& split) {
  std::multimap<std::string_view, const GalleryItem*> gallery;
  for (const GalleryItem& item : split.gallery)
    if (const std::string& sha256 = rows[item.row].source_sha256; !sha256.empty()) gallery.emplace(sha256, &item);
  const bool cameras_count = !any_camera(split.options);
  std::erase_if(split.query, [&](const QueryItem& query) {
    const auto [first, last] = gallery.equal_range(rows[query.row].source_sha256);
    const bool shown = std::any_of(first, last, [&](const auto& same) {
      return !cameras_count || same.second->identity != query.identity || same.second->camera != query.camera;
    });
    if (shown) split.shown_queries.push_back(query.path);
    return shown;
  });
}

std::string advice_to_split(std::span<const PackRow> rows, const SplitSides& sides, const SplitSettings& options) {
  std::set<std::int64_t> identities, cameras;
  for (const PackRow& row : rows) {
    if (row.sample.identity == 0) continue;
    identities.insert(row.sample.identity);
    cameras.insert(row.sample.camera);
  }
  constexpr std::size_t kFewest = 3;  // two to train, one to ask for
  if (identities.size() < kFewest)
    return fmt::format("it has {} {}, and two to train and one to test are the fewest", identities.size(),
                       identities.size() == 1 ? "identity" : "identities");
  if (options.partition == Partition::kOfficial &&
      std::ranges::none_of(rows, [](const PackRow& row) { return row.sample.subset == "train"; }))
    return "none of its images is said to be of the official partition's train (of an image list: by the column "
           "subset); set split.partition to \"random-halves\"";
  if (any_camera(options)) return "an identity needs two images";
  if (sides.came_low())
    return "an identity needs an image that came in low resolution and an HR one from a camera that took none of it in "
           "low resolution";
  if (cameras.size() == 1) return advice_of_one_camera(options);
  return "an identity needs an image in that camera and one in another";
}

using ImagesOf = std::map<std::int64_t, std::vector<std::size_t>>;  // by identity, indices into a gallery, ascending

std::vector<std::size_t> draw_of_each(ImagesOf images_of, std::uint64_t seed, int draw, int shots) {
  std::vector<std::size_t> drawn;
  for (auto& [identity, items] : images_of) {
    core::RandomStream stream("gallery-draw",
                              {seed, static_cast<std::uint64_t>(draw), static_cast<std::uint64_t>(identity)});
    for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(shots), items.size()); ++i) {
      std::swap(items[i], items[i + static_cast<std::size_t>(stream.below(items.size() - i))]);
      drawn.push_back(items[i]);
    }
  }
  return drawn;
}

}  // namespace

Split make_split(std::span<const PackRow> rows, std::string_view pack, std::string_view manifest_sha256,
                 const SplitSettings& options, const PackShape& shape) {
  settings::check(options);
  const SplitSides sides(rows, pack, options);
  const bool is_official = options.partition == Partition::kOfficial;
  const bool shows_distractors =
      options.validation_identities == 0 && (is_official || options.distractors == Distractors::kAlways);
  Division division = divide(rows, sides, pack, options);
  hold_out(rows, sides, pack, options, division);
  choose_training(options, pack, division);
  const std::set<std::size_t> kept =
      any_camera(options) ? draw_gallery_rows(rows, options, division) : std::set<std::size_t>{};
  const std::vector<int> rates = training_rates(options);
  const std::vector<std::int64_t> train(division.train.begin(), division.train.end());
  const std::uint64_t pack_hash = name_key(pack);
  const auto rate_of = [&](const PackRow& row, std::span<const int> from) {
    return sides.came_low() ? rate_of_low(row, options, shape) : draw_rate(options, from, pack_hash, row.sample);
  };
  Split split{std::string(pack), std::string(manifest_sha256), options, {}, static_cast<int>(train.size()), {}, {},
              division.left_out};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sample& sample = rows[i].sample;
    const bool low = any_camera(options) ? sample.identity != 0 && !kept.contains(i) : sides.is_low(sample);
    const bool came_low = low && sides.came_low();
    if (division.train.contains(sample.identity) && (!is_official || sample.subset == "train")) {
      if (low && options.train_pool == TrainPool::kHrViewOnly) continue;
      const auto label = std::lower_bound(train.begin(), train.end(), sample.identity) - train.begin();
      const int rate = low && settings::shows_low(options.train_pool) ? rate_of(rows[i], rates) : 1;
      split.train.push_back({i, sample.path, sample.identity, static_cast<int>(label), sample.camera,
                             rate == 1 && !came_low, rate, came_low});
    } else if (low && division.asked.contains(sample.identity) && sides.is_answered(sample)) {
      split.query.push_back(
          {i, sample.path, sample.identity, sample.camera, rate_of(rows[i], options.query_rates), came_low});
    } else if (!low && ((division.test.contains(sample.identity) && sides.answers(sample)) ||
                        (shows_distractors && sample.identity == 0 && sample.subset != "train"))) {
      split.gallery.push_back({i, sample.path, sample.identity, sample.camera});
    }
  }
  leave_out_shown_queries(rows, split);
  if (split.train_identities < 2 || split.query.empty())
    throw core::input_error(fmt::format("pack '{}' cannot be split", pack),
                            fmt::format("{} identities would train and {} images be queries with {} low-resolution",
                                        split.train_identities, split.query.size(), sides.description()),
                            split.query.empty() && !split.shown_queries.empty()
                                ? "the gallery has the bytes of every query; take the copies out of it"
                                : advice_to_split(rows, sides, options));
  return split;
}

Split make_split(const PackReader& pack, const SplitSettings& options) {
  for (int rate : options.query_rates)
    if (!pack.has_rate(rate))
      throw core::input_error(fmt::format("pack '{}' has rates {} and the split needs {}", pack.options().name,
                                          fmt::join(pack.options().rates, ", "), rate),
                              {}, "ingest it again with that rate in --rates");
  const PackSettings& made = pack.options();
  return make_split(pack.rows(), made.name, pack.manifest_sha256(), options, {made.rates, made.height, made.width});
}

std::vector<std::size_t> draw_gallery(const Split& split, std::uint64_t seed, int draw, int shots) {
  ImagesOf images_of;
  for (std::size_t i = 0; i < split.gallery.size(); ++i)
    if (split.gallery[i].identity != 0) images_of[split.gallery[i].identity].push_back(i);
  return draw_of_each(std::move(images_of), seed, draw, shots);
}

std::vector<std::vector<std::size_t>> draw_galleries(const settings::EvaluationProtocol& protocol, std::uint64_t seed,
                                                     std::span<const std::int64_t> asked,
                                                     std::span<const std::int64_t> shown) {
  using settings::ProtocolName;
  std::vector<std::vector<std::size_t>> draws;
  if (protocol.name == ProtocolName::kWholeGallery) return draws;
  const bool is_0_asked = std::ranges::find(asked, 0) != asked.end();
  ImagesOf images_of;
  for (std::size_t i = 0; i < shown.size(); ++i)
    if (shown[i] != -1 && (shown[i] != 0 || is_0_asked)) images_of[shown[i]].push_back(i);
  const int shots = protocol.name == ProtocolName::kMultiShot ? protocol.shots : 1;
  for (int draw = 0; draw < protocol.draws; ++draw) draws.push_back(draw_of_each(images_of, seed, draw, shots));
  return draws;
}

}  // namespace resolute::datasets
