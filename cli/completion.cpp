// `resolute completion bash`

#include <iostream>

#include "cli/subcommands.h"
#include "core/error.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kCompletionHelp{"resolute completion bash",
                                      "Writes a script with which bash completes commands, options and file names.",
                                      "  source <(resolute completion bash)\n"
                                      "  resolute completion bash > /etc/bash_completion.d/resolute\n"};

// Options are taken from each command's own help, so that no list of them can grow old.
constexpr const char* kScript = R"script(
_resolute() {
  local current=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} line options=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(printf '%s\n' "${_resolute_commands[@]%% *}") --help --version" -- "$current"))
    return
  fi
  local -a command=("$first") seconds=()
  for line in "${_resolute_commands[@]}"; do
    case $line in "$first "*) seconds+=("${line#* }") ;; esac
  done
  if [ ${#seconds[@]} -gt 0 ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "${seconds[*]} --help" -- "$current"))
      return
    fi
    command+=("$second")
  fi
  # bash takes KEY, "=" and VALUE for three words.
  local key=
  [ "$current" = = ] && [ "${COMP_WORDS[COMP_CWORD - 2]}" = --set ] && key=${COMP_WORDS[COMP_CWORD - 1]} current=
  [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ] && [ "${COMP_WORDS[COMP_CWORD - 3]}" = --set ] &&
    key=${COMP_WORDS[COMP_CWORD - 2]}
  if [ -n "$key" ] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = --set ]; then
    options=$("${COMP_WORDS[0]}" suite keys --words 2> /dev/null | sed -n "s/^${key:+$key=}//p")
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    compopt -o nospace 2> /dev/null
    return
  fi
  case $current in
    -*)
      options=$("${COMP_WORDS[0]}" "${command[@]}" --help 2> /dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u)
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      ;;
  esac
}
complete -o bashdefault -o default -F _resolute resolute
)script";

}  // namespace

int completion(const Arguments& arguments) {
  options::options_description visible;
  auto values = parse_options(arguments, kCompletionHelp, visible, {"SHELL"});
  if (!values) return 0;
  if (const std::string shell = required_value(*values, "SHELL"); shell != "bash")
    throw core::input_error("shell '" + shell + "' is not known", {}, "resolute completion bash");
  std::cout << "# bash completion of resolute\n_resolute_commands=(\n";
  for (const Command& command : commands()) std::cout << "  '" << command.name << "'\n";
  std::cout << ")\n" << kScript + 1;
  return 0;
}

}  // namespace resolute::cli
