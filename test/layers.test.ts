/** A folder imports only from the layers above it in LAYERS (docs/architecture.md draws them). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '..');

/** From the top down. Folders that share a line may not import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['src/base', 'src/waf', 'src/x509'],
  ['src/table'],
  ['src/core/http1', 'src/core/balance', 'src/core/health', 'src/core/limits'],
  ['src/core/proxy-protocol', 'src/core/http2'],
  ['src/core/ports'],
  ['src/core/sticky'],
  ['src/core/answers'],
  ['src/core/forward'],
  ['src/core/servers'],
  ['src/core/decisions'],
  ['src/core/routes', 'src/core/filters'],
  ['src/core/exchange'],
  ['src/core/clients'],
  ['src/config'],
  ['src/plan'],
  ['src/io'],
  ['src/observe'],
  ['src/worker'],
  ['src/control/plans', 'src/control/discovery'],
  ['src/control/watch'],
  ['src/control/operate'],
  ['src/admin'],
  ['src/dashboard'],
  ['src/cli'],
  ['src/main.ts'],
];

/** What the rest of the house may import of the firewall. */
const WAF_ENTRIES: readonly string[] = ['src/waf/index.ts', 'src/waf/catalogue.ts'];

/** What the core may not touch: sockets, timers, files and clocks are given to it. */
const CORE_FORBIDS =
  /from 'node:(net|tls|fs|dns|http|http2|timers|worker_threads|dgram|child_process)/;
const CORE_FETCHES =
  /\b(setTimeout|setInterval|setImmediate|Date\.now|performance\.now|Math\.random)\b/;

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function layerOf(file: string): number {
  return LAYERS.findIndex((rooms) =>
    rooms.some((room) => file === room || file.startsWith(`${room}/`)),
  );
}

function roomOf(file: string): string | undefined {
  return LAYERS[layerOf(file)]?.find((room) => file === room || file.startsWith(`${room}/`));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    relative(ROOT, resolve(ROOT, dirname(file), match[1]!)),
  );
}

function packagesOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export|\}) .*from '([^.'][^']*)'/gm)].map((it) => it[1]!);
}

test('every source file belongs to a layer', () => {
  const lost = sources('src').filter((file) => layerOf(file) === -1);
  assert.deepEqual(lost, []);
});

test('a folder imports only from the layers above it', () => {
  const wrong: string[] = [];
  for (const file of sources('src')) {
    if (file.endsWith('.test.ts')) continue;
    for (const target of importsOf(file)) {
      const from = roomOf(file);
      const to = roomOf(target);
      if (from === to) continue;
      if (layerOf(target) >= layerOf(file)) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('no files import each other in a circle, types included', () => {
  const files = ['src', 'sim', 'bench', 'test'].flatMap(sources);
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  assert.deepEqual(circlesIn(imports).flat().sort(), []);
});

test('the firewall is a library: it imports itself and Node, and the house its entries', () => {
  const wrong: string[] = [];
  for (const file of ['src', 'sim'].flatMap(sources)) {
    const isInside = file.startsWith('src/waf/');
    if (isInside && file.endsWith('.test.ts')) continue;
    if (isInside) wrong.push(...packagesOf(file).filter((name) => !name.startsWith('node:')));
    for (const target of importsOf(file)) {
      const isAllowed = isInside
        ? target.startsWith('src/waf/')
        : !target.startsWith('src/waf/') || WAF_ENTRIES.includes(target);
      if (!isAllowed) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** Who touches sockets beside the backends, and why. */
const SOCKETS_BESIDE_BACKENDS: Readonly<Record<string, string>> = {
  'src/io/unix-socket.ts': 'asks whether somebody listens on a unix socket',
  'src/io/probe.ts': "types of the sockets that Node's dial opens for probes",
  'src/io/grpc-health.ts': "the same, for Node's HTTP/2 library",
  'src/io/kernel/openssl/client-contexts.ts': 'asks Node whom it trusts, and for its defaults',
  'src/io/kernel/openssl/client-handshake.ts': "has Node compare a certificate's names",
  'src/admin/admin-server.ts': 'types of where its node:http listens',
  'src/cli/demo.ts': 'types of where its node:http listens',
  'src/config/checks/certificates.ts': 'asks OpenSSL which ciphers and curves it knows',
};
/** Who chooses a backend, or is made for Node's. */
const NODE_BACKEND_BY: Readonly<Record<string, string>> = {
  'src/io/open-backend.ts': 'opens the backend of a data thread',
  'src/control/operate/instance.ts': 'chooses who opens listening sockets',
  'src/io/probe.ts': "probes go by Node's sockets, whatever the traffic goes by",
  'src/io/tls/trial.ts': "asks OpenSSL by Node's contexts",
};

test('connections are reached by io/backend.ts: only backends know sockets, few know a backend', () => {
  const touching: string[] = [];
  const choosing: string[] = [];
  for (const file of sources('src')) {
    if (/\.(test|suite|fixture)\.ts$/.test(file) || file.startsWith('src/io/node/')) continue;
    const text = readFileSync(join(ROOT, file), 'utf8');
    const ofNet = /import ([^;]*?) from 'node:net'/.exec(text)?.[1];
    const isTouching = ofNet !== undefined && !/^\{( isIP(v4|v6)?,?)+ \}$/.test(ofNet);
    if (isTouching || text.includes("from 'node:tls'")) touching.push(file);
    if (importsOf(file).some((target) => target.startsWith('src/io/node/'))) choosing.push(file);
  }
  assert.deepEqual(touching.sort(), Object.keys(SOCKETS_BESIDE_BACKENDS).sort());
  assert.deepEqual(choosing.sort(), Object.keys(NODE_BACKEND_BY).sort());
});

test('src/io/kernel alone calls foreign functions', () => {
  const callers = sources('src').filter((file) =>
    readFileSync(join(ROOT, file), 'utf8').includes("'node:ffi'"),
  );
  assert.deepEqual(
    callers.filter((file) => !file.startsWith('src/io/kernel/')),
    [],
  );
});

test('the core knows no socket, file, timer or clock', () => {
  const wrong = sources('src/core')
    .filter((file) => !file.endsWith('.test.ts'))
    .filter((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(
        /\/\*[\s\S]*?\*\/|\/\/.*$/gm,
        '',
      );
      return CORE_FORBIDS.test(text) || CORE_FETCHES.test(text);
    });
  assert.deepEqual(wrong, []);
});

/** The strongly connected components of more than one file (Tarjan 1972). */
function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const open: string[] = [];
  /** @returns the earliest open file that `file` reaches, as its place in `order` */
  const visit = (file: string): number => {
    const known = order.get(file);
    if (known !== undefined) return open.includes(file) ? known : Number.POSITIVE_INFINITY;
    const at = order.size;
    order.set(file, at);
    open.push(file);
    let earliest = at;
    for (const target of imports.get(file) ?? []) earliest = Math.min(earliest, visit(target));
    if (earliest === at) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1) circles.push(circle);
    }
    return earliest;
  };
  for (const file of imports.keys()) visit(file);
  return circles;
}
