#pragma once
//! \file
//! Streams of the simulated accelerator: queues of kernels that the host fills and that run late, out of step with one
//! another. Kernels of one stream run in their order; between streams marks (events) are the only order. What runs
//! when is drawn from a seed per stream, not from the clock: a schedule comes again with its seed.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace resolute::accelerator {

//! How far a stream lags behind the host that fills it.
struct Lateness {
  enum class Kind {
    kNone,   //!< a kernel runs as soon as nothing before it is in its way
    kDrawn,  //!< anything from none to a few hundred kernels, drawn anew with each
    kMost,   //!< no kernel runs before somebody waits for it
    kMain,   //!< so those of default streams; others run as soon as nothing before them is in their way
  };
  Kind kind = Kind::kNone;
  std::uint64_t seed = 0;
};

//! Device and stream number. Stream 0 is the device's default one.
using StreamKey = std::pair<int, std::int64_t>;

//! A place in a stream: reached once all that stands before it has run.
struct Mark {
  StreamKey stream;
  bool reached = false;
  bool recorded = false;  // in a recording: nobody outside may wait for it
};
using MarkPointer = std::shared_ptr<Mark>;

//! What was asked of the device since reset_counts().
struct Counts {
  std::map<std::string, std::int64_t> kernels;       //!< by operator, on default streams
  std::map<std::string, std::int64_t> side_kernels;  //!< by operator, on all other streams
  std::map<std::string, std::int64_t> phases;        //!< all of `kernels`, by set_phase()'s name
  std::map<std::string, std::int64_t> waits;         //!< of the host for a stream, by "OPERATION in CALLER"
  std::map<std::string, std::int64_t> fetches;       //!< copies to the host, by "CALLER"
  std::map<std::string, std::int64_t> stream_waits;  //!< of a stream for another, by "CALLER, NUMBER" of the place
  std::int64_t bytes_to_device = 0;
  std::int64_t bytes_to_host = 0;
  std::int64_t allocations = 0;

  static std::int64_t sum(const std::map<std::string, std::int64_t>& counts);
};

//! All of the process. Its mutex guards memory and pinned memory too: kernels run on whichever thread enters.
class Streams {
 public:
  //! Discards nothing: what is queued runs by the new rule.
  void set_lateness(const Lateness& lateness);

  //! \param name counted, unless empty
  void enqueue(StreamKey stream, const std::string& name, std::function<void()> kernel);
  //! The place behind all that `stream` has been given.
  MarkPointer mark(StreamKey stream);
  //! What `stream` is given from here on runs after the mark is reached.
  void wait(StreamKey stream, const MarkPointer& mark);
  //! Whether a mark is reached. Asking brings it nearer, so that a host that asks again and again comes to an end.
  bool query(const MarkPointer& mark);
  //! Runs what has to run until the mark is reached. \param what counted as a wait of the host, as a GPU's profiler
  //! counts it: also of what is over. Empty: not counted
  void reach(const MarkPointer& mark, const std::string& what);
  void reach_all(int device, const std::string& what);

  //! From here on kernels of `stream` do not run, but are kept. As CUDA, libtorch is refused what is no kernel: waits
  //! of the host, and waits between this stream and others.
  void begin_recording(StreamKey stream);
  //! What has been kept, in its order.
  std::vector<std::function<void()>> end_recording(StreamKey stream);

  //! What is asked of the device from here on is of that phase.
  void set_phase(std::string name);
  //! Makes a mistake from here on: leaves out the wait at that place of Counts::stream_waits, the copies to the host of
  //! that caller of Counts::fetches, or what a thread says of its device ("setDevice"). Empty: none.
  void leave_out(std::string what);
  //! Counts a copy to the host. \return false where it is left out
  bool fetch();
  bool sets_device() const;

  void count_bytes(std::int64_t to_device, std::int64_t to_host);
  void count_allocation();
  Counts counts() const;
  void reset_counts();

  std::recursive_mutex& mutex() { return mutex_; }

 private:
  struct Kernel {
    std::function<void()> run;
  };
  struct Reached {
    MarkPointer mark;
  };
  struct Wait {
    MarkPointer mark;
  };
  using Item = std::variant<Kernel, Reached, Wait>;
  struct Stream {
    std::deque<Item> items;
    std::uint64_t given = 0;  // kernels so far
  };

  bool run_first(Stream& stream, bool forced);
  void finish(const MarkPointer& mark);
  void catch_up(StreamKey key, Stream& stream);

  mutable std::recursive_mutex mutex_;
  Lateness lateness_;
  std::map<StreamKey, Stream> streams_;
  std::map<StreamKey, std::vector<std::function<void()>>> recordings_;  // of streams that record
  Counts counts_;
  std::string phase_, left_out_;
  std::unordered_map<void*, std::string> callers_;
  std::map<std::string, std::vector<std::vector<void*>>> places_;  // of a caller: the calls below it, numbered
};

//! The process's streams. They are never destroyed: threads of libtorch outlive main().
Streams& streams();

}  // namespace resolute::accelerator
