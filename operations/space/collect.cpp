#include "operations/space/collect.h"

#include <cerrno>
#include <mutex>

#include "core/process/side_by_side.h"
#include "operations/space/contents.h"
#include "operations/space/needs.h"
#include "operations/space/trash.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::operations {
namespace {

// A process whose temporary file is taken away fails, and with it a job's attempt.
constexpr std::chrono::hours kScratchLives(1);

void hold_young_scratch(StoredItem& item, orchestrator::Instant now) {
  if (item.kind == ItemKind::kScratch && item.touched > now - kScratchLives) item.held = true;
}

class Collection {
 public:
  Collection(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store,
             const CollectOptions& options)
      : files_(files), clock_(clock), store_(store), options_(options) {}

  CollectReport run() {
    if (!options_.remove) {
      report_.items = candidates();
      for (const fs::path& folder : doomed_folders(files_, store_)) report_.trash_bytes += bytes_in(folder);
      return report_;
    }
    // Things that earlier collections have decided to remove go before anything is written: the disk may be full.
    remove_doomed({});
    files_.create_directories(store_.root() / "suites");
    settle_trash(files_, clock_, store_);
    std::vector<StoredItem> items = candidates();
    Taking taking(files_, clock_, store_);
    fs::path doomed;
    try {
      doomed = decide(taking, items);
    } catch (...) {
      taking.give_up();
      throw;
    }
    report_.items = std::move(items);
    remove_doomed(doomed);
    return report_;
  }

 private:
  // Reading all of a store may take minutes, for which no run shall wait; so this is no more than a proposal.
  std::vector<StoredItem> candidates() {
    const auto needs = read_needs(files_, store_, [&](const fs::path& folder) { return files_.list(folder); });
    std::vector<StoredItem> contents = read_contents(files_, store_, planned_of(needs));
    for (StoredItem& item : contents) {
      item.held = item.held || !is_asked_for(item);
      hold_young_scratch(item, orchestrator::wall_clock());
    }
    const Names needed = names_of(needs);
    std::vector<StoredItem> items =
        what_nothing_needs(needed, contents, orchestrator::wall_clock() - options_.untouched);
    report_.young = static_cast<std::int64_t>(
        what_nothing_needs(needed, contents, orchestrator::Instant::max()).size() - items.size());
    std::set<std::string> going;
    for (const StoredItem& item : items) going.insert(item.path);
    for (const StoredItem& item : contents)
      if (!item.needs && !going.contains(item.path)) report_.unknown.push_back(item.path);
    return items;
  }

  bool is_asked_for(const StoredItem& item) const { return options_.only.empty() || options_.only.contains(item.kind); }

  // \param items that may go; those that went \return the folder in which they are
  fs::path decide(Taking& taking, std::vector<StoredItem>& items) {
    const auto needs = [&] {
      return names_of(read_needs(files_, store_, [&](const fs::path& folder) {
        taking.renew();
        return orchestrator::fresh_list(files_, folder);
      }));
    };
    const orchestrator::Instant since = taking.began() - options_.untouched;
    const Names needed = needs();
    for (StoredItem& item : items) {
      look_again(files_, store_, item, [&] { taking.renew(); });
      hold_young_scratch(item, taking.began());
    }
    items = what_nothing_needs(needed, items, since);
    for (StoredItem& item : items)
      if (!taking.take(item.path)) item.held = true;
    if (report_.kept_why.empty()) report_.kept_why = taking.refusal();
    // A suite may have come meanwhile, whose run waits for what is decided now; what could not be moved needs what it
    // stands on.
    const std::vector<StoredItem> going = what_nothing_needs(needs(), items, since);
    std::set<std::string> go;
    for (const StoredItem& item : going) go.insert(item.path);
    for (const StoredItem& item : items) {
      if (item.held) ++report_.kept;
      if (item.held || go.contains(item.path)) continue;
      taking.put_back(item.path);
      ++report_.put_back;
    }
    items = going;
    return taking.commit();
  }

  std::uint64_t bytes_in(const fs::path& folder) {
    StoredItem item{ItemKind::kScratch, folder.lexically_relative(store_.root()).string()};
    look_again(files_, store_, item);
    return item.bytes;
  }

  // \param decided by this collection: its items are counted by themselves
  void remove_doomed(const fs::path& decided) {
    for (const fs::path& folder : doomed_folders(files_, store_)) {
      if (folder != decided) report_.trash_bytes += bytes_in(folder);
      empty(folder);
    }
  }

  void empty(const fs::path& folder) {
    const auto names = files_.list(folder);
    std::size_t done = 0;
    core::side_by_side(names.size(), [&](std::size_t i) {
      std::error_code error;
      fs::remove_all(folder / names[i], error);
      const std::lock_guard lock(guard_);
      if (error) ++report_.kept;
      if (error && report_.kept_why.empty())
        report_.kept_why =
            core::system_error(fmt::format("cannot remove '{}'", (folder / names[i]).string()), error.value()).what();
      if (options_.progress) options_.progress(++done, names.size());
    });
    files_.remove_folder(folder);
  }

  core::FileSystem& files_;
  const core::Clock& clock_;
  const experiments::StoreLayout& store_;
  const CollectOptions& options_;
  std::mutex guard_;  // of the progress and the report
  CollectReport report_;
};

}  // namespace

CollectReport collect(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store,
                      const CollectOptions& options) {
  try {
    return Collection(files, clock, store, options).run();
  } catch (const core::RuntimeError& error) {
    if (!options.remove || (error.error_number() != ENOSPC && error.error_number() != EDQUOT)) throw;
    throw core::system_error(
        fmt::format("a few KiB that a collection has to write find no room in '{}'", store.root().string()),
        error.error_number(),
        "remove a file of what `resolute store gc --json` lists by hand, such as a checkpoint, and start it again");
  }
}

}  // namespace resolute::operations
