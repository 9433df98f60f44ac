#pragma once
//! \file
//! Finished jobs that are to be made anew: their folders go, as they are, to `suites/NAME/before/NNNNNN/JOB`, where all
//! of them stays readable and from where it can come back.

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "operations/space/needs.h"

namespace resolute::operations {

//! The jobs and all that stands on their results, of every suite of a store.
struct WithUsers {
  //! Each behind all that stand on it: whoever is killed in between leaves no result of what is gone.
  std::vector<experiments::JobId> jobs;
  Names suites;  //!< that need any of them
};
//! \param jobs finished trainings and evaluations \throws RuntimeError as read_needs() and read_stored_specification()
WithUsers with_users(core::FileSystem& files, const experiments::StoreLayout& store,
                     const std::vector<experiments::JobId>& jobs);

//! Moves the folders; a job without one is passed over. No run that needs the jobs may be at work. \param suite which
//! keeps them \return the folder that has them now \throws RuntimeError: kInput where a run has a claim on one, and
//! nothing is moved; of the store
std::filesystem::path set_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                const std::string& suite, const std::vector<experiments::JobId>& jobs);

//! The jobs of the last set_aside() of a suite that has any left; none where there is no such.
struct LastAside {
  std::filesystem::path folder;
  std::vector<experiments::JobId> jobs;  //!< each before all that stand on it
};
LastAside last_aside(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite);
//! Moves them back. After a kill in between it may be done again. \throws RuntimeError: kInput where a job has begun
//! anew, and nothing is moved; of the store
void put_back(core::FileSystem& files, const experiments::StoreLayout& store, const LastAside& last);

}  // namespace resolute::operations
