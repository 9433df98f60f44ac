#pragma once
//! \file
//! `--log CLIENT` of `suite run`: a process beside the run that draws curves of what trainings log
//! (python/resolute/curves.py).

#include <map>
#include <string>
#include <vector>

#include "experiments/store/store_layout.h"
#include "settings/choice.h"

namespace resolute::cli {

enum class CurvesClient { kTensorBoard, kMlFlow, kWeightsAndBiases };
constexpr auto words_of(CurvesClient) { return settings::words("tensorboard", "mlflow", "wandb"); }

inline constexpr const char* kLogHelp =
    "tensorboard, mlflow or wandb: live curves of what trainings log, in suites/NAME/curves of the store, by a process "
    "of python3 (or RESOLUTE_PYTHON), whose environment has that client; the run never waits for it";

//! Starts the process, which ends by itself once this one has ended. The run does not depend on it: that it cannot be
//! started is a warning. \param typed the suite's file and what else decides its plan \param suite its name
//! \param environment of the run; RESOLUTE_PYTHON names another interpreter than python3
void start_curves(CurvesClient client, const std::vector<std::string>& typed, const experiments::StoreLayout& store,
                  const std::string& suite, std::map<std::string, std::string> environment);

}  // namespace resolute::cli
