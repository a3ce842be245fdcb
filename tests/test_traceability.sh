#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# traceability.csv against the catalogue's ids and the files of this folder: every id stands there
# once and in a known state, every test that it names exists, what holds without a word of reason is
# tested, and a scenario that says it shows a row is listed with it.
#
# usage: test_traceability.sh FOLDER_OF_TESTS

cd "$1" || exit
LC_ALL=C
ids=vectors/requirement_ids.txt table=traceability.csv
number=0

# result NAME OFFENDERS: one TAP line, not ok if there are any offenders.
result()
{
	number=$((number + 1))
	[ -z "$2" ] && echo "ok $number $1" && return
	echo "not ok $number $1"
	sed 's/^/# /' <<<"$2"
}

# The rows, without heading; no field holds a comma.
rows()
{
	grep -v -e '^#' -e '^id,' "$table"
}

missing_files()
{
	rows | while IFS=, read -r id _ tests _; do
		for test in $tests; do
			[ -f "$test" ] || echo "$id names $test"
		done
	done
}

# By the ids in the first comment of each scenario.
unlisted_scenarios()
{
	rows | awk -F, '
		FILENAME == "-" { n = split($3, tests, " "); while (n) listed[$1, tests[n--]] = 1; next }
		FNR == 1 { in_comment = 1 }
		!/^#/ { in_comment = 0 }
		in_comment {
			for (line = $0; match(line, /[AKTIFSHPLXOC]-[0-9]+/); line = substr(line, RSTART + RLENGTH)) {
				id = substr(line, RSTART, RLENGTH)
				if (!((id, FILENAME) in listed)) print FILENAME " shows " id
			}
		}' - packets/*.pkt
}

echo 1..6
result "the catalogue has its rows" "$([ "$(grep -vc '^#' $ids)" -gt 250 ] || echo "$ids is too short")"
result "every id of the catalogue stands in the table, and once" \
	"$(diff <(grep -v '^#' $ids | sort) <(rows | cut -d, -f1 | sort))"
result "every row is in a known state" \
	"$(rows | grep -vE '^[^,]*,[^,]*,[^,]*,(holds(: [^,]+)?|issue [0-9]+ builds it(: [^,]+)?|gap: [^,]+)$')"
result "every test that is named exists" "$(missing_files)"
result "what holds is tested, or says why not" "$(rows | grep -E '^[^,]*,[^,]*,,holds$')"
result "every scenario stands with the rows that it shows" "$(unlisted_scenarios)"
