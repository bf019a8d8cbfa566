import { describe } from 'node:test';
import { testingWith } from '../../backend.suite.ts';
import { security } from '../../tls.suite.ts';
import { EngineBackend } from './engine.fixture.ts';
import { hasOpenSsl } from './engine.ts';

describe("TLS by OpenSSL over Node's sockets", { skip: !hasOpenSsl }, () =>
  security(testingWith((context) => new EngineBackend(context))),
);
