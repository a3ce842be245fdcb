# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of nat64ctl in bash. What may stand where is asked of nat64ctl itself, which has it from
# its table of commands, and asks the daemon for names if that runs.

_nat64ctl()
{
	local line=${COMP_LINE:0:COMP_POINT} words=() candidate written head
	# bash breaks words at ":" and "=", too; IPv6 addresses are full of them.
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	written=${words[${#words[@]} - 1]}
	# Only what stands behind the last of them is replaced.
	head=${written%"${written##*[:=]}"}
	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		if [ "$candidate" = @files ]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "${written##*=}")
		elif [[ $COMP_WORDBREAKS == *:* ]]; then
			COMPREPLY+=("${candidate#"$head"}")
		else
			COMPREPLY+=("$candidate")
		fi
	done < <("$1" --complete "${words[@]:1}" 2>/dev/null)
}

complete -F _nat64ctl nat64ctl
