#pragma once
//! \file
//! Range checks of specifications, with the offending member told apart from the text, so that a suite's reader can put
//! the file and line of that key before the message.

#include <string>
#include <vector>

#include "core/error.h"
#include "experiments/specification.h"

namespace resolute::experiments {

//! What validate() throws before `where` is put in front: "key 'train.steps' has the value 0 (…); …", kind kInput.
class MemberError : public core::RuntimeError {
 public:
  //! \param key the member as a suite spells it, e.g. "train.steps"
  //! \param value its value as text, e.g. "0" or "'resnet51'"
  MemberError(std::string key, std::string_view value, std::string_view why, std::string_view suggestion = {});
  const std::string& key() const { return key_; }
  //! The same said of a place in a suite: "PLACE: key '…' has the value … (WHY, CONTEXT); SUGGESTION".
  core::RuntimeError in_suite(std::string_view place, std::string_view context) const;

 private:
  std::string key_;
  std::string value_;
  std::string why_;
  std::string suggestion_;
};

//! \throws MemberError for the first member out of range, alone or against the others
void check(const PackSettings& settings);
void check(const SplitSettings& settings);
void check(const JobSpecification& specification);
//! The evaluation itself, and what it asks of its training's method: a distance that the method has, levels of
//! resolution.
void check(const EvaluationSpecification& evaluation, const MethodOptions& method);
//! \throws MemberError unless `value` is one of `choices`; suggests the nearest
void check_choice(const std::string& key, const std::string& value, const std::vector<std::string>& choices);

//! The sources of data sets that an ingester exists for, sorted: datasets::source_names(), which this library does not
//! link (a test compares them).
const std::vector<std::string>& source_names();
//! Whether a source's queries came in low resolution: no split of it chooses which.
bool queries_came_low(const std::string& source);
//! How many test sets a source publishes for the partition "published", numbered from 0; 0: none.
int published_sets(const std::string& source);

//! True for 1 to 64 of [a-z0-9-], not starting with a dash: names of suites and data sets, safe as folder names.
bool is_plain_name(std::string_view text);

}  // namespace resolute::experiments
