#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nat64ctl metrics, read by Prometheus' own strict parser: the names and labels that users rely on; and that
what dashboards and alerts ask for is there.

check_metrics.py FILE [DASHBOARD ALERTS]
"""

import json
import re
import sys

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    print('1..0 # SKIP there is no python3-prometheus-client')
    sys.exit()

# Name of the family: its type, and the labels of each sample (INTERFACE, section 8).
NAMES = {
    'nat64d_state': ('gauge', ['state']),
    'nat64d_rules_in_place': ('gauge', []),
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


def samples_of(families):
    """Name and labels of each sample: what a query can ask for."""
    return [(sample.name, sample.labels) for family in families.values() for sample in family.samples]


def matches(labels, condition):
    """Of a selector: NAME OPERATOR "VALUE"; the instance is the scraper's own."""
    name, operator, value = re.fullmatch(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*', condition).groups()
    if name == 'instance':
        return True
    if name not in labels:
        return False
    found = re.fullmatch(value, labels[name]) if '~' in operator else value == labels[name]
    return bool(found) != operator.startswith('!')


def problem_of_query(query, samples):
    """Every selector of it finds something; every value that an alternative names, too."""
    selectors = re.findall(r'(nat64d_\w+)(?:\{([^}]*)\})?', query)
    if not selectors:
        return 'asks for nothing of nat64d'
    for name, conditions in selectors:
        of_name = [labels for found, labels in samples if found == name]
        kind, labels = NAMES.get(re.sub('_total$', '', name), (None, []))
        if kind is None or name.endswith('_total') != (kind == 'counter'):
            return f'there is no {name}'
        if not of_name:  # such as of queues, where none is read
            of_name = [{label: '' for label in labels}]
        parts = re.findall(r'\w+\s*(?:=~|!~|!=|=)\s*"[^"]*"', conditions)
        if not any(all(matches(labels, part) for part in parts) for labels in of_name):
            return f'{name}{{{conditions}}} finds nothing'
        for label, alternatives in re.findall(r'(\w+)\s*[=!]~\s*"([\w|]+)"', conditions):
            for value in alternatives.split('|'):
                if not any(labels.get(label) == value for labels in of_name):
                    return f'{name} has no {label} {value}'
    for labels in re.findall(r'by \(([^)]*)\)', query):
        known = {'instance'} | {label for _, found in NAMES.values() for label in found}
        if strangers := set(labels.replace(' ', '').split(',')) - known:
            return f'by {strangers}'
    return None


def queries_of(dashboard, alerts):
    with open(dashboard, encoding='utf-8') as file:
        document = json.load(file)
    for panel in document['panels']:
        for target in panel['targets']:
            yield f'panel {panel["title"]}', target['expr']
    for variable in document['templating']['list']:
        if variable['type'] == 'query':
            yield f'variable {variable["name"]}', variable['query']
    with open(alerts, encoding='utf-8') as file:
        text = file.read()
    rules = re.findall(r'- alert: (\w+)\n +expr: (?:>-\n)?((?:.*\n)+?) +for:', text)
    assert len(rules) == text.count('- alert:') > 0, 'a rule without expr or for'
    yield from ((f'alert {name}', expression) for name, expression in rules)


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        families = {family.name: family for family in text_string_to_metric_families(file.read())}
    queries = list(queries_of(*sys.argv[2:])) if len(sys.argv) > 2 else []
    print(f'1..{len(NAMES) + 1 + len(queries)}')
    for number, (name, (kind, labels)) in enumerate(NAMES.items(), 1):
        problem = problem_of(families[name], kind, labels) if name in families else 'is missing'
        print(f'ok {number} {name}' if problem is None else f'not ok {number} {name}: {problem}')
    strangers = set(families) - set(NAMES)
    print(f'{"not " if strangers else ""}ok {len(NAMES) + 1} no others', *sorted(strangers))
    for number, (name, query) in enumerate(queries, len(NAMES) + 2):
        problem = problem_of_query(query, samples_of(families))
        print(f'ok {number} {name}' if problem is None else f'not ok {number} {name}: {problem}')


main()
