#pragma once
//! \file
//! The price of a plan before anything of it runs: jobs, hours of machines, disk. Estimated from the specifications
//! (methods/work.h), from numbers of images, and from step times that were measured or are modelled (step_times.h).
//! Images are counted where pack or raw images are here; elsewhere the numbers published of the sources count
//! (specification/estimated_split.h).

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/specification/estimated_split.h"
#include "experiments/specification/plan.h"
#include "experiments/step_times.h"

namespace resolute::experiments {

//! Bytes that the tensors of a training take on a GPU, on one process rank; nothing if they were not counted, or where
//! a program trains (Recipe::program).
std::optional<double> gpu_memory(const StepTimes& times, const TrainingSpecification& training);
//! Multiply-adds of embedding query and gallery images once; nothing where no number of images is known, or where a
//! program trained.
std::optional<double> multiply_adds(const EvaluationSpecification& evaluation, const TrainingSpecification& training);

//! Jobs of a kind.
struct JobCount {
  //! By cells of tables, one per trial, by trainings that start from them, and by earlier rungs of searches; of packs
  //! as many as there are.
  std::size_t asked = 0;
  std::size_t distinct = 0;  //!< asked - distinct are shared
  std::size_t done = 0;
};

//! The price of one kind of device's jobs on a machine.
struct MachinePrice {
  Machine machine;
  int count = 1;              //!< so many of it
  double hours = 0;           //!< of one, for all that is not done
  double measured_hours = 0;  //!< of those, at rates that were measured
  double done_hours = 0;      //!< what is done would have taken
  double longest_hours = 0;   //!< of the longest training that is left, on one
  double days = 0;  //!< on `count`, none idle; at least what the longest training takes on as many as it has lanes
  std::size_t unpriced = 0;               //!< jobs whose work or rate is unknown
  std::vector<std::string> rate_origins;  //!< where rates come from, each once, sorted
  //! Hours, were every job that is not done in this precision: of those precisions in which some job is not, and in
  //! which all of them have a rate.
  std::map<std::string, double> hours_in;
  std::optional<settings::Precision> precision;  //!< of every job that is not done; nothing of several
};

//! Memory of a GPU, for the training that takes most.
struct MemoryPrice {
  double bytes = 0;         //!< of its tensors (StepTimes::bytes_a_pixel)
  std::string training;     //!< PlannedJob::label
  std::size_t unknown = 0;  //!< trainings of which nothing was counted
};

//! Bytes when all is done, and while it runs.
struct DiskPrice {
  double packs = 0;                  //!< those that are here by their size
  double weights = 0;                //!< of each training
  double checkpoints = 0;            //!< two of each training that is at work at once: weights, moments and averages
  std::size_t at_once = 0;           //!< such trainings, those that take most
  double states = 0;                 //!< of trainings that keep their last one
  double features = 0;               //!< of each evaluation, or its distances
  std::vector<std::string> unknown;  //!< data sets of which no number of images is known: not counted
};

//! Raw images that are not here.
struct MissingData {
  std::string dataset;
  std::string source;
  std::string root;     //!< as the suite has it
  std::string from;     //!< how it is got
  std::string licence;  //!< terms, as publicly stated
};

struct Price {
  JobCount packs, trainings, evaluations;
  std::vector<MachinePrice> machines;  //!< those of a device that some training asks for; others cannot run it
  std::optional<MemoryPrice> memory;   //!< nothing where no training is for GPUs
  DiskPrice disk;
  std::size_t of_programs = 0;  //!< trainings and evaluations of programs: no hours, memory, checkpoints or features
  std::vector<MissingData> missing_data;
  std::vector<MissingWeights> missing_weights;
  std::vector<std::string> estimated;  //!< data sets whose training images are estimated
  std::size_t provisional = 0;         //!< jobs (PlannedJob::provisional)
  //! Data sets whose identities have fewer training images, on average, than a batch takes of each: the batch then
  //! shows images more than once. The most images that one of the set's trainings takes (Recipe::images), and the
  //! average.
  std::map<std::string, std::pair<int, double>> repeated;
};

//! The price depends on these and the plan.
struct PriceOf {
  std::function<bool(const JobId&)> is_done;
  std::function<bool(const DatasetPlan&)> has_data;  //!< its pack is sealed or its raw images are there
  //! A split's numbers, counted; nothing where neither its pack nor its raw images are here. Empty: nowhere
  std::function<std::optional<EstimatedSplit>(const DatasetPlan&, const SplitSettings&)> counted{};
  //! The bytes of a sealed pack; nothing for one that is not here. Empty: none is
  std::function<std::optional<double>(const DatasetPlan&)> pack_bytes{};
  //! Pixels of a raw image, on average, where raw images are here. Empty: nowhere
  std::function<std::optional<double>(const DatasetPlan&)> raw_pixels{};
  const StepTimes* times = nullptr;  //!< null: no machine is priced
  int gpus = 1;
  int cores = 1;
};

Price price_of(const Plan& plan, const PriceOf& of);

//! For people: hours and days by machine, memory, disk, what a reader of them must know, and what is not here. Lines.
std::vector<std::string> price_lines(const Price& price);

//! {"missing": {"raw_data", "weights"}, "estimated", "provisional", "repeated", "price": {"packs", "trainings",
//! "evaluations", "of_programs", "machines", "gpu_memory", "disk"}}, as docs/suite.md has them.
core::Json to_json(const Price& price);

}  // namespace resolute::experiments
