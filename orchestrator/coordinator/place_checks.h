#pragma once
//! \file
//! Checks of a run's places by their bits: burn-ins before the first job, and the first steps of some finished
//! trainings, which another place of the numeric class does again before its next training (`--repeat-share`). Pure.

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/files/json.h"
#include "orchestrator/coordinator/places_aside.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

inline constexpr int kRepeatedSteps = 10;

//! True of that share of all jobs, by their ids: always of the same ones, and of more with a larger share.
//! \param share 0 to 1
bool is_repeated(const experiments::JobId& job, double share);

//! A training of one rank that has succeeded waits until a training of one rank is launched at another place of its
//! numeric class: that one, the carrier, does the steps again before its own work. Of unlike bits a third place is
//! asked. What waits is forgotten with the run.
class Repeats {
 public:
  //! \param going_on trainings that go on from a shorter one's state: these have no first steps of their own
  explicit Repeats(double share, std::set<experiments::JobId> going_on = {})
      : share_(share), going_on_(std::move(going_on)) {}
  //! Each event of the run, before it is applied to `state`.
  void take(const State& state, const Event& event);
  //! A carrier does this first.
  struct Order {
    experiments::JobId training;
    //! GPUs of the carrier's agent that have computed the steps: on one of these it leaves that out, and the training
    //! waits on
    std::vector<std::string> not_on;
  };
  //! Nothing where no training waits for such a place. \param carrier a Running job that is about to be launched
  std::optional<Order> order_for(const State& state, JobIndex carrier);
  //! The carrier's answer to its Order. Nothing if it had none, said it before, or leaves it out.
  //! \param line its line of progress, with "repeat" (docs/inside/worker.md), unchecked
  std::optional<Repeated> take_answer(const State& state, JobIndex carrier, const core::Json& line);
  //! As next_verdict() of burn_in.h, over the bits of each training that is in doubt.
  std::optional<Event> next_verdict(const State& state) const;
  //! Trainings that no other place has repeated, or that wait for a third one.
  std::size_t waiting() const;
  //! Nothing that was computed on the host counts any more.
  void forget(const State& state, const std::string& host);

 private:
  //! A training, and the places that have computed its first steps; the first one's own digest is the recorded one.
  struct Repetition {
    std::vector<BurnedIn> places;
    bool waits = true;
  };
  bool is_candidate(const Job& job) const;
  bool is_new_place(const State& state, const Repetition& repetition, AgentNumber agent,
                    std::vector<std::string>& not_on) const;

  double share_;
  std::set<experiments::JobId> going_on_;
  //! Candidates at work in an attempt that began with the first step; once it has ended with 0, its GPU ("": the
  //! processors).
  std::map<JobIndex, std::optional<std::string>> from_first_step_;
  std::map<JobIndex, Repetition> repetitions_;
  std::map<JobIndex, JobIndex> carriers_;  //!< to the training that they repeat
};

//! All checks of a run's places.
struct PlaceChecks {
  std::vector<BurnedIn> burn_ins;  //!< in the order in which they came
  Repeats repeats;
  std::vector<PlaceAside> still_aside{};  //!< by earlier runs, and by agents that are gone (handover.h)

  std::optional<Event> next_verdict(const State& state) const;
  //! handover.h's events for an agent that has joined; from then on the run's state knows these places.
  std::vector<Event> take_still_aside(AgentNumber agent, const Join& joined);
  //! The agent is about to go: what is set aside of its GPUs stays so where another has them.
  void keep(const State& state, AgentNumber agent);
  //! A user who looked at the host knows better.
  void forget(const State& state, const std::string& host);
};

}  // namespace resolute::orchestrator
