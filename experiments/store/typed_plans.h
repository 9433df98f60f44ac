#pragma once
//! \file
//! `suites/NAME/typed.json`: the options with which the plans of a suite were run or submitted
//! (docs/inside/formats/plan.md). Commands that show a suite take those of the last one where none is typed.

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

struct TypedPlan {
  std::string plan;                    //!< the name of its file: "plan-3f9e5513fbc2e04f.json"
  std::vector<std::string> arguments;  //!< as they were typed: "--profile", "paper", …
  bool operator==(const TypedPlan&) const = default;
};

//! The most that a suite keeps; the oldest go.
inline constexpr std::size_t kMostTypedPlans = 100;

std::filesystem::path typed_plans_file(const StoreLayout& store, const std::string& suite);
//! The bytes of the file. \param plans the last run last
std::string typed_plans_text(const std::vector<TypedPlan>& plans);

//! Each once, the last run last. A damaged file is a warning, and as none. \throws RuntimeError of the store
std::vector<TypedPlan> read_typed_plans(core::FileSystem& files, const StoreLayout& store, const std::string& suite);

//! From now on this is the last one. Two at once may lose one of them. \throws RuntimeError of the store
void note_typed_plan(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                     const TypedPlan& plan);

}  // namespace resolute::experiments
