#include "datasets/split.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/random.h"
#include "datasets/low_resolution.h"
#include "datasets/name_key.h"

namespace resolute::datasets {
namespace {

// MLR-VRU: images of any camera become low-resolution.
bool any_camera(const SplitOptions& options) { return options.lr_camera == 0; }

void validate(const SplitOptions& options) {
  auto refuse = [](const std::string& what, std::string_view why) { return core::input_error(what, why); };
  if (options.partition != "random-halves" && options.partition != "official")
    throw refuse(fmt::format("partition '{}' is unknown", options.partition), "known are random-halves, official");
  if (options.train_pool != "mlr" && options.train_pool != "hr-both-views" && options.train_pool != "hr-view-only")
    throw refuse(fmt::format("train_pool '{}' is unknown", options.train_pool),
                 "known are mlr, hr-both-views, hr-view-only");
  if (options.query_rates.empty()) throw refuse("query_rates is empty", "at least one rate is needed");
  std::set<int> seen;
  for (int rate : options.query_rates) {
    if (rate < 1 || rate > kMaxRate)
      throw refuse(fmt::format("query rate {}", rate), fmt::format("rates are 1 to {}", kMaxRate));
    if (!seen.insert(rate).second) throw refuse(fmt::format("query rate {} stands twice", rate), "each stands once");
  }
  if (options.train_identities < 0 || options.train_identities == 1)
    throw core::input_error(fmt::format("train_identities is {}", options.train_identities),
                            "a training needs at least 2 identities", "set it to 2 or more, or to 0 for all of them");
  if (options.lr_camera < 0)
    throw core::input_error(fmt::format("lr_camera is {}", options.lr_camera), "cameras count from 1",
                            "set it to one of them, or to 0 for images of any camera");
  if (any_camera(options) && options.train_pool == "hr-view-only")
    throw refuse("train_pool 'hr-view-only' with lr_camera 0", "no view is the HR one where cameras mean nothing");
}

struct Sightings {
  bool in_lr_camera = false;
  bool elsewhere = false;
  int images = 0;
};

using Identities = std::map<std::int64_t, Sightings>;

template <class Wanted>
Identities sightings(std::span<const PackRow> rows, const SplitOptions& options, Wanted wanted) {
  Identities seen;
  for (const PackRow& row : rows) {
    if (row.sample.identity == 0 || !wanted(row)) continue;
    Sightings& of = seen[row.sample.identity];
    (row.sample.camera == options.lr_camera ? of.in_lr_camera : of.elsewhere) = true;
    ++of.images;
  }
  return seen;
}

// An identity with one image can neither ask nor be found, and has no second resolution to learn from.
bool is_seen_twice(const Sightings& of) { return of.images >= 2; }

void check_camera(std::span<const PackRow> rows, std::string_view pack, const SplitOptions& options) {
  if (any_camera(options)) return;
  std::set<std::int64_t> cameras;
  for (const PackRow& row : rows) cameras.insert(row.sample.camera);
  if (!cameras.contains(options.lr_camera))
    throw core::input_error(fmt::format("pack '{}' has no camera {} to make low-resolution", pack, options.lr_camera),
                            fmt::format("its cameras are {}", fmt::join(cameras, ", ")),
                            "set lr_camera to one of them");
}

// Who trains and who is tested; empty sets of rows are decided by the caller.
struct Division {
  std::set<std::int64_t> train;
  std::set<std::int64_t> test;   // with a gallery image
  std::set<std::int64_t> asked;  // with a query and a gallery image
  int left_out = 0;
};

Division random_halves(std::span<const PackRow> rows, const SplitOptions& options) {
  Identities seen = sightings(rows, options, [](const PackRow&) { return true; });
  Division division;
  std::vector<std::int64_t> eligible;
  for (const auto& [identity, of] : seen) {
    if (any_camera(options) ? is_seen_twice(of) : of.in_lr_camera && of.elsewhere)
      eligible.push_back(identity);
    else
      ++division.left_out;
  }
  core::RandomStream stream("split-halves", {options.seed});
  stream.shuffle(std::span(eligible));
  auto middle = eligible.begin() + static_cast<std::ptrdiff_t>(eligible.size() / 2);
  division.train.insert(eligible.begin(), middle);
  division.test.insert(middle, eligible.end());
  division.asked = division.test;
  return division;
}

Division official(std::span<const PackRow> rows, const SplitOptions& options) {
  Division division;
  auto in_training = [](const PackRow& row) { return row.sample.subset == "train"; };
  const Identities training = sightings(rows, options, in_training);
  for (const auto& [identity, of] : training) {
    if (any_camera(options) ? is_seen_twice(of) : of.elsewhere || options.train_pool != "hr-view-only")
      division.train.insert(identity);
    else
      ++division.left_out;
  }
  for (const auto& [identity, of] : sightings(rows, options, [&](const PackRow& row) { return !in_training(row); })) {
    if (training.contains(identity))
      throw core::input_error(fmt::format("identity {} is in the train subset and in another one", identity),
                              "nobody may train and be tested", "use partition random-halves");
    if (any_camera(options) ? !is_seen_twice(of) : !of.elsewhere) {
      ++division.left_out;
      continue;
    }
    division.test.insert(identity);
    if (any_camera(options) || of.in_lr_camera) division.asked.insert(identity);
  }
  return division;
}

// Leaves so many training identities as the options ask for.
void choose_training(const SplitOptions& options, std::string_view pack, Division& division) {
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
std::set<std::size_t> draw_gallery_rows(std::span<const PackRow> rows, const SplitOptions& options,
                                        const Division& division) {
  std::map<std::int64_t, std::vector<std::size_t>> by_identity;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (division.test.contains(rows[i].sample.identity)) by_identity[rows[i].sample.identity].push_back(i);
  std::set<std::size_t> drawn;
  for (const auto& [identity, own] : by_identity) {
    core::RandomStream stream("split-gallery", {options.seed, static_cast<std::uint64_t>(identity)});
    drawn.insert(own[static_cast<std::size_t>(stream.below(own.size()))]);
  }
  return drawn;
}

int draw_rate(const SplitOptions& options, std::span<const int> rates, std::uint64_t pack_hash, const Sample& sample) {
  core::RandomStream stream(
      "split-rate", {options.seed, pack_hash, static_cast<std::uint64_t>(sample.identity), name_key(sample.path)});
  return rates[static_cast<std::size_t>(stream.below(rates.size()))];
}

// What a training image's rate is drawn from. MLR-VRU: "each image undergoes downsampling with an equal probability or
// remains unchanged".
std::vector<int> training_rates(const SplitOptions& options) {
  std::vector<int> rates = options.query_rates;
  if (any_camera(options) && std::find(rates.begin(), rates.end(), 1) == rates.end()) rates.insert(rates.begin(), 1);
  return rates;
}

core::RuntimeError nothing_to_split(std::string_view pack, const Split& split) {
  const bool any = any_camera(split.options);
  return core::input_error(
      fmt::format("pack '{}' cannot be split", pack),
      fmt::format("{} identities would train and {} images be queries with {} low-resolution", split.train_identities,
                  split.query.size(),
                  any ? std::string("images of any camera") : fmt::format("camera {}", split.options.lr_camera)),
      any ? "an identity needs two images" : "an identity needs an image in that camera and one in another");
}

}  // namespace

Split make_split(std::span<const PackRow> rows, std::string_view pack, std::string_view manifest_sha256,
                 const SplitOptions& options) {
  validate(options);
  check_camera(rows, pack, options);
  const bool is_official = options.partition == "official";
  Division division = is_official ? official(rows, options) : random_halves(rows, options);
  choose_training(options, pack, division);
  const std::set<std::size_t> kept =
      any_camera(options) ? draw_gallery_rows(rows, options, division) : std::set<std::size_t>{};
  const std::vector<int> rates = training_rates(options);
  const std::vector<std::int64_t> train(division.train.begin(), division.train.end());
  const std::uint64_t pack_hash = name_key(pack);
  Split split{std::string(pack), std::string(manifest_sha256), options, {}, static_cast<int>(train.size()), {}, {},
              division.left_out};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sample& sample = rows[i].sample;
    const bool low =
        any_camera(options) ? sample.identity != 0 && !kept.contains(i) : sample.camera == options.lr_camera;
    if (division.train.contains(sample.identity) && (!is_official || sample.subset == "train")) {
      if (low && options.train_pool == "hr-view-only") continue;
      auto label = std::lower_bound(train.begin(), train.end(), sample.identity) - train.begin();
      int rate = low && options.train_pool == "mlr" ? draw_rate(options, rates, pack_hash, sample) : 1;
      split.train.push_back({i, sample.path, sample.identity, static_cast<int>(label), sample.camera, rate == 1, rate});
    } else if (low && division.asked.contains(sample.identity)) {
      split.query.push_back(
          {i, sample.path, sample.identity, sample.camera, draw_rate(options, options.query_rates, pack_hash, sample)});
    } else if (!low && (division.test.contains(sample.identity) ||
                        (is_official && sample.identity == 0 && sample.subset != "train"))) {
      split.gallery.push_back({i, sample.path, sample.identity, sample.camera});
    }
  }
  if (split.train_identities < 2 || split.query.empty()) throw nothing_to_split(pack, split);
  return split;
}

Split make_split(const PackReader& pack, const SplitOptions& options) {
  for (int rate : options.query_rates)
    if (!pack.has_rate(rate))
      throw core::input_error(fmt::format("pack '{}' has rates {} and the split needs {}", pack.options().name,
                                          fmt::join(pack.options().rates, ", "), rate),
                              {}, "ingest it again with that rate in --rates");
  return make_split(pack.rows(), pack.options().name, pack.manifest_sha256(), options);
}

std::vector<std::size_t> draw_gallery(const Split& split, std::uint64_t seed, int draw) {
  std::map<std::int64_t, std::vector<std::size_t>> by_identity;
  for (std::size_t i = 0; i < split.gallery.size(); ++i)
    if (split.gallery[i].identity != 0) by_identity[split.gallery[i].identity].push_back(i);
  std::vector<std::size_t> drawn;
  for (const auto& [identity, items] : by_identity) {
    core::RandomStream stream("gallery-draw",
                              {seed, static_cast<std::uint64_t>(draw), static_cast<std::uint64_t>(identity)});
    drawn.push_back(items[static_cast<std::size_t>(stream.below(items.size()))]);
  }
  return drawn;
}

}  // namespace resolute::datasets
