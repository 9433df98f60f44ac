#pragma once
//! \file
//! Events in words for people who know jobs by what they are and agents by their hosts, not by the journal's numbers;
//! and which events are worth a line.

#include <map>
#include <string>
#include <string_view>

#include "orchestrator/decisions/state.h"
#include "orchestrator/messages/event.h"

namespace resolute::operations {

//! An end by somebody's wish, or by the end of the time: nothing is wrong with the job.
bool is_no_failure(orchestrator::Cause cause);

//! The events of a journal that are shown.
enum class LogDetail {
  kAll,
  kImportant,  //!< not what each run repeats of every job when it begins, nor ranks that ended well
  kFailures,   //!< what went wrong, with its cause: neither stops on request nor lost time
};
//! True if an event is one of these. Pure.
bool is_shown(const orchestrator::Event& event, LogDetail detail);

//! The names that a journal gives its numbers. To be shown every event in order.
class EventWords {
 public:
  EventWords() = default;
  //! \param known the state behind all events: jobs and agents that came before the first
  explicit EventWords(const orchestrator::State& known);
  //! To be called before text(): later events speak of what this one names.
  void learn(const orchestrator::Event& event);
  //! One line without the time. A job is "training rain trial 0 'RAIN' on people (abcdef012345)".
  std::string text(const orchestrator::Event& event) const;
  //! The same of an event about a job, without the job.
  std::string text_without_job(const orchestrator::Event& event) const;
  //! True of an event about a job whose id begins with `digits`, alone or with others.
  bool is_about(const orchestrator::Event& event, std::string_view digits) const;

 private:
  struct Name {
    std::string id, label;
  };
  std::string hosts_of(const orchestrator::Placement& placement) const;
  std::string agent_text(const orchestrator::Event& event) const;

  std::map<orchestrator::JobIndex, Name> jobs_;
  std::map<orchestrator::AgentNumber, std::string> hosts_;
};

}  // namespace resolute::operations
