# zsh -f zsh_offers.zsh RESOLUTE FOLDER WORDS: what zsh offers when tab is pressed behind `resolute WORDS`, one a line.
# FOLDER holds _resolute. A shell on a terminal of its own is typed to; what it would show it writes into a file there.
zmodload zsh/zpty
export PROGRAM_FOLDER=${1:h} FUNCTIONS=$2 OFFERS=$2/offers
: > $OFFERS
cat > $2/setup <<'END'
PROMPT= 
path=($PROGRAM_FOLDER $path)
fpath=($FUNCTIONS $fpath)
autoload -Uz compinit
compinit -u -D
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
compadd() {
  # With these it fills variables and offers nothing.
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a offered
  builtin compadd -O offered "$@"
  (( $#offered )) && print -rl -- $offered >> $OFFERS
  builtin compadd "$@"
}
leave() { exit }
comppostfuncs=(leave)
END
zpty shell zsh -f -i
zpty -w shell "source ${(q)2}/setup"
zpty -w -n shell "resolute $3"$'\t'
while zpty -r shell > /dev/null; do :; done
zpty -d shell
sort -u $OFFERS
