/**
 * What the firewall costs: CPU time of one thread for heads and bodies of several kinds, the best of
 * several rounds. `node bench/waf.ts`
 */
import { bodyIsClean } from '../src/waf/first-pass/body.ts';
import { headIsClean } from '../src/waf/first-pass/head.ts';
import { headerList } from '../src/waf/request.ts';
import { Waf } from '../src/waf/waf.ts';

const ROUNDS = 5;
const BODY_BYTES = 16_384;
const VALUES = 4_300;
const waf = new Waf();

const HEADS: Readonly<Record<string, string>> = {
  'smallest GET': 'GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n',
  'small GET':
    'GET /api/items/42?page=2 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n',
  "browser's GET":
    'GET /shop/products?category=shoes&sort=price&sid=7b9c8d1e3f2a4b5c HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: https://shop.example/home\r\nCookie: _ga=GA1.2.1.2; _gid=GA1.2.3.4; sid=s%3Aabc; theme=dark\r\nsec-ch-ua: "Chromium";v="126"\r\nsec-fetch-mode: navigate\r\n',
};

const CHAT =
  "Here's the code; please fix it, it doesn't work:\n```js\nconst a = (b, c) => b && c || fetch('/api?id=' + b).then(r => r.json());\nif (a < 3) { console.log(a); }\n```\nAnd the query is `SELECT * FROM users WHERE id = 5`. I'd like to know why; can you explain it? ";

const BODIES: Readonly<Record<string, (at: number) => object>> = {
  'plain JSON': (at) => ({ id: at, name: `Product ${at}`, tags: ['new'], text: 'Red and blue' }),
  'JSON with quotes': (at) => ({
    id: at,
    text: `It's nice & more; see https://shop.example/p/${at}`,
  }),
  'chat with code': () => ({ role: 'user', content: CHAT.repeat(4) }),
  'near misses': () => ({ a: "' or (select 1) <img src=x {{7}} $(x) ../a; ".repeat(20) }),
};

for (const [name, text] of Object.entries(HEADS)) {
  const bytes = Buffer.from(text);
  const head = headOf(text);
  show(`${name}, first pass`, bytes.length, 100_000, () => headIsClean(bytes, 0, bytes.length));
  show(`${name}, in full`, bytes.length, 20_000, () => waf.inspectHead(head));
}
for (const [name, item] of Object.entries(BODIES)) {
  const bytes = filled(item);
  const view = { target: '/', contentType: 'application/json', bytes, isTruncated: false };
  const clean = bodyIsClean(bytes) ? ', clean at first sight' : '';
  show(`${name}${clean}`, bytes.length, 200, () => waf.inspectBody(view));
}

// What a value costs beyond its bytes: many short ones, each with a sign that some grammar reads.
for (const sign of ["it's", '(x)', 'a;b', '/a/b.c', 'http://a.example/', '{{a}}', 'a, (b); c']) {
  const values = Array.from({ length: VALUES }, (_, at) => `${sign} ${at}`);
  const bytes = Buffer.from(JSON.stringify(values));
  const view = { target: '/', contentType: 'application/json', bytes, isTruncated: false };
  show(`${VALUES} values as ${sign}`, bytes.length, 10, () => waf.inspectBody(view));
}

function headOf(text: string) {
  const [request, ...lines] = text.trimEnd().split('\r\n');
  const [method, target] = request!.split(' ');
  const pairs = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)] as const;
  });
  return { method: method!, target: target!, headers: headerList(pairs) };
}

function filled(item: (at: number) => object): Buffer {
  const items: object[] = [];
  while (JSON.stringify(items).length < BODY_BYTES) items.push(item(items.length));
  return Buffer.from(JSON.stringify(items));
}

function show(name: string, bytes: number, times: number, run: () => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage();
    for (let at = 0; at < times; at++) run();
    const { user, system } = process.cpuUsage(start);
    if (round > 0) best = Math.min(best, (user + system) / times); // the first one warms up
  }
  process.stdout.write(`${name.padEnd(44)} ${String(bytes).padStart(6)} B ${best.toFixed(2)} us\n`);
}
