#pragma once
//! \file
//! One spelling for each job: what nothing reads takes its default before an id is made, so that rows which train or
//! evaluate the same are one job however they were written. Settings are checked as written, before.

#include "experiments/specification.h"

namespace resolute::experiments {

//! Of the method's options: margin and mining without a triplet loss; of RAIN, levels, updates, discriminator and
//! weight with the adversary "off", and the decoder and its weight without reconstruction. The recipe stays as it is.
TrainingSpecification normalised(TrainingSpecification training);

//! The number of sample identities without sample rates; query rates that are the split's own.
EvaluationSpecification normalised(EvaluationSpecification evaluation);

}  // namespace resolute::experiments
