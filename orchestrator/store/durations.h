#pragma once
//! \file
//! How long jobs take, and what of a machine, learned from those that the store has seen: the longest are started
//! first, the allocation's end is kept in view, and a plan can say when it will be done. No result depends on it.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::orchestrator {

//! Jobs of one class take time in proportion to their work: the specification without what only sets the amount (steps,
//! milestones, seed, trial, shard), and the process ranks. The kind and the device stand in the specification.
struct Workload {
  std::string class_name;  //!< 16 hexadecimal digits
  double work = 1;         //!< training: steps; evaluation, shard, seal: 1
  double prior_ms = 0;     //!< a rough guess where nothing was learned, good for the order alone; grows with the images
};
//! The workload of every job, by position in `plan.jobs`. Pure. An evaluation whose training is not in the plan has a
//! class of its own.
std::vector<Workload> workloads_of(const experiments::Plan& plan);

//! One job's measured life.
struct MeasuredDuration {
  std::string class_name;
  double work = 0;           //!< done in this attempt
  double milliseconds = 0;   //!< from start to end
  double checkpoint_ms = 0;  //!< from start to the first checkpoint; 0: none
  double peak_mib = 0;       //!< resident memory of its largest rank; 0: unknown
  double processors = 0;     //!< that a rank kept busy, in the mean; 0: unknown
};

//! `STORE/durations/RUN.jsonl`, one file per run, appended without fsync; a torn line is skipped when read. A
//! store that is gone is not made anew.
//! \param run its token
void append_durations(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& run,
                      std::span<const MeasuredDuration> durations);

class Durations {
 public:
  //! Reads the newest files of the folder, at most 64 MiB, and of each class the newest 256 lives. Nothing depends on
  //! them: what cannot be read is left out with a warning.
  static Durations read(core::FileSystem& files, const experiments::StoreLayout& store);
  void add(const MeasuredDuration& duration);
  struct Expected {
    double milliseconds = 0;   //!< median rate of the class times the work; the prior where none is known
    double checkpoint_ms = 0;  //!< median; where no checkpoint was seen `milliseconds`; 0: unknown
    bool learned = false;
  };
  Expected expected(const Workload& workload) const;
  //! The memory and processors that a rank of a class took, over the lives in which that was measured.
  struct Taken {
    std::size_t lives = 0;
    double peak_mib = 0;    //!< the most
    double processors = 0;  //!< the most
  };
  Taken taken(const Workload& workload) const;

 private:
  struct Class {
    std::deque<MeasuredDuration> lives;  //!< newest last
    double rate = 0;                     //!< median milliseconds a unit of work
    double checkpoint_ms = 0;            //!< median of those that had one; 0: none had
  };
  //! The last lines of a file. \return bytes read, at most `limit`
  std::uint64_t add_end_of(core::ReadableFile& file, std::uint64_t limit);
  void add_older(std::string_view line);
  static void learn(Class& known);
  std::map<std::string, Class, std::less<>> by_class_;
};

//! expected_ms of each job and the longest chain of those that need it, by position in `plan.jobs`.
struct ExpectedPath {
  Workload workload;
  std::int64_t expected_ms = 0;
  std::int64_t path_ms = 0;
  std::int64_t checkpoint_ms = 0;
  bool learned = false;
};
std::vector<ExpectedPath> expected_paths(const experiments::Plan& plan, const Durations& durations);

//! The memory and processors that a rank of a kind of jobs took in this store.
struct KindTaken {
  std::string kind;             //!< kind_name()
  std::size_t jobs = 0;         //!< of the plan
  std::size_t known = 0;        //!< of those: jobs like them have been measured
  Durations::Taken taken = {};  //!< of all that are known
};
//! For each kind of the plan's jobs, in the order in which the plan has them first. Pure.
std::vector<KindTaken> taken_by_kind(const experiments::Plan& plan, const Durations& durations);

}  // namespace resolute::orchestrator
