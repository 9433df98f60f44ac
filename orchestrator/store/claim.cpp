#include "orchestrator/store/claim.h"

#include <cerrno>

#include "core/files/json.h"
#include "core/log.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"

namespace resolute::orchestrator {
namespace {

std::string text_of(const JobClaim& claim) {
  return core::canonical_json({{"epoch", claim.epoch}, {"run", claim.run}, {"suite", claim.suite}}) + "\n";
}

// BeeGFS before 7.4 and AFS link within a folder alone, and so do filesets and project quotas that end between two.
bool is_refused_across(int error_number) {
  for (const int refusal : {EPERM, EXDEV, EMLINK, EOPNOTSUPP, ENOSYS})
    if (error_number == refusal) return true;
  return false;
}

}  // namespace

std::optional<JobClaim> parse_claim(const std::string& text, const std::string& where) {
  try {
    const core::Json json = core::parse_json(text, where);
    core::ObjectReader reader(json, where);
    JobClaim claim;
    claim.epoch = reader.required<std::int64_t>("epoch");
    claim.run = reader.required<std::string>("run");
    claim.suite = reader.required<std::string>("suite");
    reader.finish();
    // It becomes a path.
    if (claim.suite.empty() || claim.suite.find_first_of("/.") != std::string::npos) return std::nullopt;
    return claim;
  } catch (const core::RuntimeError&) {
    return std::nullopt;
  }
}

fs::path claim_file(const experiments::StoreLayout& store, const experiments::JobId& job) {
  return store.job_folder(job) / "claim";
}

Claims::Claims(core::FileSystem& files, const core::Clock& clock, experiments::StoreLayout store, JobClaim self,
               std::chrono::milliseconds lease)
    : files_(files),
      clock_(clock),
      store_(std::move(store)),
      self_(std::move(self)),
      text_(text_of(self_)),
      file_(store_.suite_folder(self_.suite) / fmt::format("claim-{:06}", self_.epoch)),
      lease_(lease) {
  core::replace_unsynced(files_, file_, text_, core::Folders::kMustExist);
  own_ = files_.identity(file_).value_or(core::FileIdentity{});
}

Claims::~Claims() {
  try {
    files_.remove(file_);
  } catch (const std::exception& error) {
    core::log_warning("{}", error.what());
  }
}

std::optional<std::string> Claims::take(const experiments::JobId& job) {
  const fs::path path = claim_file(store_, job);
  // A claim may be broken by another between two looks; three times in a row is somebody else's.
  for (int look = 0; look < 3; ++look) {
    if (link_to(path)) return std::nullopt;
    const auto text = core::read_text_if_exists(files_, path);
    if (!text) continue;
    if (*text == text_) return std::nullopt;
    const auto holder = parse_claim(*text, path.string());
    if (holder ? !over(*holder) : !unchanged(path.string(), 0))
      return holder ? fmt::format("run {} of suite '{}' works on it", holder->epoch, holder->suite)
                    : fmt::format("'{}' cannot be read", path.string());
    take_away(path, *text);
  }
  return "other runs take its claim";
}

// The run's own file is made again where somebody has tidied it away; its folder is not: without that the store is not
// there, be it moved or not mounted.
bool Claims::link_to(const fs::path& path) {
  if (within_folders_) return core::publish_exclusive(files_, path, text_, core::Folders::kMustExist);
  try {
    return files_.link(file_, path);
  } catch (const core::RuntimeError& error) {
    if (is_refused_across(error.error_number())) {
      within_folders_ = remade_ = true;
      return link_to(path);
    }
    if (error.error_number() != ENOENT || files_.exists(file_)) throw;
  }
  const fs::path folder = file_.parent_path();
  if (!files_.exists(folder)) throw core::system_error(fmt::format("'{}' is gone", folder.string()), ESTALE);
  core::replace_unsynced(files_, file_, text_, core::Folders::kMustExist);
  remade_ = true;
  return files_.link(file_, path);
}

// A third run may have broken the claim that was read, and taken it anew: then its claim goes back where it was. Should
// yet another have come by then, two work on one job, which costs time and nothing else.
void Claims::take_away(const fs::path& path, const std::string& text) {
  const fs::path aside = core::temporary_beside(path);
  try {
    files_.rename(path, aside);
  } catch (const core::RuntimeError& error) {
    // If another has taken it away, a third may have its own there by now.
    if (!error.is_missing() && files_.exists(path)) throw;
    return;
  }
  if (core::read_text(files_, aside) != text) files_.link(aside, path);
  files_.remove(aside);
}

bool Claims::unchanged(const std::string& key, std::int64_t counter) {
  const auto now = clock_.now();
  std::lock_guard lock(mutex_);
  auto [seen, fresh] = seen_.try_emplace(key, Standstill{counter, now});
  if (seen->second.counter != counter) seen->second = {counter, now};
  return now - seen->second.since > lease_;
}

bool Claims::over(const JobClaim& holder) {
  // The owner of a later epoch of the suite has taken it over. A claim of this epoch that is not ours is of a run whose
  // suite's folder was moved away since, so that epochs began anew.
  if (holder.suite == self_.suite && holder.epoch <= self_.epoch) return true;
  const auto owner = read_owner(files_, store_.suite_folder(holder.suite), holder.epoch);
  if (owner && life_of(*owner) == OwnerLife::kEnded) return true;
  return unchanged(holder.run, owner ? owner->counter : -1);
}

bool Claims::has(const experiments::JobId& job) {
  const fs::path path = claim_file(store_, job);
  // A look says whose it is, at less cost than reading it.
  const auto found = files_.identity(path);
  return found == own_ || (found && remade_ && core::read_text_if_exists(files_, path) == text_);
}

void Claims::release(const experiments::JobId& job) {
  try {
    if (has(job)) files_.remove(claim_file(store_, job));
  } catch (const core::RuntimeError& error) {
    core::log_warning("a claim was not given back: {}", error.what());
  }
}

bool ClaimHolders::held(const experiments::JobId& job) {
  const fs::path path = claim_file(store_, job);
  const auto text = core::read_text_if_exists(files_, path);
  if (!text) return false;
  const auto claim = parse_claim(*text, path.string());
  if (!claim) return true;
  const std::lock_guard lock(guard_);
  const auto [known, fresh] = alive_.try_emplace(*text, true);
  if (fresh) known->second = may_live(*claim);
  return known->second;
}

bool ClaimHolders::may_live(const JobClaim& claim) {
  const fs::path folder = store_.suite_folder(claim.suite);
  const auto owner = read_owner(files_, folder, claim.epoch);
  if (owner && life_of(*owner) == OwnerLife::kEnded) return false;
  const auto epochs = journal_epochs(files_, folder);
  if (epochs.empty()) return owner.has_value();
  // Another run has taken the suite over since; the same one may have gone on in a further epoch.
  const auto newest = read_journal_header(files_, folder / journal_name(epochs.back()));
  return !newest || newest->run == claim.run;
}

}  // namespace resolute::orchestrator
