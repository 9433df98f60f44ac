#pragma once
//! \file
//! The command line of a rank (docs/inside/worker.md, "Starting"), which resolute-worker and resolute-torch read alike.

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "workers/rank/job_options.h"

namespace resolute::workers {

//! The options of `run`, with their texts for --help.
boost::program_options::options_description run_options();

//! The values of the `known` options in `arguments`. \throws RuntimeError (kInput) for an unknown option, a value that
//! cannot be one, or a required option that is missing
boost::program_options::variables_map parse(const std::vector<std::string>& arguments,
                                            const boost::program_options::options_description& known,
                                            std::initializer_list<const char*> required);

//! The job of the options of `run`; reads the attempt's secret from its descriptor where there is a rendezvous, which
//! can be done once. \throws RuntimeError (kInput) for a number out of its range, or a rendezvous that is none
JobOptions job_options(const boost::program_options::variables_map& values);

}  // namespace resolute::workers
