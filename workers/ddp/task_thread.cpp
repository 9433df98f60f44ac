#include "workers/ddp/task_thread.h"

#include <utility>

namespace resolute::workers {

TaskThread::TaskThread(std::function<void()> begin) : thread_([this, begin = std::move(begin)] { work(begin); }) {}

TaskThread::~TaskThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void TaskThread::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void TaskThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return tasks_.empty() && !busy_; });
  if (failure_) std::rethrow_exception(failure_);
}

void TaskThread::work(const std::function<void()>& begin) {
  begin();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    busy_ = true;
    const bool skip = failure_ != nullptr;
    lock.unlock();
    std::exception_ptr failure;
    try {
      if (!skip) task();
    } catch (...) {
      failure = std::current_exception();
    }
    task = nullptr;
    lock.lock();
    busy_ = false;
    if (failure && !failure_) failure_ = failure;
    if (tasks_.empty()) changed_.notify_all();
  }
}

}  // namespace resolute::workers
