#pragma once
//! \file
//! One spelling for each job: what nothing reads takes its default before an id is made, so that rows which train or
//! evaluate the same are one job however they were written. Settings are checked as written, before.

#include "experiments/specification/specification.h"

namespace resolute::experiments {

//! Options of the method: margin, mining and weight without a triplet loss, the weight without classification; of
//! RAIN, levels, updates, discriminator and weight with the adversary "off", and the decoder and its weight without
//! reconstruction; of FTWA, what only the transformation or the weighting reads without it; of MSIFLA, whether re-ID
//! networks are shared where there is one scale; of resolution_adaptive, what masks and verification alone read without
//! those, a stage's steps that are as many as without being given, the neck without classification, and, in its plain
//! form, the levels' rates; without a neck and varying length of `widths` only their sum counts (plain, of their number
//! neither). The batch-norm streams of methods without two kinds of rows (baseline, MSIFLA). Members of the
//! recipe: the source and the degradations of LR copies where no copy is looked at, by what labels are drawn where all
//! or none are, the strengths of a jitter or policy that is off, a schedule that another word says too, and the rates
//! of a trunk that is frozen. Sets Recipe::rests_without_loss for a method that learns from labels alone, where a batch
//! holds less than one on average.
TrainingSpecification normalised(TrainingSpecification training);

//! The number of sample identities without sample rates; query rates that are the split's own; the method's own
//! distance by its name; the rate of gallery copies where the distance looks at none; the level of queries where levels
//! make no difference; a device that the training ran on anyway. \param training its own
EvaluationSpecification normalised(EvaluationSpecification evaluation, const TrainingSpecification& training);

}  // namespace resolute::experiments
