#pragma once
//! \file
//! `STORE/trash`: where a collection, or a compaction, puts things before they go for good, so that a kill at any
//! moment loses nothing.
//!
//!     taken-TOKEN/    of a collection at work, which renews the owner file in it; a starting run waits for it
//!     back-TOKEN/     of a collection that is over: whoever meets it puts everything back
//!     doomed-TOKEN/   decided: nobody looks into it again, and the next collection deletes what is left of it
//!
//!     compact/        the same folders of compactions (compact.h); no run waits for one
//!
//! An item's name in there is ":" and its path below the store, with ":" for "/". Each change of state is one rename of
//! the folder: a collection that stood still and goes on finds its own folder gone, and can take nothing more.

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/messages/event.h"

namespace resolute::operations {

//! The commands that take things out of a store: `resolute store gc`, `resolute suite compact`. One of each is at work
//! at a time.
enum class Taker { kCollection, kCompaction };

//! How long a taker's owner file may stand still before others take it for dead, as with runs.
inline constexpr std::chrono::milliseconds kCollectionLease = std::chrono::seconds(15);

//! Returns when nothing that such a taker has taken is undecided: waits for those at work, and puts back what dead ones
//! have taken. \throws RuntimeError of the store
void settle_trash(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store,
                  Taker taker = Taker::kCollection, std::chrono::milliseconds lease = kCollectionLease);

//! Folders of what is decided to go, left by collections that were killed.
std::vector<std::filesystem::path> doomed_folders(core::FileSystem& files, const experiments::StoreLayout& store);

//! A taker at work. From a collection's making to commit() every run that starts waits.
class Taking {
 public:
  //! Waits for others of the kind. \throws RuntimeError: kTransient if another begins at the same moment; as
  //! settle_trash()
  Taking(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store,
         Taker taker = Taker::kCollection);
  Taking(const Taking&) = delete;
  Taking& operator=(const Taking&) = delete;
  //! When it began, by the clock of the store's file system.
  orchestrator::Instant began() const { return began_; }
  //! To be called at least once per kCollectionLease, on any thread. \throws RuntimeError (kTransient) if others took
  //! it for dead and put everything back
  void renew();
  //! \param path below the store \return false if it stays: it cannot be moved, or its name is too long
  bool take(const std::string& path);
  //! Why the first thing that take() has left, and that is still there, cannot be moved; empty: there is none.
  const std::string& refusal() const { return refusal_; }
  //! Takes a file that nobody needs back, and removes it: whoever was taken for dead removes nothing. Any thread.
  //! \return as take()
  bool remove(const std::string& path);
  void put_back(const std::string& path);
  //! The things taken now come back no more. \return the folder that is to be deleted \throws as renew()
  std::filesystem::path commit();
  //! Puts all back, and ends, in place of commit(). A failure is logged, and the rest is left to the next run or taker.
  void give_up();

 private:
  [[noreturn]] void refuse_overtaken() const;

  core::FileSystem& files_;
  const core::Clock& clock_;
  const experiments::StoreLayout& store_;
  Taker taker_;
  std::filesystem::path folder_;
  std::mutex guard_;  // of the next three
  std::int64_t counter_ = 0;
  core::MonotonicTime renewed_;
  std::string refusal_;
  orchestrator::Instant began_{};
};

}  // namespace resolute::operations
