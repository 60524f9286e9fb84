#!/usr/bin/env python3
"""Runs every test program of a build under valgrind.

  valgrind.py BUILD_DIR [--jobs N]

The programs are those that ctest knows. Check's tests run in one process each, so that valgrind
sees them. An invalid access or a leak fails the test. A test with
the label no-valgrind is left out.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

LIMIT = 300  # seconds for one program
VALGRIND = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full',
            '--errors-for-leak-kinds=definite,indirect,possible', '--fair-sched=yes']


def tests(build):
    text = subprocess.run(['ctest', '--test-dir', build, '--show-only=json-v1'], check=True,
                          capture_output=True, text=True).stdout
    for test in json.loads(text)['tests']:
        properties = {p['name']: p['value'] for p in test.get('properties', [])}
        if 'command' in test and 'no-valgrind' not in properties.get('LABELS', []):
            yield test['name'], test['command'], properties


def run(test):
    name, command, properties = test
    env = dict(os.environ, CK_FORK='no', SPRY_VALGRIND='1')
    env.update(item.split('=', 1) for item in properties.get('ENVIRONMENT', []))
    try:
        done = subprocess.run([*VALGRIND, *command], env=env, stdin=subprocess.DEVNULL,
                              cwd=properties.get('WORKING_DIRECTORY'), capture_output=True,
                              text=True, errors='replace', timeout=LIMIT, check=False)
        good, text = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        good, text = False, 'over %d s' % LIMIT
    print('%s %s' % ('ok  ' if good else 'FAIL', name) + ('' if good else '\n' + text[-6000:]),
          flush=True)
    return good


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('build')
    ap.add_argument('--jobs', type=int, default=os.cpu_count())
    opt = ap.parse_args()
    with concurrent.futures.ThreadPoolExecutor(opt.jobs) as pool:
        results = list(pool.map(run, tests(opt.build)))
    print('%d passed, %d failed' % (results.count(True), results.count(False)))
    return 0 if results and all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
