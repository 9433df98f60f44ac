#pragma once
//! \file
//! The texts that sbatch is asked by, each described once. Options, keys of a site file, checks, help and the lines of
//! a batch script follow from the rows.

#include <algorithm>
#include <string>

namespace resolute::settings {

//! One of them, and where its value can come from: the command line, a site file, a variable of sbatch's.
struct SbatchText {
  enum class Form { kWord, kMemory, kLine };
  const char* name;      //!< "gpu-type": our option --NAME
  const char* word;      //!< sbatch's option; "": a part of another one
  Form form;             //!< how it is checked
  const char* signs;     //!< of a word, besides letters and digits
  const char* variable;  //!< nullptr: none
  const char* about;     //!< for the help; nullptr: no option of ours, but --sbatch=--WORD=VALUE

  bool is_typed() const { return about != nullptr; }
  //! The key in a site file.
  std::string key() const {
    std::string text = name;
    std::ranges::replace(text, '-', '_');
    return text;
  }
};

//! Calls visit(row, member) for each row; member(owner) is the owner's one of it, named as key() says.
void for_each_sbatch_text(const auto& visit) {
  using enum SbatchText::Form;
  constexpr const char* kName = "_.,:@+=/-";
#define RESOLUTE_ROW(member, ...) \
  visit(                          \
      SbatchText{__VA_ARGS__}, [](auto& owner) -> auto& { return owner.member; })
  RESOLUTE_ROW(partition, "partition", "partition", kWord, kName, "SBATCH_PARTITION", "SLURM's partition");
  RESOLUTE_ROW(account, "account", "account", kWord, kName, "SBATCH_ACCOUNT", "the account that is charged");
  RESOLUTE_ROW(qos, "qos", "qos", kWord, kName, "SBATCH_QOS", nullptr);
  RESOLUTE_ROW(constraint, "constraint", "constraint", kWord, "_.,:@+=-&|*()[]!", "SBATCH_CONSTRAINT", nullptr);
  RESOLUTE_ROW(exclude, "exclude", "exclude", kWord, "_.,[]-", nullptr, nullptr);
  RESOLUTE_ROW(reservation, "reservation", "reservation", kWord, kName, "SBATCH_RESERVATION", nullptr);
  RESOLUTE_ROW(gpu_type, "gpu-type", "", kWord, "_.-", nullptr, "kind of GPU, as the site calls it: a100");
  RESOLUTE_ROW(memory, "memory", "mem", kMemory, "", nullptr,
               "of each node: MiB, or a number with K, M, G, T; 0: all of it");
  RESOLUTE_ROW(mail_user, "mail-user", "mail-user", kWord, "_.,@+=%-", nullptr, nullptr);
  RESOLUTE_ROW(mail_type, "mail-type", "mail-type", kWord, "_,", nullptr, nullptr);
  RESOLUTE_ROW(comment, "comment", "comment", kLine, "", nullptr, nullptr);
#undef RESOLUTE_ROW
}

}  // namespace resolute::settings
