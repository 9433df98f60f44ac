#pragma once
//! \file
//! Calls of the store, which may block as long as the store does, are made here: never on the thread that answers
//! heartbeats, which gives calls away and takes their answers.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"

namespace resolute::orchestrator {

//! All members but the calls themselves are of one thread.
class StoreLanes {
 public:
  //! Handles a call's answer, on the thread that gave the call away.
  using Answered = std::function<void()>;
  //! Made on any thread. Throws nothing, and refers to nothing that may go before it has returned.
  using Call = std::function<Answered()>;
  virtual ~StoreLanes() = default;
  //! The call is made after all that were given here before.
  virtual void in_order(Call call) = 0;
  //! The call is made after those of the same name, side by side with those of others.
  virtual void beside(const std::string& name, Call call) = 0;
  //! The answers of the calls that have returned since the last time, in the order in which they returned. Never waits.
  virtual std::vector<Answered> answers() = 0;
  //! Waits until every call has returned. \return false if the time was over before that
  virtual bool wait(std::chrono::milliseconds limit) = 0;
  //! For how long the oldest call that has begun has not returned; 0 where none is under way.
  virtual core::MonotonicTime::duration blocked_for() const = 0;
  //! Readable while there are answers; -1: none.
  virtual int descriptor() const { return -1; }
};

//! A thread that keeps order and up to `beside` others, each started when it is first needed, with all signals blocked.
class StoreThreads final : public StoreLanes {
 public:
  explicit StoreThreads(int beside = 16);
  StoreThreads(const StoreThreads&) = delete;
  StoreThreads& operator=(const StoreThreads&) = delete;
  //! Calls that have not begun are never made; one that the store does not let return is left behind with its thread.
  ~StoreThreads() override;
  void in_order(Call call) override;
  void beside(const std::string& name, Call call) override;
  std::vector<Answered> answers() override;
  bool wait(std::chrono::milliseconds limit) override;
  core::MonotonicTime::duration blocked_for() const override;
  int descriptor() const override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace resolute::orchestrator
