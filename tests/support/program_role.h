#pragma once
//! \file
//! What a test program becomes when a test starts it again: a coordinator, an agent, a worker, a process rank. main()
//! (main.cpp) hands over to the role that its first argument names.

#include <string>

namespace resolute::tests {

//! An object of a test's file, `const ProgramRole kRank("ranks", run_rank);`, or `inline const` in a header.
class ProgramRole {
 public:
  //! \param arguments those behind the first, `count` of them \return the program's exit code
  using Function = int (*)(int count, char** arguments);

  //! \param name told from those of all other roles of the program
  ProgramRole(const std::string& name, Function function);
  //! The program's first argument, "--role=NAME".
  const std::string& argument() const { return argument_; }

 private:
  std::string argument_;
};

//! \return nullptr where `argument` names no role
ProgramRole::Function role_of(const std::string& argument);

}  // namespace resolute::tests
