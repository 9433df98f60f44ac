#pragma once
//! \file
//! An evaluation → features and metrics.

#include "results/records/record.h"
#include "workers/jobs/job.h"

namespace resolute::workers {

//! Embeds and scores with the weights of a finished training; writes features.h5 beside where result.json will stand.
//! \throws RuntimeError: kInput if the training has no result yet; kCorrupt if its weights are not those it published
results::EvaluationRecord run_evaluation(const JobContext& context,
                                         const experiments::EvaluationSpecification& specification);

}  // namespace resolute::workers
