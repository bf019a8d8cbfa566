import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { readArgument, setValue, unsetValue } from './edit.ts';
import { parsePath } from './walk.ts';

const SEED = readFileSync(join(import.meta.dirname, '../../test/fixtures/openclaw.yml'), 'utf8');

const TEXT = `# the front door
load_balancing:
  strategy: "round_robin"   # as always

  servers:
    # the old one
    - 10.0.0.1:8080
    - address: 10.0.0.2:8080
      weight: 2
  timeout:    # all of them
    read: '10s'


  health_check:
log: {level: info, access: "off"}
`;

/** The lines that differ, as a person would see them in a diff. */
function changed(before: string, after: string): string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  while (a.length > 0 && b.length > 0 && a[0] === b[0]) {
    a.shift();
    b.shift();
  }
  while (a.length > 0 && b.length > 0 && a.at(-1) === b.at(-1)) {
    a.pop();
    b.pop();
  }
  return [...a.map((line) => `-${line}`), ...b.map((line) => `+${line}`)];
}

const set = (path: string, value: unknown, text = TEXT) =>
  changed(text, setValue(text, parsePath(path), value));

test('a changed value keeps its quotes and the comment behind it', () => {
  assert.deepEqual(set('load_balancing.strategy', 'random'), [
    '-  strategy: "round_robin"   # as always',
    '+  strategy: "random"   # as always',
  ]);
  assert.deepEqual(set('load_balancing.timeout.read', '5s'), [
    "-    read: '10s'",
    "+    read: '5s'",
  ]);
  assert.deepEqual(set('log.level', 'debug'), [
    '-log: {level: info, access: "off"}',
    '+log: {level: debug, access: "off"}',
  ]);
});

test('a new value goes to the end of its section, and nothing else moves', () => {
  assert.deepEqual(set('load_balancing.timeout.connect', '3s'), ['+    connect: 3s']);
  assert.deepEqual(set('load_balancing.workers', 2), ['+  workers: 2']);
  assert.deepEqual(set('admin.listen', ':9901'), ['+admin:', '+  listen: :9901']);
});

test('a new value makes the sections above it, an empty one included', () => {
  assert.deepEqual(set('load_balancing.health_check.http.method', 'HEAD'), [
    '+    http:',
    '+      method: HEAD',
  ]);
  assert.deepEqual(set('load_balancing.security.waf.mode', 'detect'), [
    '+  security:',
    '+    waf:',
    '+      mode: detect',
  ]);
});

test('an item of a list is changed, and one is added at its end', () => {
  assert.deepEqual(set('load_balancing.servers[0]', '10.0.0.9:80'), [
    '-    - 10.0.0.1:8080',
    '+    - 10.0.0.9:80',
  ]);
  assert.deepEqual(set('load_balancing.servers[2]', '10.0.0.3:8080'), ['+    - 10.0.0.3:8080']);
  assert.throws(
    () => set('load_balancing.servers[4]', 'a:1'),
    /has 2 items; the next one is \[2\]/,
  );
  assert.throws(() => set('load_balancing.strategy.x', 1), /neither a section nor a list/);
});

test('a text with nothing in it but comments keeps them', () => {
  assert.equal(
    setValue('# mine\n', parsePath('log.level'), 'debug').trim(),
    '# mine\n\nlog:\n  level: debug',
  );
});

test('an unset value goes with its line, and its section with the last one', () => {
  const unset = (path: string) => changed(TEXT, unsetValue(TEXT, parsePath(path))!);
  assert.deepEqual(unset('load_balancing.strategy'), ['-  strategy: "round_robin"   # as always']);
  assert.deepEqual(unset('load_balancing.timeout.read'), [
    '-  timeout:    # all of them',
    "-    read: '10s'",
  ]);
  assert.equal(unsetValue(TEXT, parsePath('load_balancing.nothing')), undefined);
});

test('an argument is read as its setting needs it', () => {
  const read = (path: string, argument: string) => readArgument(parsePath(path), argument);
  assert.equal(read('load_balancing.session_persistence.cookie.name', '123'), '123');
  assert.equal(read('load_balancing.health_check.http.expected_status', '200'), 200);
  assert.equal(read('load_balancing.health_check.enabled', 'true'), true);
  assert.equal(read('load_balancing.health_check.interval', '5s'), '5s');
  assert.equal(read('load_balancing.listen', '[::1]:80'), '[::1]:80');
  assert.deepEqual(read('load_balancing.servers', '["a:1", "b:1"]'), ['a:1', 'b:1']);
});

test('whatever is set can be read back, and everything else stays', () => {
  const paths = [
    'load_balancing.strategy',
    'load_balancing.timeout.read',
    'load_balancing.new.deep',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(TEXT, SEED),
      fc.constantFrom(...paths),
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean()),
      (text, path, value) => {
        const after = parse(setValue(text, parsePath(path), value));
        const wanted = parse(text);
        const keys = path.split('.');
        const last = keys.pop()!;
        let at = wanted;
        for (const key of keys) at = at[key] ??= {};
        at[last] = value;
        assert.deepEqual(after, wanted);
      },
    ),
  );
});
