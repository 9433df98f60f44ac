#include "results/exports/suite_bundle.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/files/new_folder.h"
#include "core/files/zip_archive.h"
#include "core/hash/sha256.h"
#include "core/process/side_by_side.h"
#include "experiments/store/job_folder.h"
#include "experiments/store/typed_plans.h"
#include "experiments/store/weights_catalogue.h"
#include "results/exports/provenance.h"
#include "results/records/training_log.h"
#include "results/tables/aggregation.h"
#include "results/tables/tables.h"

namespace resolute::results {
namespace {

constexpr int kSuiteBundleSchema = 1;

// A file of the bundle.
struct Piece {
  std::string name;  // "FOLDER/NAME"
  std::uint64_t size = 0;
  std::string sha256;
  std::function<std::unique_ptr<core::ReadableFile>()> open;
};

// A piece whose bytes, read from the first to the last, must have its hash.
class HashedFile final : public core::ReadableFile {
 public:
  HashedFile(const Piece& piece, const std::function<void(std::size_t)>& tell)
      : piece_(piece), tell_(tell), file_(piece.open()) {
    if (file_->size() != piece_.size) throw changed();
  }
  std::uint64_t size() const override { return piece_.size; }
  void read_at(std::uint64_t offset, std::span<std::byte> to) override {
    RESOLUTE_EXPECT(offset == at_, "an entry is read in its order");
    file_->read_at(offset, to);
    hash_.update(to);
    at_ += to.size();
    if (at_ == piece_.size && !std::exchange(checked_, true) && hash_.finish_hex() != piece_.sha256) throw changed();
    tell_(to.size());
  }

 private:
  core::RuntimeError changed() const {
    return core::corrupt_error(fmt::format("'{}' does not have the bytes that the store recorded", piece_.name),
                               fmt::format("it should have {} bytes and the SHA-256 {}", piece_.size, piece_.sha256),
                               "remove the job's result.json and run the suite again");
  }

  const Piece& piece_;
  const std::function<void(std::size_t)>& tell_;
  std::unique_ptr<core::ReadableFile> file_;
  core::Sha256 hash_;
  std::uint64_t at_ = 0;
  bool checked_ = false;
};

bool deflates(const std::string& name) {
  const std::string ending = fs::path(name).extension().string();
  return ending != ".h5" && ending != ".png";
}

// The files of a bundle, below a folder of the suite's name.
class BundleContents {
 public:
  BundleContents(const ResultsSource& source) : source_(source), folder_(source.plan.suite + "/") {}

  void add_text(const std::string& name, std::string text) {
    const std::uint64_t size = text.size();
    std::string sha256 = core::sha256_hex(text);
    entries_.push_back({folder_ + name, size, std::move(sha256), [text = std::move(text), name] {
                          return core::open_in_memory(core::as_byte_span(text), name);
                        }});
  }
  //! A file of the store. \param sha256 that it must have; nothing: whatever it has now
  void add_stored(const fs::path& path, const std::optional<std::string>& sha256 = std::nullopt) {
    if (sha256 && !source_.files.exists(path))
      throw core::corrupt_error(fmt::format("'{}' is missing", path.string()), "the job's result names it",
                                "remove the job's result.json and run the suite again");
    const auto open = [&files = source_.files, path] { return files.open_for_read(path); };
    const auto file = open();
    entries_.push_back({folder_ + stored_name(path), file->size(), sha256 ? *sha256 : core::sha256_of(*file), open});
  }
  std::string stored_name(const fs::path& path) const {
    return "store/" + path.lexically_relative(source_.store.root()).generic_string();
  }
  //! The same, unless there is none.
  void add_if_stored(const fs::path& path) {
    if (source_.files.exists(path)) add_stored(path);
  }
  void add(std::vector<Piece> pieces) { std::ranges::move(pieces, std::back_inserter(entries_)); }
  void add_job(const JobProvenance& job, bool features);
  void add_packs();
  void add_names_of_weights();
  void add_diverged();
  std::vector<Piece> entries() && { return std::move(entries_); }

 private:
  const ResultsSource& source_;
  std::string folder_;
  std::vector<Piece> entries_;
};

void BundleContents::add_job(const JobProvenance& job, bool features) {
  const fs::path folder = source_.store.job_folder(job.job);
  add_if_stored(source_.store.specification_file(job.job));
  add_stored(source_.store.result_file(job.job));
  if (const auto* evaluation = std::get_if<EvaluationRecord>(&*job.record)) {
    if (features) add_stored(source_.store.features_file(job.job), evaluation->features_sha256);
    for (const auto& [name, sha256] : evaluation->outputs) add_stored(folder / name, sha256);
  }
  if (std::holds_alternative<TrainingRecord>(*job.record))
    for (const int attempt : experiments::stored_attempts(source_.files, folder))
      for (const char* log : {kStepLogName, kEvaluationLogName})
        add_if_stored(source_.store.attempt_file(job.job, attempt, log));
}

void BundleContents::add_packs() {
  std::set<fs::path> folders;
  for (const experiments::DatasetPlan& dataset : source_.plan.datasets)
    folders.insert(source_.store.pack_folder(dataset.pack));
  for (const fs::path& folder : folders)
    for (const char* name : {"pack.json", "manifest.json", "synthetic.json"}) add_if_stored(folder / name);
}

// Names of the suite for weights that its trainings began from.
void BundleContents::add_names_of_weights() {
  std::set<std::string> used;
  for (const experiments::PlannedJob& job : source_.plan.jobs)
    if (const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification))
      used.insert(training->initial_weights);
  const experiments::WeightsCatalogue catalogue(source_.files, source_.store);
  for (const std::string& name : catalogue.names())
    if (const auto weights = catalogue.find(name); weights && used.contains(weights->sha256))
      add_stored(source_.store.weights_name_file(name));
}

// The points that searches have passed over: without them they would wait for results.
void BundleContents::add_diverged() {
  for (const experiments::SearchPlan& search : source_.plan.searches)
    for (const experiments::JobId& job : search.diverged) add_if_stored(source_.store.divergence_file(job));
}

std::string readme_of(const experiments::Plan& plan, const BundleRequest& request) {
  const std::string data = !request.references.empty() ? "RESOLUTE_DATA_DIR=. " : "";
  return fmt::format(
      "# {}\n\n{}\n\nThe suite `{}` of resolute with its results. `tables/` has its tables; `store/` what they are "
      "made "
      "of. They are made again,\nwithout GPU, images or weights, by\n\n    {}{}\n\nand so are `resolute suite "
      "compare`, "
      "`export` and `report`. `bundle.json` lists every file with its SHA-256.\n",
      plan.suite, plan.title.empty() ? plan.suite : plan.title, plan.suite, data, request.table_command);
}

std::string index_of(const SuiteTables& tables, const BundleRequest& request, const BundleSummary& summary,
                     const std::vector<Piece>& entries) {
  core::Json files = core::Json::array();
  const std::size_t folder = tables.suite.size() + 1;
  for (const Piece& entry : entries)
    files.push_back({{"path", entry.name.substr(folder)}, {"bytes", entry.size}, {"sha256", entry.sha256}});
  return core::canonical_json({{"schema", kSuiteBundleSchema},
                               {"suite", tables.suite},
                               {"title", tables.title},
                               {"arguments", request.arguments},
                               {"complete", tables.complete},
                               {"jobs", {{"all", summary.all_jobs}, {"done", summary.jobs}}},
                               {"files", std::move(files)}}) +
         "\n";
}

}  // namespace

BundleSummary write_suite_bundle(const ResultsSource& source, const BundleRequest& request, const fs::path& file,
                                 const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  core::require_new_file(source.files, file);
  const SuiteTables tables = aggregate(source.plan, source.files, source.store);
  const Provenance provenance = provenance_of(source.plan, source.files, source.store);
  BundleSummary summary;
  summary.complete = tables.complete;
  summary.all_jobs = provenance.jobs.size();
  BundleContents contents(source);
  contents.add_text("README.md", readme_of(source.plan, request));
  contents.add_text("suite.toml", request.suite_text);
  for (const auto& [name, text] : request.references) contents.add_text("reference/" + name, text);
  for (auto& [name, text] : table_files(tables)) contents.add_text("tables/" + name, std::move(text));
  contents.add_text("tables/provenance.json", core::canonical_json(to_json(provenance)) + "\n");
  // `store gc` takes from the plan what the suite needs, and commands that look at it take its options from the other.
  contents.add_text(contents.stored_name(source.store.suite_folder(tables.suite) / request.plan_file),
                    request.plan_text);
  contents.add_text(contents.stored_name(experiments::typed_plans_file(source.store, tables.suite)),
                    experiments::typed_plans_text({{request.plan_file, request.arguments}}));
  contents.add_packs();
  contents.add_names_of_weights();
  contents.add_diverged();
  const auto files_of = [&](std::size_t i) {
    BundleContents of_job(source);
    if (provenance.jobs[i].record) of_job.add_job(provenance.jobs[i], request.features);
    return std::move(of_job).entries();
  };
  core::read_ahead(provenance.jobs.size(), files_of, [&](std::size_t i, std::vector<Piece> pieces) {
    contents.add(std::move(pieces));
    summary.jobs += provenance.jobs[i].record ? 1 : 0;
  });
  if (summary.jobs == 0)
    throw core::input_error(fmt::format("no job of suite '{}' is done", source.plan.suite),
                            "there is nothing to bundle", "run the suite first, or check --store and --profile");
  std::vector<Piece> entries = std::move(contents).entries();
  BundleContents index(source);
  index.add_text("bundle.json", index_of(tables, request, summary, entries));
  index.add(std::move(entries));
  const std::vector<Piece> all = std::move(index).entries();
  summary.files = all.size();
  for (const Piece& entry : all) summary.bytes += entry.size;
  std::uint64_t done = 0;
  const std::function<void(std::size_t)> tell = [&](std::size_t bytes) {
    done += bytes;
    if (progress) progress(done, summary.bytes);
  };
  std::vector<core::ZipEntry> zipped;
  for (const Piece& piece : all)
    zipped.push_back({piece.name, piece.size, deflates(piece.name),
                      [&piece, &tell] { return std::make_unique<HashedFile>(piece, tell); }});
  core::write_new_file(source.files, file, [&](const fs::path& temporary) { core::write_zip(temporary, zipped); });
  return summary;
}

}  // namespace resolute::results
