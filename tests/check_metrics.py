#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nat64ctl metrics, read by Prometheus' own strict parser: the names and labels that users rely on.

check_metrics.py FILE
"""

import sys

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    print('1..0 # SKIP there is no python3-prometheus-client')
    sys.exit()

# Name of the family: its type, and the labels of each sample (INTERFACE, section 8).
NAMES = {
    'nat64d_pool4_ports': ('gauge', ['entry', 'protocol']),
    'nat64d_pool4_ports_used': ('gauge', ['entry', 'protocol']),
    'nat64d_bindings': ('gauge', ['protocol']),
    'nat64d_sessions': ('gauge', ['protocol']),
    'nat64d_clients': ('gauge', []),
    'nat64d_packets': ('counter', ['direction', 'outcome']),
    'nat64d_bytes': ('counter', ['direction']),
    'nat64d_queue_lost': ('counter', ['queue']),
    'nat64d_queue_waiting': ('gauge', ['queue']),
    'nat64d_state_unsaved_changes': ('gauge', []),
    'nat64d_state_flush_failures': ('counter', []),
}


def problem_of(family, kind, labels):
    if family.type != kind:
        return f'is a {family.type}, not a {kind}'
    if not family.documentation:
        return 'has no help'
    for sample in family.samples:
        if sorted(sample.labels) != labels:
            return f'{sample.name} has the labels {sorted(sample.labels)}, not {labels}'
        if sample.name != family.name + ('_total' if kind == 'counter' else ''):
            return f'has a sample {sample.name}'
    return None


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        families = {family.name: family for family in text_string_to_metric_families(file.read())}
    print(f'1..{len(NAMES) + 1}')
    for number, (name, (kind, labels)) in enumerate(NAMES.items(), 1):
        problem = problem_of(families[name], kind, labels) if name in families else 'is missing'
        print(f'ok {number} {name}' if problem is None else f'not ok {number} {name}: {problem}')
    strangers = set(families) - set(NAMES)
    print(f'{"not " if strangers else ""}ok {len(NAMES) + 1} no others', *sorted(strangers))


main()
