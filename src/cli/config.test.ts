import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigurationHistory } from '../config/configuration-history.ts';
import { instanceDirectory } from '../config/locate.ts';
import { realPath } from '../config/store.ts';
import { configCommand } from './config.ts';
import type { Io } from './io.ts';
import { runCommand } from './run.ts';

const SEED = readFileSync(join(import.meta.dirname, '../../test/fixtures/openclaw.yml'), 'utf8');
const WITHOUT_TLS = SEED.replace(/ {4}tls:\n(?: {6}.*\n)+/, '');

/** A folder of its own, in which `openclaw config` can be typed. */
function workplace(t: TestContext, text?: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'openclaw-cli-'));
  t.after(() => rmSync(cwd, { recursive: true, force: true }));
  const file = join(cwd, 'openclaw.yml');
  if (text !== undefined) writeFileSync(file, text);
  const env = { HOME: cwd, XDG_CONFIG_HOME: cwd, OPENCLAW_STATE: join(cwd, 'state') };
  return {
    cwd,
    file,
    env,
    read: () => readFileSync(file, 'utf8'),
    async type(line: string, name = 'openclaw') {
      const io: Io & { stdout: string; stderr: string } = {
        name,
        stdout: '',
        stderr: '',
        out: (more) => {
          io.stdout += more;
        },
        err: (more) => {
          io.stderr += more;
        },
        env,
        cwd,
        colour: false,
        now: () => new Date(0),
        exitCode: 0,
      };
      await runCommand(configCommand(io), line.split(' '), io);
      return { code: io.exitCode, out: io.stdout, err: io.stderr };
    },
  };
}

test("the seed's commands work as they are typed there, with no file to begin with", async (t) => {
  const place = workplace(t);
  const lines = [
    'set load_balancing.health_check.enabled true',
    'set load_balancing.health_check.interval 5s',
    'set load_balancing.health_check.timeout 2s',
    'set load_balancing.health_check.failure_threshold 3',
    'set load_balancing.health_check.success_threshold 2',
    'set load_balancing.health_check.endpoint /health',
    'set load_balancing.health_check.type http',
    'set load_balancing.health_check.http.method GET',
    'set load_balancing.health_check.http.expected_status 200',
    'export –section load_balancing –file lb-config.yml',
    'import –file lb-config.yml',
    'validate –section load_balancing',
    'get load_balancing',
  ];
  for (const line of lines) {
    const { code, err } = await place.type(line);
    assert.equal(code, 0, `${line}\n${err}`);
  }
  assert.equal(
    place.read(),
    `load_balancing:
  health_check:
    enabled: true
    interval: 5s
    timeout: 2s
    failure_threshold: 3
    success_threshold: 2
    endpoint: /health
    type: http
    http:
      method: GET
      expected_status: 200
`,
  );
});

test('set refuses what would break the file, and leaves it alone', async (t) => {
  const place = workplace(t, WITHOUT_TLS);
  const { code, err } = await place.type('set load_balancing.strategy round-robbin');
  assert.equal(code, 1);
  assert.match(
    err,
    /openclaw\.yml:7:13: error: load_balancing\.strategy: this is not a known value/,
  );
  assert.match(err, /did you mean "round_robin"\?/);
  assert.equal(place.read(), WITHOUT_TLS);
});

test('set in a file whose syntax is broken shows what is broken', async (t) => {
  const broken = 'load_balancing:\n  strategy: "random\n';
  const place = workplace(t, broken);
  const { code, err } = await place.type('set load_balancing.workers 2');
  assert.equal(code, 1);
  assert.match(err, /openclaw\.yml:2:13: error: this opening quote is never closed/);
  assert.equal(place.read(), broken);
});

test('set names the setting that was meant, and takes several at once', async (t) => {
  const place = workplace(t, WITHOUT_TLS);
  const misspelt = await place.type('set load_balancing.timeout.conect 3s');
  assert.equal(misspelt.code, 1);
  assert.match(misspelt.err, /did you mean "load_balancing\.timeout\.connect"\?/);
  assert.equal((await place.type('set load_balancing.workers')).code, 2);
  const both = await place.type('set load_balancing.timeout.connect 3s load_balancing.workers 2');
  assert.equal(both.code, 0);
  assert.match(both.out, /~ load_balancing\.timeout\.connect: 5s → 3s/);
  assert.match(both.out, /"openclaw config reload" applies it/);
  assert.match(place.read(), /connect: "3s"/);
});

test('get prints the file, or what counts with its origin', async (t) => {
  const place = workplace(t, WITHOUT_TLS);
  assert.equal((await place.type('get load_balancing.timeout.read')).out, '10s\n');
  assert.equal((await place.type('get load_balancing.timeout.idle')).code, 1);
  const effective = await place.type('get load_balancing.timeout --effective');
  assert.match(effective.out, /^read: 10s # openclaw\.yml:17$/m);
  assert.match(effective.out, /^idle: 1m15s # default$/m);
  const json = await place.type('get load_balancing.timeout.idle --effective --json');
  assert.deepEqual(JSON.parse(json.out), {
    path: 'load_balancing.timeout.idle',
    value: '1m15s',
    origin: 'default',
  });
});

test('no command shows a secret unless it is asked to', async (t) => {
  const place = workplace(t, 'admin:\n  token: hidden-hidden-hidden\n');
  const lines = [
    'get admin',
    'get admin.token',
    'get admin.token --json',
    'get admin --effective',
    'get admin --effective --json',
    'export',
    'export --json',
    'set admin.token HIDDEN-hidden-hidden',
    'set admin.token hidden-x --json',
    'validate --json',
  ];
  for (const line of lines) {
    const { out, err } = await place.type(line);
    const shown = line.startsWith('set') ? '' : line;
    assert.doesNotMatch(out + err, /hidden/i, `${shown}\n${out}${err}`);
  }
  assert.equal((await place.type('get admin.token --secrets')).out, 'HIDDEN-hidden-hidden\n');
  await place.type('export --secrets --file out.yml');
  assert.equal(statSync(join(place.cwd, 'out.yml')).mode & 0o777, 0o600);
});

test('validate tells errors from warnings, and has the exit code', async (t) => {
  const place = workplace(t, SEED);
  const seed = await place.type('validate');
  assert.equal(seed.code, 1);
  assert.equal(seed.out, 'openclaw.yml: 2 errors, 2 warnings\n');
  assert.match(seed.err, /cert_path: \/path\/to\/cert\.pem: there is no such file/);
  const health = await place.type('validate --section load_balancing.health_check');
  assert.equal(health.code, 0);
  writeFileSync(place.file, WITHOUT_TLS);
  const json = JSON.parse((await place.type('validate --json')).out);
  assert.equal(json.valid, true);
  assert.ok(json.warnings.length > 0);
  assert.equal((await place.type('validate --file absent.yml')).code, 3);
  assert.equal((await place.type('validate --frobnicate')).code, 2);
});

test('import shows what changes, dry or not, and mends typography', async (t) => {
  const place = workplace(t, WITHOUT_TLS);
  const page = 'load_balancing:\n  strategy: “random”\n';
  writeFileSync(join(place.cwd, 'page.yml'), page);
  const curly = await place.type('import --file page.yml');
  assert.equal(curly.code, 1);
  assert.match(curly.err, /curly quotes/);
  const dry = await place.type('import --file page.yml --fix-typography --dry-run');
  assert.match(dry.out, /~ load_balancing\.strategy: round_robin → random\nnothing was written/);
  assert.equal(place.read(), WITHOUT_TLS);
  assert.equal((await place.type('import --file page.yml --fix-typography')).code, 0);
  assert.match(place.read(), /strategy: "random"/);
  writeFileSync(place.file, page);
  assert.equal((await place.type('import --file openclaw.yml --fix-typography')).code, 0);
  assert.equal(place.read(), 'load_balancing:\n  strategy: "random"\n');
});

test('diff, history and rollback go by what was applied', async (t) => {
  const place = workplace(t, 'load_balancing:\n  strategy: random\n');
  assert.equal((await place.type('diff')).code, 1);
  const applied = new ConfigurationHistory(instanceDirectory(place.env, realPath(place.file)));
  for (const strategy of ['random', 'ip_hash']) {
    const text = `load_balancing:\n  strategy: ${strategy}\n`;
    applied.record({ at: '2026-01-01T00:00:00Z', cause: 'reload', file: place.file, text });
  }
  assert.equal((await place.type('diff')).out, '~ load_balancing.strategy: ip_hash → random\n');
  assert.equal(JSON.parse((await place.type('history --json')).out).length, 2);
  assert.equal((await place.type('rollback 9')).code, 1);
  assert.equal((await place.type('rollback 2')).code, 0);
  assert.match(place.read(), /ip_hash/);
  assert.equal((await place.type('rollback')).code, 0);
  assert.match(place.read(), /random/);
});

test('two files with one state directory: each has its own history, by whatever name it is called', async (t) => {
  const place = workplace(t, 'load_balancing:\n  strategy: random\n');
  const other = join(place.cwd, 'other.yml');
  const link = join(place.cwd, 'link.yml');
  writeFileSync(other, 'log: {}\n');
  symlinkSync(place.file, link);
  const record = (file: string, text: string) =>
    new ConfigurationHistory(instanceDirectory(place.env, realPath(file))).record({
      at: '2026-01-01T00:00:00Z',
      cause: 'start',
      file,
      text,
    });
  for (const strategy of ['ip_hash', 'random']) {
    record(place.file, `load_balancing:\n  strategy: ${strategy}\n`);
  }
  for (const command of ['rollback', 'rollback 1', 'rollback 2', 'diff']) {
    const { code, err } = await place.type(`${command} --config other.yml`);
    assert.equal(code, 1, command);
    assert.match(err, /other\.yml/);
  }
  assert.deepEqual(JSON.parse((await place.type('history --json --config other.yml')).out), []);
  record(other, 'log: {level: warn}\n');
  assert.equal((await place.type('rollback 2 --config other.yml')).code, 1);
  assert.equal(readFileSync(other, 'utf8'), 'log: {}\n');
  assert.equal(JSON.parse((await place.type('history --json --config link.yml')).out).length, 2);
  assert.equal((await place.type('rollback --config link.yml')).code, 0);
  assert.match(place.read(), /ip_hash/);
});

test('without a file the command says where it looked', async (t) => {
  const place = workplace(t);
  const { code, err } = await place.type('get load_balancing');
  assert.equal(code, 3);
  assert.match(err, /no configuration at .*openclaw\.yml.*\n {2}help: openclaw init creates one/);
  assert.equal(existsSync(place.file), false);
});

test('every command has an example in its help', async (t) => {
  const place = workplace(t);
  const names = configCommand({} as Io).commands.map((command) => command.name());
  for (const name of names) {
    const { out, code } = await place.type(`${name} --help`);
    assert.equal(code, 0);
    assert.match(out, /Examples:\n {2}\$ openclaw config /);
  }
});

test('hints name the command as it was called, and values stay as they are', async (t) => {
  const place = workplace(t, 'log:\n  file: openclaw start\n');
  const set = await place.type('set log.level warn', 'openclaw-lb');
  assert.match(set.out, /"openclaw-lb config reload" applies it/);
  const help = await place.type('set --help', 'openclaw-lb');
  assert.match(help.out, /\$ openclaw-lb config set /);
  assert.doesNotMatch(help.out, /openclaw config/);
  assert.equal((await place.type('get log.file', 'openclaw-lb')).out, 'openclaw start\n');
});

test('a pipe or a device is refused at once, as the configuration and as a file it names', async (t) => {
  const place = workplace(t);
  const pipe = join(place.cwd, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  for (const [file, kind] of [
    [pipe, 'a pipe'],
    ['/dev/zero', 'a device'],
  ] as const) {
    const refused = await place.type(`validate --config ${file}`);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, new RegExp(`it is ${kind}, not a regular file`));
    const named: Record<string, unknown> = {
      'security.access_control.denylist_file': { access_control: { denylist_file: file } },
      'security.tls.cert_path': { tls: { cert_path: file, key_path: file } },
      'security.tls.client_ca_path': {
        tls: { cert_path: 'none', key_path: 'none', client_ca_path: file },
      },
    };
    for (const [path, security] of Object.entries(named)) {
      const load_balancing = { listen: '127.0.0.1:8080', servers: ['127.0.0.1:1'], security };
      writeFileSync(place.file, JSON.stringify({ load_balancing }));
      const { code, out, err } = await place.type('validate');
      assert.notEqual(code, 0, path);
      assert.match(out + err, new RegExp(`it is ${kind}, not a regular file`), path);
    }
  }
});

test('a certificate that has expired in use keeps nobody from changing other things', async (t) => {
  const { file, read, type } = workplace(t, WITHOUT_TLS);
  const certificates = join(import.meta.dirname, '../../test/fixtures/certificates');
  const tls = `  security:
    tls:
      cert_path: ${certificates}/nameless.crt
      key_path: ${certificates}/gone.key
`;
  writeFileSync(file, `load_balancing:\n  servers: ["10.0.0.1:80"]\n${tls}`);
  // It is 1970 here, when this certificate is not valid, and there is no such key.
  const { code, err } = await type('set load_balancing.strategy random');
  assert.equal(code, 0, err);
  assert.match(err, /warning.*nameless\.crt: (not valid before|valid from)/);
  assert.match(err, /warning.*gone\.key: there is no such file/);
  assert.match(read(), /strategy: random/);
  for (const key of ['cert_path', 'key_path']) {
    const to = `${certificates}/older.crt`;
    const refused = await type(`set load_balancing.security.tls.${key} ${to}`);
    assert.notEqual(refused.code, 0, key);
    assert.match(refused.err, /error.*older\.crt: /);
  }
});

test('a page whose indentation is lost is named as such, and imported once it is restored', async (t) => {
  const { cwd, read, type } = workplace(t);
  const page = readFileSync(
    join(import.meta.dirname, '../../test/fixtures/seed-blocks.txt'),
    'utf8',
  );
  writeFileSync(join(cwd, 'page.yml'), page.split('“`\n')[0]!);
  const refused = await type('import --file page.yml');
  assert.notEqual(refused.code, 0);
  assert.match(
    refused.err,
    /the indentation is lost.*[\s\S]*import --fix-typography --file page\.yml/,
  );
  const { code, err } = await type('import --file page.yml --fix-typography');
  assert.equal(code, 0, err);
  assert.match(
    read(),
    /^load_balancing:\n {2}.*[\s\S]*\n {4}- server: "?192\.168\.1\.100:8080"?\n {6}weight: 5\n/m,
  );
  writeFileSync(join(cwd, 'doubt.yml'), 'load_balancing:\nstrategy: random\ncolour: red\n');
  const doubtful = await type('import --file doubt.yml --fix-typography');
  assert.notEqual(doubtful.code, 0);
  assert.match(
    doubtful.err,
    /doubt\.yml:3:1.*none of the sections it could belong to has a setting "colour"/,
  );
});
