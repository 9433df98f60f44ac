#pragma once
//! \file
//! Another name for a suite of a store: its folders move from `suites/OLD` and `suites/OLD@K` to the new name. Jobs are
//! known by what they compute, so results stay where they are.

#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "experiments/store/suite_source.h"

namespace resolute::operations {

//! Changes nothing. \param given the suite's file, in which the new name stands already
//! \throws RuntimeError: kInput where the store has no suite `from`, or has one by the name `to`; of the store
void require_renamable(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& from,
                       const std::string& to, const experiments::SuiteSource& given);

//! No run of the suite may be at work. One rename of its folder decides: until then the suite is `from`, with its
//! plans, tables and submissions, and from then on it is `to`, and all of it is there. After a kill before that it may
//! be done again: journals of further allocations that have moved by then are passed over. A collection reads every
//! suite twice, so it may miss a folder that moves once, but not take what it needs. \throws RuntimeError as
//! require_renamable()
void rename_suite(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& from,
                  const std::string& to, const experiments::SuiteSource& given);

}  // namespace resolute::operations
