import { X509Certificate } from 'node:crypto';
import { readRegularFile } from '../../base/read-file.ts';
import type { Settings } from '../../config/schema.ts';
import type { Logger } from '../../observe/log.ts';
import type { ViewCertificate } from '../../observe/view.ts';
import { shownNamesOf } from '../../x509/certificate.ts';

const LOOK_EVERY_MS = 3_600_000;
/** Names shown of a certificate with many. */
const NAMES_MAX = 5;

/** Names and expiry of the certificates shown to clients. */
export class CertificateExpiry {
  readonly #log: Logger;
  #settings: Settings;
  #list: readonly ViewCertificate[] = [];
  #dueMs = 0;

  constructor(log: Logger, settings: Settings) {
    this.#log = log;
    this.#settings = settings;
  }

  list(): readonly ViewCertificate[] {
    return this.#list;
  }

  /** Follows other settings, or the same files with other content. */
  follow(settings: Settings): void {
    this.#settings = settings;
    this.#dueMs = 0;
  }

  /** Reads them again when due. @param nowMs milliseconds since 1970 */
  look(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + LOOK_EVERY_MS;
    const { tls } = this.#settings.load_balancing.security;
    const paths = tls.enabled
      ? [tls.cert_path, ...tls.certificates.map((one) => one.cert_path)]
      : [];
    this.#list = paths.flatMap((path) => (path === undefined ? [] : this.#read(path)));
  }

  #read(path: string): ViewCertificate[] {
    try {
      const certificate = new X509Certificate(readRegularFile(path).bytes);
      const names = shownNamesOf(certificate).slice(0, NAMES_MAX);
      return [{ path, names, expiresSeconds: Date.parse(certificate.validTo) / 1000 }];
    } catch (error) {
      this.#log.warn({ event: 'certificate_unreadable', path, cause: (error as Error).message });
      return [];
    }
  }
}
