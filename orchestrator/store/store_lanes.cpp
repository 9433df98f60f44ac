#include "orchestrator/store/store_lanes.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include "core/error.h"
#include "core/process/process.h"

namespace resolute::orchestrator {
namespace {

// The wait for threads whose last call returns soon; those of a store that hangs are left.
constexpr std::chrono::milliseconds kLeaveLimit(200);

}  // namespace

//! The state that the threads share with their owner, and keep alive where they outlive it. All under `mutex`.
struct StoreThreads::Shared {
  struct Lane {
    int most_threads = 1;
    int threads = 0;
    std::size_t resting = 0;  //!< threads
    //! Calls by name; the first of each is under way unless its name is in `ready`.
    std::map<std::string, std::deque<Call>> calls;
    std::deque<std::string> ready;
    std::condition_variable called;
  };

  std::mutex mutex;
  Lane in_order, beside;
  std::size_t open = 0;  //!< calls that have not returned
  std::multiset<core::MonotonicTime> under_way;
  std::vector<Answered> answered;
  core::FileDescriptor news{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  bool ending = false;
  std::condition_variable changed;  //!< `open`, or a thread has ended

  static void give(const std::shared_ptr<Shared>& self, Lane& lane, const std::string& name, Call call) {
    std::lock_guard lock(self->mutex);
    ++self->open;
    auto& queue = lane.calls[name];
    queue.push_back(std::move(call));
    if (queue.size() > 1) return;
    lane.ready.push_back(name);
    if (lane.ready.size() > lane.resting && lane.threads < lane.most_threads)
      start_thread(self, lane);
    else
      lane.called.notify_one();
  }

  static void start_thread(const std::shared_ptr<Shared>& self, Lane& lane) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([self, &lane] { self->serve(lane); }).detach();
      ++lane.threads;
    } catch (const std::system_error& error) {
      // If a limit allows no more, the threads that are there do it.
      if (lane.threads == 0) throw core::system_error("cannot start a thread for the store", error.code().value());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void serve(Lane& lane) {
    std::unique_lock lock(mutex);
    while (true) {
      ++lane.resting;
      lane.called.wait(lock, [&] { return ending || !lane.ready.empty(); });
      --lane.resting;
      if (ending) break;
      const std::string name = std::move(lane.ready.front());
      lane.ready.pop_front();
      Call call = std::move(lane.calls.at(name).front());
      const auto begun = under_way.insert(core::monotonic_clock().now());
      lock.unlock();
      Answered then = call();
      lock.lock();
      if (ending) {
        // Nobody waits for this thread, and the process may be past its end: what the call holds is not destroyed.
        static_cast<void>(new std::pair(std::move(call), std::move(then)));
        break;
      }
      lock.unlock();
      call = nullptr;
      lock.lock();
      if (ending) break;
      under_way.erase(begun);
      auto queue = lane.calls.find(name);
      queue->second.pop_front();
      if (queue->second.empty())
        lane.calls.erase(queue);
      else
        lane.ready.push_back(name);
      answered.push_back(std::move(then));
      if (answered.size() == 1) ::eventfd_write(news.get(), 1);
      if (--open == 0) changed.notify_all();
    }
    --lane.threads;
    changed.notify_all();
  }
};

StoreThreads::StoreThreads(int beside) : shared_(std::make_shared<Shared>()) {
  if (!shared_->news.valid()) throw core::system_error("cannot make an event descriptor", errno);
  shared_->beside.most_threads = beside;
}

StoreThreads::~StoreThreads() {
  decltype(Shared::Lane::calls) dropped[2];
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->in_order.called.notify_all();
  shared_->beside.called.notify_all();
  shared_->changed.wait_for(lock, kLeaveLimit,
                            [&] { return shared_->in_order.threads + shared_->beside.threads == 0; });
  std::swap(dropped[0], shared_->in_order.calls);
  std::swap(dropped[1], shared_->beside.calls);
  lock.unlock();
}

void StoreThreads::in_order(Call call) { Shared::give(shared_, shared_->in_order, "", std::move(call)); }

void StoreThreads::beside(const std::string& name, Call call) {
  Shared::give(shared_, shared_->beside, name, std::move(call));
}

std::vector<StoreLanes::Answered> StoreThreads::answers() {
  std::lock_guard lock(shared_->mutex);
  if (shared_->answered.empty()) return {};
  eventfd_t count = 0;
  ::eventfd_read(shared_->news.get(), &count);
  return std::exchange(shared_->answered, {});
}

bool StoreThreads::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_for(lock, limit, [&] { return shared_->open == 0; });
}

core::MonotonicTime::duration StoreThreads::blocked_for() const {
  std::lock_guard lock(shared_->mutex);
  if (shared_->under_way.empty()) return {};
  return core::monotonic_clock().now() - *shared_->under_way.begin();
}

int StoreThreads::descriptor() const { return shared_->news.get(); }

}  // namespace resolute::orchestrator
