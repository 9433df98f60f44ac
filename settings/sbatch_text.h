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
  const auto row = [&](const SbatchText& text, auto member) { visit(text, member); };
  row(
      {"partition", "partition", kWord, kName, "SBATCH_PARTITION", "SLURM's partition"},
      [](auto& owner) -> auto& { return owner.partition; });
  row(
      {"account", "account", kWord, kName, "SBATCH_ACCOUNT", "the account that is charged"},
      [](auto& owner) -> auto& { return owner.account; });
  row(
      {"qos", "qos", kWord, kName, "SBATCH_QOS", nullptr}, [](auto& owner) -> auto& { return owner.qos; });
  row(
      {"constraint", "constraint", kWord, "_.,:@+=-&|*()[]!", "SBATCH_CONSTRAINT", nullptr},
      [](auto& owner) -> auto& { return owner.constraint; });
  row(
      {"exclude", "exclude", kWord, "_.,[]-", nullptr, nullptr}, [](auto& owner) -> auto& { return owner.exclude; });
  row(
      {"reservation", "reservation", kWord, kName, "SBATCH_RESERVATION", nullptr},
      [](auto& owner) -> auto& { return owner.reservation; });
  row(
      {"gpu-type", "", kWord, "_.-", nullptr, "kind of GPU, as the site calls it: a100"},
      [](auto& owner) -> auto& { return owner.gpu_type; });
  row(
      {"memory", "mem", kMemory, "", nullptr, "of each node: MiB, or a number with K, M, G, T; 0: all of it"},
      [](auto& owner) -> auto& { return owner.memory; });
  row(
      {"mail-user", "mail-user", kWord, "_.,@+=%-", nullptr, nullptr},
      [](auto& owner) -> auto& { return owner.mail_user; });
  row(
      {"mail-type", "mail-type", kWord, "_,", nullptr, nullptr}, [](auto& owner) -> auto& { return owner.mail_type; });
  row(
      {"comment", "comment", kLine, "", nullptr, nullptr}, [](auto& owner) -> auto& { return owner.comment; });
}

}  // namespace resolute::settings
