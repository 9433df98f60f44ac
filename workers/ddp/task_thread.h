#pragma once
//! \file
//! A thread that does what it is given, one task after the other, in the order in which it was given.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace resolute::workers {

class TaskThread {
 public:
  //! \param begin what the thread does before its first task
  explicit TaskThread(std::function<void()> begin);
  //! Waits for what was given.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  //! A task that is destroyed has been done, or dropped behind one that failed.
  void post(std::function<void()> task);
  //! Waits until nothing is left to do. \throws what the first task that failed threw, in each call from then on
  void wait();

 private:
  void work(const std::function<void()>& begin);

  // Guarded by mutex_:
  std::deque<std::function<void()>> tasks_;
  bool busy_ = false;
  bool stop_ = false;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace resolute::workers
