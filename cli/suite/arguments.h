#pragma once
//! \file
//! Shared by the `suite` subcommands: SUITE.toml --store STORE [--profile NAME] [--set KEY=VALUE]… [--stand-ins]
//! [--datasets A,B] [--with-references] [--from-scratch] [--json].

#include <functional>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "datasets/split/training_images.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "experiments/store/suite_source.h"
#include "experiments/store/typed_plans.h"
#include "experiments/suite.h"

namespace resolute::cli {

//! An option of commands that run or submit jobs.
inline constexpr const char* kSameImages = "same-images";
inline constexpr const char* kSameImagesHelp =
    "hold every byte of the raw images against the packs that are there, not names, labels and sizes alone; the same "
    "images are known by their sizes from then on";

//! An option of commands that run or submit jobs.
inline constexpr const char* kJobsPerGpuHelp =
    "jobs that share a GPU at once, 1 to 8: for trainings that leave most of it idle; ranks of one training get "
    "different "
    "GPUs all the same";

//! An option of commands that write a file or folder of a suite's results.
inline constexpr const char* kReplaceHelp =
    "in the place of an earlier one; a file of another format, or a folder with other files in it, stays";
//! Such a command says it of something that is there (core/files/new_folder.h).
inline constexpr const char* kOrReplace = ", or give --replace";

struct SuiteArguments {
  boost::program_options::variables_map values;
  experiments::StoreLayout store;
  bool json = false;
  std::shared_ptr<datasets::TrainingImages> counted;  //!< what count_split() has counted
  //! Reads the suite anew from what was typed. With `need_roots`, and for the two below, raw images that are here must
  //! be those of the packs that are (cli/store/raw_images.h); the suite that the store has under this name must be this
  //! file's (suite_source.h). \throws RuntimeError (kInput)
  experiments::Plan plan(bool need_roots) const;
  //! The same for who hands the jobs over to other machines (SuiteOptions::check_lists).
  experiments::Plan plan_to_submit() const;
  //! The same of another suite, or of the same with another profile.
  experiments::Plan plan_of(const std::string& file, const std::string& profile, bool need_roots) const;
  //! The plan of `suite plan`: nothing need be here (SuiteOptions::estimate).
  experiments::Plan estimated_plan() const;
  //! The plan for commands that look at what was run. Where no option is typed that decides the plan, it is that of the
  //! suite's last run in this store, whose options are `values` from then on; a line on stderr says so. Options with
  //! which the suite was never run get a line too, with those of the last run.
  experiments::Plan plan_as_run();
  //! The same for a command that goes on with the last run.
  void take_last_run();
  //! To be called by who runs or submits a plan: from now on it is the last run. \param plan_file announce_plan()
  void note_run(const experiments::Plan& plan, const std::string& plan_file) const;
  //! The split in numbers, by the pack or by the raw images' labels; nothing where neither is here. \throws
  //! RuntimeError as datasets::TrainingImages
  std::optional<datasets::SplitCount> count_split(const experiments::DatasetPlan& dataset,
                                                  const experiments::SplitSettings& split) const;
  //! The suite's file, as the store knows it.
  experiments::SuiteSource source() const;
  //! \throws RuntimeError (kInput) where another file has run a suite of that name in the store (--same-suite)
  void require_own_suite(const std::string& suite) const;

 private:
  std::vector<experiments::TypedPlan> typed_plans() const;
  bool chooses_a_plan() const;
  std::vector<std::string> order_options() const;
  experiments::Plan with_same_images(experiments::Plan plan) const;
  experiments::SuiteOptions suite_options(const std::string& profile, bool need_roots) const;
};

//! Adds the shared options to `more`, but for a --store that it has already (with a default, where it may be left out),
//! and parses; nothing after --help. \param words what stands without an option, the suite first \param check called
//! with what was typed before any of it is asked for
std::optional<SuiteArguments> parse_suite_arguments(
    const Arguments& arguments, const CommandHelp& help, boost::program_options::options_description more,
    const std::vector<std::string>& words = {"SUITE.toml"},
    const std::function<void(const boost::program_options::variables_map&)>& check = {});

enum class RunOf { kTyped, kLast };
//! `suite run`, with kLast as the suite was run last.
int run_suite(const Arguments& arguments, RunOf which);

//! The typed options, beside suite and store, that decide the plan: with them the suite can be read again.
std::vector<std::string> plan_arguments(const boost::program_options::variables_map& values);

//! For people: options as a shell takes them. \param typed plan_arguments() or a TypedPlan's
std::string options_text(const std::vector<std::string>& typed);
//! `resolute suite VERB SUITE --store STORE` with the suite's arguments, to be copied into a shell. \param typed
//! plan_arguments()
std::string suite_command(const std::string& verb, const SuiteArguments& arguments,
                          const std::vector<std::string>& typed);

//! Runs of some kinds of jobs wait for others', and none of them would see when a rung is complete. \throws
//! RuntimeError (kInput) where the plan has a search
void require_no_search(const experiments::Plan& plan, const std::string& what, const std::string& suggestion);

//! The value of an option of `suite run` that is a number. \throws RuntimeError (kInput) where no run can have it
int run_number(const std::string& option, int value);
//! \throws RuntimeError (kInput) unless `hours` of --most-gpu-hours is a number above 0
double gpu_hours(double hours);
//! \throws RuntimeError (kInput) unless `share` of --repeat-share is 0 to 1
double repeat_share(double share);

}  // namespace resolute::cli
