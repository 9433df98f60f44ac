#include "cli/job/scratch_store.h"

#include <stdlib.h>

#include <cerrno>
#include <string>

#include "core/error.h"
#include "core/log.h"
#include "core/overloaded.h"
#include "experiments/store/bundle.h"

namespace resolute::cli {

using experiments::StoreLayout;

namespace {

// It lies beside the packs, on the disk of the first run. For a store that is read-only it lies elsewhere.
fs::path make_scratch_folder(const fs::path& store) {
  std::string beside = (store / experiments::kScratchStore).string();
  if (::mkdtemp(beside.data()) != nullptr) return beside;
  const int refused = errno;
  std::error_code none;  // an empty path would lead to the working folder
  std::string elsewhere = (fs::temp_directory_path(none) / "resolute-scratch-XXXXXX").string();
  if (!none && ::mkdtemp(elsewhere.data()) != nullptr) return elsewhere;
  throw core::system_error("cannot make a folder in '" + store.string() + "'", refused,
                           "make the store writable, or TMPDIR name a folder that is");
}

}  // namespace

ScratchStore::ScratchStore(const StoreLayout& original, bool keep)
    : original_(fs::absolute(original.root())), layout_(make_scratch_folder(original_.root())), keep_(keep) {}

ScratchStore::~ScratchStore() {
  if (keep_) {
    core::log_info("the run stays in '{}'", layout_.root().string());
    return;
  }
  std::error_code error;
  fs::remove_all(layout_.root(), error);  // links are removed, not what they lead to
  if (error) core::log_warning("cannot remove '{}' ({}); remove it by hand", layout_.root().string(), error.message());
}

void ScratchStore::share(const fs::path& path) {
  const fs::path link = layout_.root() / path;
  fs::create_directories(link.parent_path());
  fs::create_symlink(original_.root() / path, link);
}

// A job's small file, which may lie in a bundle: its bytes, not what was understood of them.
void ScratchStore::copy(const fs::path& path) {
  experiments::BundledFiles files(core::real_file_system(), original_);
  core::write_atomic(core::real_file_system(), layout_.root() / path, core::read_text(files, original_.root() / path));
}

void ScratchStore::prepare_finished(const results::TrainingRecord& training) {
  const auto below_root = [&](const fs::path& path) { return path.lexically_relative(original_.root()); };
  copy(below_root(original_.specification_file(training.job)));
  copy(below_root(original_.result_file(training.job)));
  share(below_root(original_.job_folder(training.job) / training.weights_file));
}

void ScratchStore::prepare(const experiments::JobId& job, const experiments::JobSpecification& specification) {
  experiments::BundledFiles files(core::real_file_system(), original_);
  auto below_root = [&](const fs::path& path) { return path.lexically_relative(original_.root()); };
  copy(below_root(original_.specification_file(job)));  // the worker checks that the bytes' hash is the job's id
  auto share_inputs = [&] {
    share("packs");
    share("weights");
  };
  std::visit(core::Overloaded{[](const experiments::ShardSpecification&) {},
                              [&](const experiments::SealSpecification& seal) {
                                const fs::path pack = original_.pack_folder(seal.pack);
                                for (const std::string& name : files.list(pack))
                                  if (name.starts_with("shard-")) share(below_root(pack) / name);
                              },
                              [&](const auto&) { share_inputs(); }},
             specification);
  // Not its folder: features of the first run lie there, which the worker would take.
  if (const experiments::JobId* training = experiments::weights_read_by(specification))
    if (const auto record = results::read_record(files, original_, *training))
      prepare_finished(std::get<results::TrainingRecord>(*record));
}

}  // namespace resolute::cli
