#include "cli/store/checks.h"

#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/process/side_by_side.h"
#include "datasets/pack/pack.h"
#include "experiments/specification/outputs.h"
#include "experiments/store/bundle.h"
#include "experiments/store/checkpoint_checksum.h"
#include "experiments/store/job_folder.h"
#include "operations/space/contents.h"
#include "operations/space/needs.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/snapshot.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"
#include "results/scores/ranking.h"

namespace resolute::cli {

namespace {

using experiments::JobId;

constexpr const char* kRemoveResult = "remove it, and run the suite again";
constexpr const char* kMakeReadable = "see to it that it can be read";
constexpr const char* kRunAgain = "remove result.json beside it, and run the suite again";
constexpr const char* kRemovePlan = "remove it, and run or submit the suite again: that writes it anew";

// The files that an unpacked suite bundle came with, if this is one's store (docs/inside/formats/suite_bundle.md).
std::set<std::string> bundled_files(core::FileSystem& files, const experiments::StoreLayout& store) try {
  const auto text = core::read_text_if_exists(files, store.root() / ".." / "bundle.json", std::uint64_t{1} << 32);
  std::set<std::string> names;
  const core::Json index = text ? core::parse_json(*text, "bundle.json") : core::Json{{"files", core::Json::array()}};
  for (const core::Json& file : index.at("files")) names.insert(file.at("path").get<std::string>());
  if (text) core::log_info("weights, shards and what else was not in the suite bundle are not looked for");
  return names;
} catch (const std::exception&) {
  return {};  // of another program
}

// The files of one thing, and what is wrong with them.
class Findings {
 public:
  Findings(core::FileSystem& files, const experiments::StoreLayout& store, const std::set<std::string>& bundled)
      : files_(files), store_(store), bundled_(bundled) {}

  // Adds the error that `look` throws, with the advice if the message has none. A file that has gone is no damage: a
  // run may have removed it since it was listed. One that cannot be read may be whole, and is not to be removed.
  void check(const fs::path& path, const std::string& advice, const std::function<void()>& look) {
    try {
      look();
    } catch (const core::RuntimeError& error) {
      if (error.is_missing() && !files_.exists(path)) return;
      const bool is_unread = error.error_number() != 0 && !error.is_missing();
      const std::string what = error.what();
      add(path, what.find("; ") == std::string::npos ? what + "; " + (is_unread ? kMakeReadable : advice) : what);
    }
  }
  void check_sha256(const fs::path& path, const std::string& sha256, const char* told_by, const std::string& advice) {
    if (!files_.exists(path) && !bundled_.empty() &&
        !bundled_.contains((fs::path("store") / path.lexically_relative(store_.root())).generic_string()))
      return;
    if (!files_.exists(path)) return add(path, fmt::format("it is missing ({} names it); {}", told_by, advice));
    check(path, advice, [&] {
      if (const std::string found = core::sha256_of(*files_.open_for_read(path)); found != sha256)
        add(path, fmt::format("it is damaged (SHA-256 {}, {} says {}); {}", found, told_by, sha256, advice));
    });
  }
  void add(const fs::path& path, std::string what) {
    damage_.push_back({path.lexically_relative(store_.root()).string(), std::move(what)});
  }
  std::vector<Damage> take() { return std::move(damage_); }

 private:
  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  const std::set<std::string>& bundled_;
  std::vector<Damage> damage_;
};

class JobCheck {
 public:
  JobCheck(core::FileSystem& files, const experiments::StoreLayout& store, const std::set<std::string>& bundled,
           JobId job)
      : files_(files),
        store_(store),
        job_(std::move(job)),
        folder_(store.job_folder(job_)),
        found_(files, store, bundled) {}

  std::vector<Damage> run() {
    check_specification();
    std::optional<results::Record> record;
    const fs::path result = store_.result_file(job_);
    found_.check(result, kRemoveResult, [&] { record = results::read_record(files_, store_, job_); });
    if (record) std::visit([&](const auto& known) { check_record(known); }, *record);
    check_kept_features();
    check_checkpoints();
    return found_.take();
  }

 private:
  void check_specification() {
    const fs::path path = store_.specification_file(job_);
    const std::string advice = "remove it: the next run that needs it writes it again";
    found_.check(path, advice, [&] {
      const auto text = core::read_text_if_exists(files_, path);
      if (!text) return;
      const std::string found = core::sha256_hex(core::canonical_json(core::parse_json(*text, path.string())));
      if (found != job_.hex)
        found_.add(path, fmt::format("it is damaged (its hash is {}, not the job's id); {}", found, advice));
    });
  }

  // Until a pack is sealed, only the record has its hash.
  void check_record(const results::ShardRecord& record) {
    const auto specification = specification_of();
    const auto* shard = specification ? std::get_if<experiments::ShardSpecification>(&*specification) : nullptr;
    if (shard == nullptr) return;
    const fs::path pack = store_.pack_folder(shard->pack);
    if (files_.exists(pack / "pack.json")) return;
    found_.check_sha256(pack / settings::shard_file_name(shard->shard), record.shard_sha256, "its job's result",
                        fmt::format("remove '{}', and run the suite again", result_below_store()));
  }
  void check_record(const results::SealRecord& record) {
    const auto specification = specification_of();
    const auto* seal = specification ? std::get_if<experiments::SealSpecification>(&*specification) : nullptr;
    if (seal == nullptr) return;
    found_.check_sha256(store_.pack_folder(seal->pack) / "pack.json", record.pack_sha256, "the result of its seal",
                        fmt::format("remove it and '{}', and run the suite again", result_below_store()));
  }
  void check_record(const results::TrainingRecord& record) {
    found_.check_sha256(folder_ / record.weights_file, record.weights_sha256, "result.json", kRunAgain);
  }
  void check_record(const results::EvaluationRecord& record) {
    found_.check_sha256(store_.features_file(job_), record.features_sha256, "result.json", kRunAgain);
    for (const auto& [name, sha256] : record.outputs)
      found_.check_sha256(folder_ / name, sha256, "result.json", kRunAgain);
    const auto queries = record.outputs.find(experiments::kQueriesOutput.file);
    if (queries == record.outputs.end()) return;
    try {
      check_means(record, results::read_csv<results::QueryScore>(files_, folder_ / queries->first, queries->second));
    } catch (const core::RuntimeError&) {  // the hash has named it
    }
  }

  // Ranks in drawn galleries are means over draws, and queries.csv has no count of a query's draws.
  void check_means(const results::EvaluationRecord& record, const std::vector<results::QueryScore>& queries) {
    const auto specification = specification_of();
    const auto* evaluation =
        specification ? std::get_if<experiments::EvaluationSpecification>(&*specification) : nullptr;
    const bool drawn = evaluation == nullptr || evaluation->protocol.name != settings::ProtocolName::kWholeGallery;
    constexpr double kRounding = 1e-9;
    for (const experiments::Metric& metric : experiments::kMetrics) {
      if (!metric.is_per_query() || (drawn && metric.name != std::string_view("mAP"))) continue;
      std::vector<double> scores;
      for (const results::QueryScore& query : queries)
        if (query.has_match) scores.push_back(results::score_of(query, metric.name));
      const double stored = record.metrics.at(metric.name), mean = results::order_free_mean(scores);
      if (!(std::abs(stored - mean) <= kRounding))
        found_.add(store_.result_file(job_),
                   fmt::format("{} is {}, and the mean over '{}' is {}; {}", metric.name, stored,
                               experiments::kQueriesOutput.file, mean, kRemoveResult));
    }
  }

  std::string result_below_store() const { return store_.result_file(job_).lexically_relative(store_.root()).string(); }

  // A specification that cannot be read has been named already.
  std::optional<experiments::JobSpecification> specification_of() {
    try {
      return experiments::read_stored_specification(files_, store_, job_);
    } catch (const core::RuntimeError&) {
      return std::nullopt;
    }
  }

  // kept-features-KEY-SHA256.h5
  void check_kept_features() {
    constexpr std::size_t kHash = 64;
    const std::string start = "kept-features-", end = ".h5";
    for (const std::string& name : files_.list(folder_))
      if (name.starts_with(start) && name.ends_with(end) && name.size() > start.size() + kHash + end.size())
        found_.check_sha256(folder_ / name, name.substr(name.size() - end.size() - kHash, kHash), "its name",
                            "remove it: images are embedded again");
  }

  void check_checkpoints() {
    const fs::path folder = store_.checkpoints_folder(job_);
    const std::string advice = "remove it: the training goes on from the one before";
    for (const std::string& name : files_.list(folder)) {
      if (!name.starts_with("step-")) continue;
      found_.check(folder / name, advice, [&] {
        if (const auto why = experiments::checkpoint_damage(*files_.open_for_read(folder / name)))
          found_.add(folder / name, fmt::format("it is damaged ({}); {}", *why, advice));
      });
    }
  }

  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  JobId job_;
  fs::path folder_;
  Findings found_;
};

class Checks {
 public:
  Checks(core::FileSystem& files, const experiments::StoreLayout& store)
      : files_(files), store_(store), bundled_(bundled_files(files, store)) {}

  std::vector<Check> list() {
    // Somebody's own folder has another name, and no advice may be given to remove it.
    for (const std::string& name : names_in(store_.root() / "packs"))
      if (const fs::path pack = store_.root() / "packs" / name; experiments::is_named_by_content(name))
        or_damaged(pack, [&] { add_pack(pack); });
    const fs::path jobs = store_.root() / "jobs";
    for (const std::string& folder : names_in(jobs))
      for (const std::string& id : names_in(jobs / folder))
        if (core::is_sha256_hex(id))
          add(jobs / folder / id, [this, id] { return JobCheck(files_, store_, bundled_, {id}).run(); });
    for (const std::string& name : names_in(store_.root() / "suites")) {
      const fs::path folder = store_.suite_folder(name);
      or_damaged(folder, [&] {
        if (core::is_folder(folder)) add_suite(folder);
      });
    }
    or_damaged(experiments::bundles_folder(store_), [&] {
      for (const fs::path& path : experiments::bundle_files(files_, store_)) add_bundle(path);
    });
    for (const std::string& name : names_in(store_.weights_folder())) {
      const fs::path path = store_.weights_folder() / name;
      if (path.extension() == ".safetensors" && core::is_sha256_hex(path.stem().string()))
        add_sha256(path, path.stem(), "its name", "remove it, and import the weights again");
    }
    return std::move(checks_);
  }

 private:
  // A folder that cannot be listed is damage as well; all else is checked.
  void or_damaged(const fs::path& path, const std::function<void()>& look) {
    try {
      look();
    } catch (const core::RuntimeError& error) {
      checks_.push_back({path.lexically_relative(store_.root()).string(), 0,
                         [error = core::RuntimeError(error)]() -> std::vector<Damage> { throw error; }});
    }
  }
  std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    // A file of somebody's is none of ours.
    or_damaged(folder, [&] {
      if (core::is_folder(folder)) names = files_.list(folder);
    });
    return names;
  }
  void add(const fs::path& path, std::function<std::vector<Damage>()> run) {
    checks_.push_back({path.lexically_relative(store_.root()).string(), 0, std::move(run)});
  }
  void add_one(const fs::path& path, const std::string& advice, std::function<void()> look) {
    add(path, [this, path, advice, look = std::move(look)] {
      Findings found(files_, store_, bundled_);
      found.check(path, advice, look);
      return found.take();
    });
  }
  void add_sha256(const fs::path& path, const std::string& sha256, const char* told_by, const std::string& advice) {
    add(path, [this, path, sha256, told_by, advice] {
      Findings found(files_, store_, bundled_);
      found.check_sha256(path, sha256, told_by, advice);
      return found.take();
    });
  }

  void add_pack(const fs::path& folder) {
    const fs::path seal = folder / "pack.json";
    if (!files_.exists(seal)) return;
    const std::string advice =
        "remove the pack's folder and the result.json of its shard and seal jobs, and run the suite again";
    std::optional<std::string> manifest;  // its hash, as pack.json says
    try {
      const core::Json pack = core::parse_json(core::read_text(files_, seal), seal.string());
      manifest = pack.at("manifest_sha256").get<std::string>();
      add_sha256(folder / "manifest.json", *manifest, "pack.json",
                 "remove it and pack.json and the result.json of the seal's job, and run the suite again");
      for (const core::Json& shard : pack.at("shards"))
        add_sha256(folder / shard.at("file").get<std::string>(), shard.at("sha256").get<std::string>(), "pack.json",
                   "remove it and its shard job's result.json, and run the suite again: it is made again");
    } catch (const core::RuntimeError&) {  // the check below names it
    } catch (const core::Json::exception&) {
    }
    add_one(seal, advice, [this, folder, manifest] {
      // One that is damaged has been named.
      if (manifest && core::sha256_of(*files_.open_for_read(folder / "manifest.json")) != *manifest) return;
      datasets::read_sealed_rows(files_, folder);
    });
  }

  void add_suite(const fs::path& folder) {
    using namespace orchestrator;
    for (const std::string& name : files_.list(folder))
      if (operations::is_plan_file(name))
        add_one(folder / name, kRemovePlan, [this, path = folder / name] { operations::read_plan_file(files_, path); });
    add_one(folder, "`resolute suite log` tells what can be read", [this, folder] { journal_epochs(files_, folder); });
    for (const std::int64_t epoch : numbered_files(files_, folder, "journal-"))
      add_one(folder / journal_name(epoch), "its suite goes on where the journals before it end, once it is removed",
              [this, folder, epoch] { check_journal(folder, epoch); });
    for (const std::int64_t epoch : snapshot_epochs(files_, folder))
      add_one(folder / snapshot_name(epoch), "remove it: the next replay takes longer", [this, folder, epoch] {
        const fs::path path = folder / snapshot_name(epoch);
        parse_snapshot(files_.read(path), path.string());
      });
  }

  void check_journal(const fs::path& folder, std::int64_t epoch) {
    using namespace orchestrator;
    std::optional<std::uint64_t> sealed;
    if (const fs::path next = folder / journal_name(epoch + 1); files_.exists(next))
      if (const auto header = read_journal_header(files_, next)) sealed = header->sealed_length;
    const fs::path path = folder / journal_name(epoch);
    scan_journal(files_.read(path), path.string(), sealed, [](const JournalHeader&, JournalRecord&) {});
  }

  void add_bundle(const fs::path& path) {
    add_one(path, "remove it: no result depends on it", [this, path] {
      const experiments::Bundle bundle(files_, path);
      for (const auto& entry : bundle.entries())
        for (const auto& file : entry.files) bundle.read(file);
    });
  }

  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  std::set<std::string> bundled_;
  std::vector<Check> checks_;
};

}  // namespace

std::vector<Check> checks_of(core::FileSystem& files, const experiments::StoreLayout& store) {
  // The checks hold on to what lists them.
  const auto checks = std::make_shared<Checks>(files, store);
  std::vector<Check> list = checks->list();
  core::side_by_side(list.size(), [&](std::size_t i) {
    operations::StoredItem item{operations::ItemKind::kScratch, list[i].path};
    operations::look_again(files, store, item);
    list[i].bytes = item.bytes;
  });
  for (Check& check : list)
    check.run = [checks, path = check.path, run = std::move(check.run)]() -> std::vector<Damage> {
      try {
        return run();
      } catch (const core::RuntimeError& error) {
        return {{path, fmt::format("it cannot be checked: {}; {}", error.what(), kMakeReadable)}};
      }
    };
  return list;
}

}  // namespace resolute::cli
