#pragma once
//! \file
//! What a test program becomes when a test starts it again: a coordinator, an agent, a worker, a process rank. main()
//! (main.cpp) hands over to the role that its first argument names.

#include <string>
#include <vector>

namespace resolute::tests {

//! An object of a test's file, `const ProgramRole kRank("ranks", run_rank);`, or `inline const` in a header.
class ProgramRole {
 public:
  //! \param arguments those behind the first, `count` of them \return the program's exit code
  using Function = int (*)(int count, char** arguments);

  //! \param name told from those of all other roles of the program
  ProgramRole(const std::string& name, Function function);
  //! This program and its first argument, "--role=NAME"; the role's own follow. The program's path is that before
  //! main(): in another root, or another name space of mounts, the link to it would name another.
  const std::vector<std::string>& command() const { return command_; }

 private:
  std::vector<std::string> command_;
};

//! \return nullptr where `argument` names no role
ProgramRole::Function role_of(const std::string& argument);

}  // namespace resolute::tests
