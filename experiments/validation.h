#pragma once
//! \file
//! Range checks of specifications, with the offending member told apart from the text, so that a suite's reader can put
//! the file and line of that key before the message.

#include <string>
#include <vector>

#include "experiments/specification.h"
#include "settings/member_checks.h"

namespace resolute::experiments {

using settings::check_ascending;
using settings::check_choice;
using settings::check_positive;
using settings::check_range;
using settings::check_real;
using settings::kLargestRate;
using settings::MemberError;
using settings::text_of;

//! \throws MemberError for the first member out of range, alone or against the others
void check(const PackSettings& settings);
void check(const SplitSettings& settings);
void check(const JobSpecification& specification);
//! The evaluation itself, and what it asks of its training's method: a distance that the method has, levels of
//! resolution.
void check(const EvaluationSpecification& evaluation, const MethodOptions& method);

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
