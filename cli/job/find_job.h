#pragma once
//! \file
//! The job that a user names on the command line.

#include <optional>
#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! The fewest digits of its id that name a job.
inline constexpr std::size_t kFewestDigits = 4;

//! \return true if `name` has the form of an id's first kFewestDigits digits or more
bool are_digits(const std::string& name);

//! \return true if `name` is no job, but the file of a specification or a pipe that yields one
bool is_job_file(const std::string& name);

//! \param name the path of a specification, or at least kFewestDigits digits with which one job's id begins
//! \throws core::RuntimeError (kInput): no job of the store begins so; several do (they are listed); the file is no
//! valid specification
experiments::JobId find_job(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& name);

//! A job that a journal knows. \param name as find_job() takes it, or a row of a suite that was run, or words that only
//! one job of the suite has (operations::jobs_called()); if several jobs fit, it is the only one that has written to
//! its standard error \param suite only its jobs \throws core::RuntimeError (kInput): none is called so; several are
//! (the log lists 20 of them)
experiments::JobId find_told_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                 const std::string& name, const std::optional<std::string>& suite);

//! The specification of a job that is in the store. \throws core::RuntimeError: kInput if there is none or it is not
//! valid, kCorrupt if its hash is not the job's id
experiments::JobSpecification read_job_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                     const experiments::JobId& job);

}  // namespace resolute::cli
