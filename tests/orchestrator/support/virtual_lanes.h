#pragma once
//! \file
//! StoreLanes without threads: calls are made, and take as long as a test wants, by its clock.

#include <algorithm>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "orchestrator/store/store_lanes.h"

namespace resolute::tests {

//! What a call does it does in the moment at which it returns.
class VirtualLanes final : public orchestrator::StoreLanes {
 public:
  explicit VirtualLanes(const core::Clock& clock) : clock_(clock) {}
  //! How long a call takes that begins now.
  std::function<std::chrono::nanoseconds(bool in_order)> takes = [](bool) { return std::chrono::nanoseconds(0); };
  std::size_t most_beside = 16;

  void in_order(Call call) override { give("", true, std::move(call)); }
  void beside(const std::string& name, Call call) override { give(name, false, std::move(call)); }
  std::vector<Answered> answers() override {
    begin_calls();
    while (true) {
      auto first = std::min_element(under_way_.begin(), under_way_.end(),
                                    [](const UnderWay& a, const UnderWay& b) { return a.ends < b.ends; });
      if (first == under_way_.end() || first->ends > clock_.now()) break;
      make(first);
      begin_calls();
    }
    return std::exchange(answered_, {});
  }
  bool wait(std::chrono::milliseconds) override {
    for (begin_calls(); !under_way_.empty(); begin_calls()) make(under_way_.begin());
    return true;
  }
  core::MonotonicTime::duration blocked_for() const override {
    core::MonotonicTime::duration longest{};
    for (const UnderWay& call : under_way_) longest = std::max(longest, clock_.now() - call.begun);
    return longest;
  }

 private:
  struct UnderWay {
    std::pair<bool, std::string> name;
    core::MonotonicTime begun, ends;
  };
  void give(const std::string& name, bool in_order, Call call) {
    auto& queue = calls_[{in_order, name}];
    queue.push_back(std::move(call));
    if (queue.size() == 1) ready_.emplace_back(in_order, name);
  }
  void begin_calls() {
    for (auto next = ready_.begin(); next != ready_.end();) {
      const auto beside =
          std::count_if(under_way_.begin(), under_way_.end(), [](const UnderWay& call) { return !call.name.first; });
      if (!next->first && static_cast<std::size_t>(beside) >= most_beside) {
        ++next;
        continue;
      }
      under_way_.push_back({*next, clock_.now(), clock_.now() + takes(next->first)});
      next = ready_.erase(next);
    }
  }
  void make(std::list<UnderWay>::iterator call) {
    const auto name = call->name;
    under_way_.erase(call);
    auto& queue = calls_.at(name);
    answered_.push_back(queue.front()());
    queue.pop_front();
    if (queue.empty())
      calls_.erase(name);
    else
      ready_.push_back(name);
  }

  const core::Clock& clock_;
  std::map<std::pair<bool, std::string>, std::deque<Call>> calls_;
  std::list<std::pair<bool, std::string>> ready_;
  std::list<UnderWay> under_way_;
  std::vector<Answered> answered_;
};

}  // namespace resolute::tests
