#pragma once
//! \file
//! The job that a user names on the command line.

#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! With how many digits of its id a job may be named.
inline constexpr std::size_t kFewestDigits = 4;

//! \throws core::RuntimeError (kInput) unless `name` has the form of an id's first kFewestDigits digits or more
void require_digits(const std::string& name);

//! Whether that names a specification's file, or a pipe that one comes out of, and no job.
bool is_job_file(const std::string& name);

//! \param name the path of a specification, or at least kFewestDigits digits with which one job's id begins
//! \throws core::RuntimeError (kInput): no job of the store begins so; several do (they are listed); the file is no
//! valid specification
experiments::JobId find_job(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& name);

//! The specification of a job that is in the store. \throws core::RuntimeError: kInput if there is none or it is not
//! valid, kCorrupt if its hash is not the job's id
experiments::JobSpecification read_job_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                     const experiments::JobId& job);

}  // namespace resolute::cli
