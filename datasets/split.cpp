#include "datasets/split.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/random.h"
#include "datasets/low_resolution.h"
#include "datasets/name_key.h"

namespace resolute::datasets {
namespace {

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
}

struct Sightings {
  bool in_lr_camera = false;
  bool elsewhere = false;
};

using Identities = std::map<std::int64_t, Sightings>;

template <class Wanted>
Identities sightings(std::span<const PackRow> rows, const SplitOptions& options, Wanted wanted) {
  Identities seen;
  for (const PackRow& row : rows) {
    if (row.sample.identity == 0 || !wanted(row)) continue;
    Sightings& of = seen[row.sample.identity];
    (row.sample.camera == options.lr_camera ? of.in_lr_camera : of.elsewhere) = true;
  }
  return seen;
}

void check_camera(std::span<const PackRow> rows, std::string_view pack, const SplitOptions& options) {
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
    if (of.in_lr_camera && of.elsewhere)
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
  for (const auto& [identity, of] : sightings(rows, options, in_training)) {
    if (of.elsewhere || options.train_pool != "hr-view-only")
      division.train.insert(identity);
    else
      ++division.left_out;
  }
  for (const auto& [identity, of] : sightings(rows, options, [&](const PackRow& row) { return !in_training(row); })) {
    if (division.train.contains(identity))
      throw core::input_error(fmt::format("identity {} is in the train subset and in another one", identity),
                              "nobody may train and be tested", "use partition random-halves");
    if (!of.elsewhere) {
      ++division.left_out;
      continue;
    }
    division.test.insert(identity);
    if (of.in_lr_camera) division.asked.insert(identity);
  }
  return division;
}

int draw_rate(const SplitOptions& options, std::uint64_t pack_hash, const Sample& sample) {
  core::RandomStream stream(
      "split-rate", {options.seed, pack_hash, static_cast<std::uint64_t>(sample.identity), name_key(sample.path)});
  return options.query_rates[static_cast<std::size_t>(stream.below(options.query_rates.size()))];
}

}  // namespace

Split make_split(std::span<const PackRow> rows, std::string_view pack, std::string_view manifest_sha256,
                 const SplitOptions& options) {
  validate(options);
  check_camera(rows, pack, options);
  const bool is_official = options.partition == "official";
  const Division division = is_official ? official(rows, options) : random_halves(rows, options);
  const std::vector<std::int64_t> train(division.train.begin(), division.train.end());
  const std::uint64_t pack_hash = name_key(pack);
  Split split{std::string(pack), std::string(manifest_sha256), options, {}, static_cast<int>(train.size()), {}, {},
              division.left_out};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sample& sample = rows[i].sample;
    const bool low = sample.camera == options.lr_camera;
    if (division.train.contains(sample.identity) && (!is_official || sample.subset == "train")) {
      if (low && options.train_pool == "hr-view-only") continue;
      auto label = std::lower_bound(train.begin(), train.end(), sample.identity) - train.begin();
      int rate = low && options.train_pool == "mlr" ? draw_rate(options, pack_hash, sample) : 1;
      split.train.push_back({i, sample.path, sample.identity, static_cast<int>(label), sample.camera, rate == 1, rate});
    } else if (low && division.asked.contains(sample.identity)) {
      split.query.push_back({i, sample.path, sample.identity, sample.camera, draw_rate(options, pack_hash, sample)});
    } else if (!low && (division.test.contains(sample.identity) ||
                        (is_official && sample.identity == 0 && sample.subset != "train"))) {
      split.gallery.push_back({i, sample.path, sample.identity, sample.camera});
    }
  }
  if (split.train_identities < 2 || split.query.empty())
    throw core::input_error(
        fmt::format("pack '{}' cannot be split", pack),
        fmt::format("{} identities would train and {} images be queries with camera {} low-resolution",
                    split.train_identities, split.query.size(), options.lr_camera),
        "an identity needs an image in that camera and one in another");
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
