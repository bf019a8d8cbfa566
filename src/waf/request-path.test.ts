import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestPath } from './request-path.ts';

const plain: [target: string, path: string][] = [
  ['/', '/'],
  ['/cms/login', '/cms/login'],
  ['/cms/login?q=/../x//%2f', '/cms/login'],
  ['/cms?', '/cms'],
  ['/cms/#/../x', '/cms/'],
  ['*', '*'],
  ['http://a.example', '/'],
  ['http://a.example?q=/x', '/'],
  ['http://a.example/cms/login?q', '/cms/login'],
  ['HTTPS://[::1]:8080/cms', '/cms'],
  ['http://user@a.example/cms', '/cms'],
  ['/a.b/..c/d../.e/...', '/a.b/..c/d../.e/...'],
  ['/%63%6Ds/%7Euser/%41%2dz', '/cms/~user/A-z'],
  ['/caf%c3%a9/%20x', '/caf%C3%A9/%20x'],
  ['/a%2Eb', '/a.b'],
  ['/a;v=1/b;jsessionid=x', '/a;v=1/b;jsessionid=x'],
  ['/a%3b%3f%23', '/a%3B%3F%23'],
  ["/:@!$&'()*+,=", "/:@!$&'()*+,="],
];
for (const [target, path] of plain) {
  test(`the path of ${target}`, () => {
    assert.deepEqual(requestPath(target), { path, isAmbiguous: false });
  });
}

const ambiguous: [target: string, path: string][] = [
  ['/cms/../login', '/login'],
  ['/cms/./login', '/cms/login'],
  ['/cms/..', '/'],
  ['/cms/.', '/cms/'],
  ['/a/b/../..', '/'],
  ['/../../etc', '/etc'],
  ['/a/../../b/c', '/b/c'],
  ['/cms/%2e%2e/login', '/login'],
  ['/cms/.%2E/login', '/login'],
  ['/cms/%2e/login', '/cms/login'],
  ['http://a.example/cms/../login?x', '/login'],
  ['/cms/..;/login', '/cms/..;/login'],
  ['/cms/..;a=b/login', '/cms/..;a=b/login'],
  ['/cms/.;/login', '/cms/.;/login'],
  ['/cms/%2e%2e;/login', '/cms/..;/login'],
  ['/cms/;x/login', '/cms/;x/login'],
  ['/cms/..%3b/login', '/cms/..%3B/login'],
  ['/cms/.%2e%3Ba=b/login', '/cms/..%3Ba=b/login'],
  ['/cms/%3bx/login', '/cms/%3Bx/login'],
  ['/cms//login', '/cms//login'],
  ['//cms/login', '//cms/login'],
  ['/cms/%2flogin', '/cms/%2Flogin'],
  ['/cms%2F..%2flogin', '/cms%2F..%2Flogin'],
  ['/cms/..%5clogin', '/cms/..%5Clogin'],
  ['/cms/..\\login', '/cms/..\\login'],
  ['/cms\\x', '/cms\\x'],
  ['/cms/%252e%252e/login', '/cms/%252e%252e/login'],
  ['/cms/%25252e/login', '/cms/%25252e/login'],
  ['/cms/%2g', '/cms/%2g'],
  ['/cms/%', '/cms/%'],
  ['/cms/%u002e', '/cms/%u002e'],
  ['/cms/%00', '/cms/%00'],
  ['/cms/%0d%0ax', '/cms/%0D%0Ax'],
  ['/cms/%7f', '/cms/%7F'],
  ['/cms/%c0%ae%c0%ae/login', '/cms/%C0%AE%C0%AE/login'],
  ['/cms/%e0%80%af/login', '/cms/%E0%80%AF/login'],
  ['/cms/\xe9', '/cms/\xe9'],
  ['a.example:443', ''],
  ['cms', ''],
  ['', ''],
  ['http:cms', ''],
  ['http:///cms', ''],
  ['http:\\\\a\\cms', ''],
];
for (const [target, path] of ambiguous) {
  test(`servers differ about the path of ${JSON.stringify(target)}`, () => {
    assert.deepEqual(requestPath(target), { path, isAmbiguous: true });
  });
}

test('a path that was taken once is itself', () => {
  for (const [target] of [...plain, ...ambiguous]) {
    const { path } = requestPath(target);
    if (path !== '') assert.equal(requestPath(path).path, path);
  }
});
