#pragma once
//! \file
//! Low resolution that is not low, in a suite: said before it runs, and below its tables.

#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! Adds to the notes of tables which LR views of a data set are no smaller than the network's images, of the rates that
//! the table's rows have, where the images or their pack are here (datasets/pack/high_views.h).
//! \param warn say so on stderr as well, a line for each data set
void note_high_views(experiments::Plan& plan, const experiments::StoreLayout& store, bool warn = false);

}  // namespace resolute::cli
