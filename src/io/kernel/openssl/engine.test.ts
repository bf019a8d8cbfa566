import { describe } from 'node:test';
import { testingWith } from '../../backend.suite.ts';
import { servers } from '../../servers.suite.ts';
import { security } from '../../tls.suite.ts';
import { choices } from '../../tls-choices.suite.ts';
import { securedServers } from '../../tls-servers.suite.ts';
import { hasOpenSsl } from './calls.ts';
import { EngineBackend } from './engine.fixture.ts';

const test = testingWith((context) => new EngineBackend(context));

describe("TLS by OpenSSL over Node's sockets", { skip: !hasOpenSsl }, () => security(test));
describe('what TLS by OpenSSL agrees on', { skip: !hasOpenSsl }, () => choices(test));
describe('connections to servers by OpenSSL', { skip: !hasOpenSsl }, () => servers(test));
describe('servers with TLS by OpenSSL', { skip: !hasOpenSsl }, () => securedServers(test));
