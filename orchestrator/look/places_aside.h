#pragma once
//! \file
//! Hosts and GPUs that the last run of each allocation of a suite had set aside in its end: the hardware to look at.

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::orchestrator {

struct PlaceAside {
  std::string host;
  std::string gpu;  //!< its name, a UUID where it has one; empty: the whole host
  std::string why;  //!< as HostSetAside, HostExcluded or GpuSetAside says it; the last names GPU and host
};
//! "GPU-12ab of node7: 2 attempts in a row …"
std::string text_of(const PlaceAside& place);
//! Each once, in order of their names; none that a user has drained. A journal that cannot be read gives a warning and
//! none of its places.
std::vector<PlaceAside> places_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const std::string& suite);

}  // namespace resolute::orchestrator
