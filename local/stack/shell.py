"""The output of `make local-env`: the stack's environment for a shell, and `biobatch-leave`, which restores the shell.

The lines work in bash, zsh and other POSIX shells, also under `set -eu`. Only bash and zsh accept a hyphen in the name of a function, so
other shells have `biobatch_leave` only.
"""

import os
import shlex

from local.record import Record
from local.stack import environment

#: The text at the beginning of the prompt.
MARK = "(biobatch local) "

_KEEP = """\
_biobatch_keep() {
  case " ${_biobatch_kept-} " in *" $1 "*) return 0 ;; esac
  _biobatch_kept="${_biobatch_kept-} $1"
  if eval "[ -n \\"\\${$1+set}\\" ]"; then
    eval "_biobatch_was_$1=\\$$1"
    if env | grep -q "^$1="; then eval "_biobatch_exported_$1=yes"; fi
  fi
}
biobatch_leave() {
  eval "set -- ${_biobatch_kept-}"
  for _biobatch_name do
    if eval "[ -z \\"\\${_biobatch_was_$_biobatch_name+set}\\" ]"; then
      unset "$_biobatch_name"
    else
      # PATH and PS1 must never be unset: zsh would forget what they mean.
      if eval "[ -z \\"\\${_biobatch_exported_$_biobatch_name-}\\" ]"; then
        case $_biobatch_name in PATH | PS1) ;; *) unset "$_biobatch_name" ;; esac
      fi
      eval "$_biobatch_name=\\$_biobatch_was_$_biobatch_name"
      if eval "[ -n \\"\\${_biobatch_exported_$_biobatch_name-}\\" ]"; then export "$_biobatch_name"; fi
    fi
    unset "_biobatch_was_$_biobatch_name" "_biobatch_exported_$_biobatch_name"
  done
  unset _biobatch_kept _biobatch_name
  if [ -n "${BASH_VERSION-}${ZSH_VERSION-}" ]; then eval 'unset -f biobatch-leave'; fi
  unset -f biobatch_leave _biobatch_keep
  hash -r
}
# Other shells take no hyphen in a function's name.
if [ -n "${BASH_VERSION-}${ZSH_VERSION-}" ]; then eval 'biobatch-leave() { biobatch_leave; }'; fi
"""


def lines(record: Record) -> str:
    """The lines that a shell evaluates. It can evaluate them again, and `biobatch-leave` still restores the original shell."""
    ours = environment.variables(record)
    stale = [name for name in sorted(os.environ) if environment.is_taken_over(name) and name not in ours]
    unset = list(dict.fromkeys(["AWS_PROFILE", *stale]))
    keep = [f"_biobatch_keep {name}" for name in [*unset, *ours, "PS1"]]
    export = [f"export {name}={shlex.quote(value)}" for name, value in ours.items()]
    mark = (
        f'case "${{PS1-}}" in "" | {shlex.quote(MARK)}*) ;; *) PS1={shlex.quote(MARK)}"$PS1" ;; esac',
        "hash -r",
    )
    return "\n".join([_KEEP.rstrip(), *keep, *(f"unset {name}" for name in unset), *export, *mark])


def notice(record: Record) -> str:
    """The message for a shell that evaluates the lines: which stack it uses, and the command that leaves it."""
    return (
        f"this shell now works on the local stack of {record.root}, not on an AWS account. "
        "Leave the local stack: biobatch-leave"
    )
