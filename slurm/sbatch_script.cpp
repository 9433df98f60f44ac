#include "slurm/sbatch_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "slurm/job_record.h"

namespace resolute::slurm {
namespace {

bool is_plain(const std::string& text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,@%+-";
  return !text.empty() && std::ranges::all_of(text, [&](char c) { return kPlain.find(c) != std::string_view::npos; });
}

// sbatch reads a word so (src/sbatch/opt.c): a backslash keeps the next character, also inside quotes of either kind;
// outside of quotes a blank ends the word and '#' the line.
std::string sbatch_quoted(const std::string& text) {
  if (is_plain(text)) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// A folder in --output: SLURM fills in %j and others.
std::string without_replacement(const std::string& folder) {
  std::string text;
  for (char c : folder) text += c == '%' ? std::string("%%") : std::string(1, c);
  return text;
}

class Lines {
 public:
  void add(const std::string& line) { text_ += line + "\n"; }
  void option(const std::string& name) { add("#SBATCH --" + name); }
  //! Left out where there is no value.
  void option(const std::string& name, const std::string& value) {
    if (!value.empty()) add("#SBATCH --" + name + "=" + sbatch_quoted(value));
  }
  void option(const std::string& name, std::int64_t value) { option(name, std::to_string(value)); }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void add_resources(Lines& lines, const Resources& resources) {
  lines.option("nodes", resources.nodes);
  // One process per node: an agent, which hands out the node's slots and GPUs.
  lines.option("ntasks-per-node", 1);
  if (resources.cpus_per_node > 0) lines.option("cpus-per-task", resources.cpus_per_node);
  if (resources.gpus_per_node > 0) {
    const std::string type = resources.gpu_type.empty() ? "" : resources.gpu_type + ":";
    switch (resources.gpu_request) {
      case GpuRequest::kGres:
        lines.option("gres", fmt::format("gpu:{}{}", type, resources.gpus_per_node));
        break;
      case GpuRequest::kGpus:
        lines.option("gpus", fmt::format("{}{}", type, std::int64_t{resources.gpus_per_node} * resources.nodes));
        break;
      case GpuRequest::kGpusPerNode:
        lines.option("gpus-per-node", fmt::format("{}{}", type, resources.gpus_per_node));
        break;
    }
  }
  if (resources.time.count() > 0) lines.option("time", granted_time(resources.time) / std::chrono::minutes(1));
  settings::for_each_sbatch_text([&](const auto& text, auto member) {
    if (*text.word != '\0') lines.option(text.word, member(resources));
  });
  if (resources.exclusive) lines.option("exclusive");
  for (const std::string& option : resources.options) {
    const auto equals = option.find('=');
    lines.add("#SBATCH " + option.substr(0, equals) +
              (equals == std::string::npos ? "" : "=" + sbatch_quoted(option.substr(equals + 1))));
  }
}

void add_life(Lines& lines, const ScriptRequest& request) {
  lines.option("chdir", request.working_folder.string());
  lines.option("output", without_replacement(request.output.string()) + "/%j.log");
  lines.option("open-mode", "append");
  lines.option("requeue");
  if (request.no_kill) lines.option("no-kill");
  lines.option("kill-on-invalid-dep", "yes");
  lines.option("signal", fmt::format("B:USR1@{}", request.notice.count()));
  lines.option("dependency", request.dependency.empty() ? "singleton" : "singleton," + request.dependency);
  lines.option("export", "ALL");
}

// Ends the script with a line of ours where `test` fails. \param why with %s for the node's name
std::string unless(const std::string& test, const std::string& problem) {
  return test +
         " || {\n  TZ=UTC printf '%(%Y-%m-%d %H:%M:%SZ)T resolute: node %s %s\\n' -1 \"${SLURMD_NODENAME:-?}\" " +
         shell_quoted(problem) + " >&2\n  exit 2\n}";
}

void add_site(Lines& lines, const SiteEnvironment& site) {
  if (!site.modules.empty()) {
    // A batch shell is no login shell: one of these files defines `module` if the environment does not.
    lines.add("if ! type module >/dev/null 2>&1; then");
    lines.add("  for file in /etc/profile.d/{modules,lmod,z00_lmod,z01_lmod}.sh; do");
    lines.add("    if [ -r \"$file\" ]; then . \"$file\"; break; fi");
    lines.add("  done");
    lines.add("fi");
    for (const std::string& module : site.modules)
      lines.add(
          unless("module load " + shell_quoted(module),
                 fmt::format("cannot load the module '{}' (see above); mend 'modules' in the site file", module)));
  }
  for (const std::string& command : site.commands) lines.add(command);
}

// The program starts with USR1 ignored, as the shell has it, so that no notice ends it before it listens. `wait`
// returns more than 128 for a signal to the shell, too: then the program is still there, or has a code of its own. A
// site's `set -e` ends nothing here.
void add_program(Lines& lines, const std::vector<std::string>& command) {
  const std::string words = shell_line(command) + " ";
  lines.add("# SIGTERM comes to the program too, SLURM's notice to this shell alone.");
  lines.add("trap : TERM");
  lines.add(words + "&");
  lines.add("program=$!");
  lines.add("trap 'kill -USR1 \"$program\" 2>/dev/null || :' USR1");
  lines.add("until");
  lines.add("  wait \"$program\" && code=0 || code=$?");
  lines.add("  [ \"$code\" -le 128 ] || ! kill -0 \"$program\" 2>/dev/null");
  lines.add("do :; done");
  lines.add("if [ \"$code\" -gt 128 ]; then");
  lines.add("  wait \"$program\" 2>/dev/null && again=0 || again=$?");
  lines.add("  [ \"$again\" = 127 ] || code=$again");
  lines.add("fi");
  lines.add("[ \"$code\" -gt 128 ] || exit \"$code\"");
  lines.add(
      "# Killed, as the kernel does when memory runs out: once more, to settle what follows. Born deaf as the first.");
  lines.add("trap '' USR1");
  lines.add("exec " + words + "--killed-by \"$((code - 128))\"");
}

}  // namespace

std::string shell_quoted(const std::string& text) {
  if (is_plain(text)) return text;
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  return line;
}

std::string sbatch_script(const ScriptRequest& request) {
  validate(request);
  Lines lines;
  lines.add("#!/bin/bash");
  lines.option("job-name", request.job_name);
  if (request.resources.comment.empty()) lines.option("comment", request.comment);
  add_resources(lines, request.resources);
  add_life(lines, request);
  lines.add("");
  lines.add("# Until resolute listens, SLURM's notice must not end the shell.");
  lines.add("trap '' USR1");
  const std::string folder = request.working_folder.string();
  // SLURM does not report a missing folder: it takes /tmp.
  lines.add(unless("cd -- " + shell_quoted(folder) + " 2>/dev/null",
                   fmt::format("has no folder '{}' (it is where the suite was submitted); submit from one that every "
                               "node sees",
                               folder)));
  add_site(lines, request.site);
  for (const auto& [name, value] : request.variables) lines.add("export " + name + "=" + shell_quoted(value));
  const std::string program = shell_quoted(request.command.front());
  lines.add(unless("command -v " + program + " >/dev/null",
                   fmt::format("has no program '{}'; install it where every node sees it", request.command.front())));
  add_program(lines, request.command);
  return std::move(lines).text();
}

}  // namespace resolute::slurm
