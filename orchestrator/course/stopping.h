#pragma once
//! \file
//! How a run ends: how urgently, and then why it has. Pure: time is passed in.

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class Stopping {
 public:
  //! A user wishes the run's end. A wish after the first one kills what still runs, once, if the run stops already.
  //! \param stopping the journal knows of a stop \param give_up_at for what still runs after a kill \return true if
  //! everything is to be killed now
  bool wish(bool stopping, Instant give_up_at) {
    if (std::holds_alternative<Unwished>(wishes_)) {
      wishes_ = Wished{};
      return false;
    }
    if (!stopping || std::holds_alternative<Killed>(wishes_)) return false;
    wishes_ = Killed{give_up_at};
    return true;
  }
  //! When what still runs after a kill is given up.
  std::optional<Instant> give_up_at() const {
    const auto* killed = std::get_if<Killed>(&wishes_);
    return killed != nullptr ? std::optional(killed->give_up_at) : std::nullopt;
  }
  //! Ranks are told to stop before the journal has taken why. \return true the first time
  bool tell_undecided() { return !std::exchange(ranks_told_, true); }
  //! The run has ended.
  void end(std::string why) { end_why_ = std::move(why); }
  bool ended() const { return end_why_.has_value(); }
  //! Empty while it has not.
  std::string why() const { return end_why_.value_or(""); }

 private:
  struct Unwished {};
  struct Wished {};
  struct Killed {
    Instant give_up_at;
  };
  std::variant<Unwished, Wished, Killed> wishes_;
  bool ranks_told_ = false;
  std::optional<std::string> end_why_;
};

}  // namespace resolute::orchestrator
