#pragma once
//! \file
//! The job that a user names on the command line.

#include <optional>
#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! With how many digits of its id a job may be named.
inline constexpr std::size_t kFewestDigits = 4;

//! Whether `name` has the form of an id's first kFewestDigits digits or more.
bool are_digits(const std::string& name);

//! Whether that names a specification's file, or a pipe that one comes out of, and no job.
bool is_job_file(const std::string& name);

//! \param name the path of a specification, or at least kFewestDigits digits with which one job's id begins
//! \throws core::RuntimeError (kInput): no job of the store begins so; several do (they are listed); the file is no
//! valid specification
experiments::JobId find_job(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& name);

//! A job that journals tell of: what find_job() takes, or a row of a suite that was run, or words that tell one job of
//! it from others (orchestrator::jobs_called()). Where several fit, the only one that has written to its standard
//! error. \param suite only its jobs \throws core::RuntimeError (kInput): none is called so; several are (the log lists
//! 20 of them)
experiments::JobId find_told_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                 const std::string& name, const std::optional<std::string>& suite);

//! The specification of a job that is in the store. \throws core::RuntimeError: kInput if there is none or it is not
//! valid, kCorrupt if its hash is not the job's id
experiments::JobSpecification read_job_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                     const experiments::JobId& job);

}  // namespace resolute::cli
