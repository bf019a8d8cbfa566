import tls from 'node:tls';
import { readRegularFile } from '../base/read-file.ts';
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
      ...(settings.caPath === '' ? {} : { ca: readRegularFile(settings.caPath).bytes }),
      ...(settings.certPath === '' ? {} : { cert: readRegularFile(settings.certPath).bytes }),
      ...(settings.keyPath === '' ? {} : { key: readRegularFile(settings.keyPath).bytes }),
    });
    contexts.set(key, context);
  }
  return context;
}
