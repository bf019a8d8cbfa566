import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Io } from './io.ts';
import { logsCommand, readable } from './logs.ts';
import { runCommand } from './run.ts';

const NOW = new Date('2026-01-01T12:00:00Z');

const line = (level: string, minute: number, more: object) =>
  `${JSON.stringify({ level, time: `2026-01-01T11:${minute}:00.000Z`, ...more })}\n`;

function workplace(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'openclaw.log');
  let heard = () => {};
  const io: Io = {
    out: (text) => {
      out += text;
      heard();
    },
    err: (text) => {
      out += text;
    },
    env: { OPENCLAW_STATE: folder },
    cwd: folder,
    colour: false,
    now: () => NOW,
    exitCode: 0,
  };
  let out = '';
  const end = new AbortController();
  return {
    file,
    end,
    io,
    type: async (...argv: string[]) => {
      out = '';
      await runCommand(logsCommand(io, end.signal), argv, io);
      return out;
    },
    until: async (text: string) => {
      while (!out.includes(text)) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
  };
}

test('the log is read with those put aside, the oldest first', async (context) => {
  const place = workplace(context);
  writeFileSync(`${place.file}.2`, line('info', 10, { event: 'first' }));
  writeFileSync(`${place.file}.1`, line('info', 20, { event: 'second' }));
  writeFileSync(place.file, line('info', 30, { event: 'third' }));
  const out = await place.type();
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((one) => one.split(' ')[4]),
    ['first', 'second', 'third'],
  );
  assert.equal((await place.type('-n', '1')).split('\n').length, 2);
});

test('level, since and grep each leave out what does not fit', async (context) => {
  const place = workplace(context);
  writeFileSync(
    place.file,
    line('error', 10, { event: 'old' }) +
      line('info', 55, { event: 'request', requestId: 'abc-1' }) +
      line('warn', 56, { event: 'request', requestId: 'abc-2' }) +
      'not JSON\n',
  );
  const events = async (...argv: string[]) =>
    (await place.type('--json', ...argv))
      .trim()
      .split('\n')
      .filter((one) => one !== '')
      .map((one) => JSON.parse(one).requestId ?? JSON.parse(one).event);
  assert.deepEqual(await events('--level', 'warn'), ['old', 'abc-2']);
  assert.deepEqual(await events('--since', '10m'), ['abc-1', 'abc-2']);
  assert.deepEqual(await events('--since', '2026-01-01T11:56:00Z'), ['abc-2']);
  assert.deepEqual(await events('--grep', 'abc-[1]'), ['abc-1']);
  assert.deepEqual(await events('--grep', 'abc', '--level', 'warn'), ['abc-2']);
});

test('what is typed wrong is refused with what is right', async (context) => {
  const place = workplace(context);
  writeFileSync(place.file, '');
  assert.match(await place.type('--since', 'soon'), /a duration like 10m/);
  assert.equal(place.io.exitCode, 2);
  assert.match(await place.type('--grep', '('), /nterminated/);
  assert.match(await place.type('--level', 'loud'), /Allowed choices are debug, info/);
});

test('a log that is not there is said to be missing, with what to do', async (context) => {
  const place = workplace(context);
  assert.match(await place.type(), /no log at .*openclaw\.log[\s\S]*openclaw start/);
  assert.equal(place.io.exitCode, 3);
});

test('following goes on over a rotation and loses no line', async (context) => {
  const place = workplace(context);
  writeFileSync(place.file, line('info', 10, { event: 'before' }));
  const following = place.type('--follow');
  await place.until('before');
  await appendFile(place.file, line('info', 11, { event: 'added' }));
  await place.until('added');
  await appendFile(place.file, line('info', 12, { event: 'last-of-old' }));
  renameSync(place.file, `${place.file}.1`);
  writeFileSync(place.file, line('info', 13, { event: 'first-of-new' }));
  await place.until('first-of-new');
  place.end.abort();
  const events = (await following)
    .trim()
    .split('\n')
    .map((one) => one.split(' ')[4]);
  assert.deepEqual(events, ['before', 'added', 'last-of-old', 'first-of-new']);
});

test('a readable line says when, how grave and what, and steers no terminal', () => {
  const text = line('warn', 10, {
    event: 'request',
    name: 'load_balancing',
    request: 'GET /\u001b[2J',
    status: 502,
    failure: 'connect_refused',
    server: 'red',
    firstByteMs: -1,
  });
  assert.equal(
    readable(text.trim(), false),
    '2026-01-01 11:10:00.000 warn  request GET /�[2J 502 connect_refused server=red\n',
  );
  assert.match(readable(text.trim(), true), /\x1b\[33mwarn/);
  assert.match(readable(line('constructor', 10, {}).trim(), true), / constructor/);
});

test('lines are in colour on a terminal, and not in a pipe beside one', async (context) => {
  const place = workplace(context);
  writeFileSync(place.file, line('warn', 10, { event: 'first' }));
  place.io.colour = true;
  assert.doesNotMatch(await place.type(), /\x1b/);
  place.io.outColour = true;
  assert.match(await place.type(), /\x1b\[33mwarn/);
});

test('an error anywhere in the configuration does not show another log', async (context) => {
  const place = workplace(context);
  const config = join(place.io.cwd, 'openclaw.yml');
  const named = join(place.io.cwd, 'named.log');
  writeFileSync(place.file, line('info', 10, { event: 'of-the-default' }));
  writeFileSync(named, line('info', 10, { event: 'of-the-named' }));
  for (const text of [
    'x: 1\nlog:\n  file: named.log\n',
    'log: {file: named.log, level: loud, colour: [}\n',
    'load_balancing:\n  servers: [10.0.0.1:80\nlog:\n  # comment\n\n  file: "named.log"\n',
    'log:\n  level: loud\n  file: ./named.log\nadmin:\n\ttoken: x\n',
    '{"log": {"file": "named.log"}, "admin": 7}',
    'log: &a {file: named.log}\nadmin: *b\n',
  ]) {
    writeFileSync(config, text);
    const out = await place.type();
    assert.match(out, /openclaw\.yml has errors.*this is the log it names: .*named\.log/, text);
    assert.match(out, /of-the-named/, text);
  }
  for (const text of [
    'log:\n  file: [1]\n',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in a file
    'log:\n  file: "${OPENCLAW_NOT_SET}"\n',
    'log: {file: [\n',
    'load_balancing: "\n',
  ]) {
    writeFileSync(config, text);
    const out = await place.type();
    assert.match(out, /log\.file cannot be read; this is the default log: .*openclaw\.log/, text);
    assert.match(out, /of-the-default/, text);
  }
  writeFileSync(config, 'x: 1\n');
  assert.match(await place.type(), /this is the log it names: .*openclaw\.log\n/);
  writeFileSync(config, 'log: {file: named.log}\n');
  assert.doesNotMatch(await place.type(), /has errors/);
});
