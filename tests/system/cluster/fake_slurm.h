#pragma once
//! \file
//! sbatch, squeue, scancel and scontrol as bash scripts in a folder of their own, which keep jobs as files, of each
//! cluster that -M names its own, with ids of its own: what a client sees of a controller, with the troubles that a
//! real one shows only by accident. Bash builtins only, so that nothing else need be on PATH.

#include <sys/stat.h>

#include "tests/system/program.h"

namespace resolute::system_test {

class FakeSlurm {
 public:
  explicit FakeSlurm(fs::path folder) : state_(std::move(folder)) {
    fs::create_directories(bin());
    add("sbatch", R"sh(
take() {
  name= id=11
  while IFS= read -r line; do
    case $line in "#SBATCH --job-name="*) name=${line#*=} ;; esac
  done < "${!#}"
  if [ -e "${at}last" ]; then read -r id < "${at}last"; fi
  id=$((id + 1))
  declare -x > "${at}inherited-$id"
  echo "$id" > "${at}last"
  echo "$id|$id|N/A|$begins|2026-01-31T12:00:$id|N/A|N/A|3||$name|Priority" > "${at}job-$id"
}
begins=PENDING
case $mode in
  ok) take "$@"; echo "$id" ;;
  once) take "$@"; echo "$id"; echo refused > "$state/mode-sbatch" ;;
  ended) begins=COMPLETED; take "$@"; echo "$id" ;;
  taken)
    echo ok > "$state/mode-sbatch"
    take "$@"
    echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
    exit 1 ;;
  refused)
    echo "sbatch: error: invalid partition specified: gone" >&2
    echo "sbatch: error: Batch job submission failed: Invalid partition name specified" >&2
    exit 1 ;;
  *)
    echo "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)" >&2
    exit 1 ;;
esac
)sh");
    add("squeue", R"sh(
if [ "$mode" != ok ]; then
  echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2
  exit 1
fi
while [ $# -gt 0 ]; do
  case $1 in -n) names=,$2, ;; esac
  shift
done
for file in "${at}"job-*; do
  [ -e "$file" ] || continue
  read -r line < "$file"
  rest=${line%|*}
  case $names in *",${rest##*|},"*) echo "$line" ;; esac
done
)sh");
    add("scancel", R"sh(
if [ "$mode" != ok ]; then
  echo "scancel: error: slurm_kill_job2() failed Unable to contact slurm controller (connect failure)" >&2
  exit 8
fi
for argument in "$@"; do
  case $argument in --name=*) name=${argument#*=} ;; esac
done
for file in "${at}"job-*; do
  [ -e "$file" ] || continue
  read -r line < "$file"
  case $line in *"|$name|"*) echo "${line/PENDING/CANCELLED}" > "$file" ;; esac
done
)sh");
    add("scontrol", R"sh(
if [ "$1" = show ]; then
  echo "slurm_load_jobs error: Invalid job id specified" >&2
  exit 1
fi
if [ "$1" = release ]; then
  read -r line < "${at}job-$2"
  case $line in *JobHeldAdmin)
    echo "Access/permission denied for job $2" >&2
    echo "slurm_suspend error: Access/permission denied" >&2
    exit 1 ;;
  esac
  echo "${line%|*}|Priority" > "${at}job-$2"
fi
)sh");
  }
  fs::path bin() const { return state_ / "bin"; }
  //! ok, once (then refused), taken (then ok), refused, ended (the job ends at once), away
  void sbatch_is(const std::string& mode) { write("mode-sbatch", mode); }
  void controller_is_away(bool away) {
    for (const char* command : {"sbatch", "squeue", "scancel"})
      write(std::string("mode-") + command, away ? "away" : "ok");
  }
  //! There is a sinfo, and this is what it prints.
  void sinfo_says(const std::string& text) {
    write("sinfo-text", text);
    add("sinfo", "while IFS= read -r line; do echo \"$line\"; done < \"$state/sinfo-text\"\n");
  }
  void sinfo_fails(const std::string& words) { add("sinfo", "echo \"" + words + "\" >&2\nexit 1\n"); }
  //! What the commands were called with, in order, those of `command` alone.
  std::vector<std::string> calls(const std::string& command) const {
    std::vector<std::string> lines;
    std::ifstream file(state_ / "calls");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with(command + " ")) lines.push_back(line);
    return lines;
  }
  std::string job(int id) const { return text_of(state_ / ("job-" + std::to_string(id))); }
  //! The environment of the sbatch that took a job, as bash declares it.
  std::string inherited(int id) const { return text_of(state_ / ("inherited-" + std::to_string(id))); }
  //! Puts `now` in the place of `before` in what squeue says of a job.
  void change(int id, const std::string& before, const std::string& now) {
    std::string line = job(id);
    ASSERT_NE(line.find(before), std::string::npos) << line;
    write("job-" + std::to_string(id), line.replace(line.find(before), before.size(), now));
  }
  void forget(int id) { fs::remove(state_ / ("job-" + std::to_string(id))); }

 private:
  void write(const fs::path& name, const std::string& text) {
    core::replace_unsynced(core::real_file_system(), state_ / name, text + "\n");
  }
  void add(const std::string& command, const std::string& body) {
    const fs::path file = bin() / command;
    write(file, "#!/bin/bash\nstate='" + state_.string() + "'\necho \"" + command +
                    " $*\" >> \"$state/calls\"\nmode=ok\nif [ -e \"$state/mode-" + command +
                    "\" ]; then read -r mode < \"$state/mode-" + command +
                    "\"; fi\nat=$state/\nif [ \"$1\" = -M ]; then at=$state/$2-; shift 2; fi\n" + body);
    ::chmod(file.c_str(), 0755);
  }
  fs::path state_;
};

}  // namespace resolute::system_test
