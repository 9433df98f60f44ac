#pragma once
//! \file
//! How far the journal is on the disk, and what waits for that: decisions that are to be carried out, and requests
//! whose files are to go. Also events that the next step records. Pure.

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "orchestrator/messages/event.h"
#include "orchestrator/store/run_store.h"

namespace resolute::orchestrator {

class JournalProgress {
 public:
  //! A sync was answered. \return whether the one before had failed
  bool keep(const Kept& kept) {
    kept_ = kept;
    return std::exchange(fails_, false);
  }
  //! The journal goes on in a file of this length.
  void go_on(std::uint64_t length) { kept_.length = length; }
  //! A sync failed by the store's doing: nothing may be decided until one succeeds.
  void fail() { fails_ = true; }
  bool fails() const { return fails_; }
  bool is_as_long_as(std::uint64_t length) const { return kept_.length >= length; }

  //! \param record its number \param at when it was decided
  void decide(std::uint64_t record, Instant at, Event decision) {
    decisions_.push_back({record, at, std::move(decision)});
  }
  //! The oldest decision, once its record is on the disk.
  std::optional<Event> take_decision() {
    if (decisions_.empty() || decisions_.front().record > kept_.records) return std::nullopt;
    Event decision = std::move(decisions_.front().decision);
    decisions_.pop_front();
    return decision;
  }
  //! A decision has waited since before then.
  bool waits_since_before(Instant then) const { return !decisions_.empty() && decisions_.front().at < then; }
  //! A placement waits.
  bool places() const {
    return std::ranges::any_of(
        decisions_, [](const Decision& waiting) { return std::holds_alternative<Placed>(waiting.decision); });
  }

  //! The event follows from something else that is being recorded: the next step records it.
  void hold(Event event) { held_.push_back(std::move(event)); }
  bool holds() const { return !held_.empty(); }
  //! In the order in which they came.
  std::vector<Event> take_held() { return std::exchange(held_, {}); }

  //! Requests were taken up. \param record number of the last record that follows from them
  void take_up(std::vector<std::string> requests, std::uint64_t record) {
    requests_ = std::move(requests);
    requests_record_ = record;
  }
  bool has_requests() const { return !requests_.empty(); }
  //! Those whose records are on the disk: they cannot be lost with their files any more.
  std::vector<std::string> take_requests() {
    return kept_.records >= requests_record_ ? std::exchange(requests_, {}) : std::vector<std::string>();
  }

 private:
  struct Decision {
    std::uint64_t record;
    Instant at;
    Event decision;
  };
  Kept kept_;
  bool fails_ = false;
  std::deque<Decision> decisions_;
  std::vector<Event> held_;
  std::vector<std::string> requests_;
  std::uint64_t requests_record_ = 0;
};

}  // namespace resolute::orchestrator
