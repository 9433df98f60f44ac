#pragma once
//! \file
//! Keeps names of machines and people out of a report.

#include <map>
#include <string>
#include <vector>

namespace resolute::report {

//! Names of the machine that makes a report, and of its user.
struct MakerNames {
  std::string host, user;
};
MakerNames maker_names();

//! Takes out of texts what names machines and people, unless it is asked for.
class Privacy {
 public:
  //! \param hosts of the suite's runs, which become "node 1", "node 2", … in their order
  Privacy(bool with_hosts, std::vector<std::string> hosts, const MakerNames& maker = maker_names());
  //! A name for each host, in their order.
  std::vector<std::string> nodes() const;
  //! A message for people. The rules go by its words, so that they hold for journals of any age and for what other
  //! programs said: `USER@HOST` becomes "somebody"; a host, also with its domain or without, its node; of an absolute
  //! path the last part is left.
  std::string message(const std::string& text) const;

 private:
  std::string shown(const std::string& word) const;

  bool with_hosts_;
  std::vector<std::string> hosts_;
  std::map<std::string, std::string> names_;  // what stands in place of words
};

//! A message without folders: of an absolute path its last part, of one of two parts or fewer nothing.
std::string without_folders(const std::string& message);

}  // namespace resolute::report
