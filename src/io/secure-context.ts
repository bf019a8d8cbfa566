import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import type { ServerTls } from '../core/exchange/server.ts';

const contexts = new Map<string, tls.SecureContext>();

/**
 * The TLS context for connections to a server; one for each set of files and thread.
 *
 * @throws the error of the file system, or of a file that is no PEM
 */
export function secureContextOf(settings: ServerTls): tls.SecureContext {
  const key = JSON.stringify([settings.caPath, settings.certPath, settings.keyPath]);
  let context = contexts.get(key);
  if (context === undefined) {
    context = tls.createSecureContext({
      ...(settings.caPath === '' ? {} : { ca: readFileSync(settings.caPath) }),
      ...(settings.certPath === '' ? {} : { cert: readFileSync(settings.certPath) }),
      ...(settings.keyPath === '' ? {} : { key: readFileSync(settings.keyPath) }),
    });
    contexts.set(key, context);
  }
  return context;
}
