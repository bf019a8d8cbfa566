import { existsSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { isIPv6 } from 'node:net';
import { CONFIGURATION_HEADER } from '../admin/configuration-header.ts';
import { parseAddress } from '../base/address.ts';
import { printableValues } from '../base/printable.ts';
import { adminSocket, locateConfig } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import { realPath } from '../config/store.ts';
import type { AdminOptions } from './admin-options.ts';
import { check, readConfig, requireFile } from './config-file.ts';
import { CommandError, EXIT, type Io } from './io.ts';
import { defaults, salvage } from './salvage.ts';

const ANSWER_MS_MAX = 30_000;

/** One address of an instance. */
interface Place {
  readonly where: RequestOptions;
  /** For people. */
  readonly address: string;
}

/** Another instance answered there, or none: nothing was done. */
class Elsewhere extends Error {}

const NOBODY = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ENOTSOCK']);

/** Talks to the admin API of a running instance, over its unix socket or over TCP. */
export class AdminClient {
  /** Tried in this order until the instance is found. */
  readonly #places: readonly Place[];
  readonly #token: string;
  /** The configuration file of the instance; null: whichever answers is meant. */
  readonly #file: string | null;

  readonly #isExact: boolean;

  private constructor(
    places: readonly Place[],
    token: string,
    file: string | null,
    isExact: boolean,
  ) {
    this.#places = places;
    this.#token = token;
    this.#file = file;
    this.#isExact = isExact;
  }

  /**
   * At `--admin` whichever answers. Else the instance that runs the configuration file, on the unix
   * socket or on the TCP address; without a file, whichever answers at the default ones.
   *
   * @throws CommandError where the configuration that is named cannot be read
   */
  static find(io: Io, options: AdminOptions): AdminClient {
    const { file, settings } = settingsOf(io, options);
    const token = io.env.OPENCLAW_ADMIN_TOKEN || settings.admin.token || '';
    const isExact = options.json === true;
    if (options.admin !== undefined) {
      return new AdminClient([placeOf(options.admin)], token, null, isExact);
    }
    const socket = adminSocket(settings, io.env);
    const places = [placeOf(settings.admin.listen)];
    if (existsSync(socket)) places.unshift(placeOf(socket));
    return new AdminClient(places, token, file, isExact);
  }

  /** @throws CommandError that says what is wrong and what to do */
  async get<T>(path: string): Promise<T> {
    return await this.#ask<T>('GET', path);
  }

  /** @throws CommandError that says what is wrong and what to do */
  async post<T>(path: string): Promise<T> {
    return await this.#ask<T>('POST', path);
  }

  async #ask<T>(method: string, path: string): Promise<T> {
    const tried: string[] = [];
    for (const place of this.#places) {
      try {
        return await this.#askAt<T>(place, method, path);
      } catch (error) {
        if (!(error instanceof Elsewhere)) throw error;
        tried.push(error.message);
      }
    }
    throw new CommandError(
      tried.join('; '),
      EXIT.refused,
      this.#file === null
        ? 'start one with "openclaw start", or say where it is with --admin HOST:PORT or --config FILE'
        : `start it with "openclaw start --config ${this.#file}", or choose another with --config FILE or --admin ADDRESS`,
    );
  }

  #askAt<T>(place: Place, method: string, path: string): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.#token !== '') headers.authorization = `Bearer ${this.#token}`;
    if (this.#file !== null) headers[CONFIGURATION_HEADER] = encodeURIComponent(this.#file);
    return new Promise<T>((resolve, reject) => {
      const options = { ...place.where, method, path, headers, agent: false };
      const asked = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          try {
            resolve(this.#read<T>(place, response.statusCode ?? 0, text));
          } catch (error) {
            reject(error);
          }
        });
      });
      asked.setTimeout(ANSWER_MS_MAX, () => asked.destroy(new Error('it does not answer')));
      asked.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(place, error)));
      asked.end();
    });
  }

  #read<T>({ address }: Place, status: number, text: string): T {
    let body: { error?: string; help?: string };
    try {
      body = JSON.parse(text);
    } catch {
      throw new CommandError(
        `${address} is not openclaw: it answered ${status} without JSON`,
        EXIT.refused,
      );
    }
    if (status === 200) return (this.#isExact ? body : printableValues(body)) as T;
    if (status === 401) {
      throw new CommandError(
        `${address} requires a token`,
        EXIT.refused,
        'set admin.token in the configuration, or $OPENCLAW_ADMIN_TOKEN',
      );
    }
    const { error = String(status), help = `${address} refused` } = body;
    if (error === 'other_configuration') {
      const what = help.replace('this instance', `the instance at ${address}`);
      throw new Elsewhere(`${what}, not ${this.#file}`);
    }
    // Several lines speak for themselves: they show the problems of a file.
    throw new CommandError(help.includes('\n') ? help : `${help} (${error})`, EXIT.refused);
  }
}

/** @throws CommandError where the text is no address */
function placeOf(text: string): Place {
  if (text.includes('/')) {
    const socketPath = text.replace(/^unix:/, '');
    return { where: { socketPath }, address: socketPath };
  }
  const parsed = parseAddress(text);
  if (!parsed.ok || parsed.value.kind !== 'tcp') {
    throw new CommandError(
      `--admin takes host:port or the path of a unix socket, not "${text}"`,
      EXIT.usage,
    );
  }
  const { port } = parsed.value;
  const host = ['', '0.0.0.0', '::'].includes(parsed.value.host) ? '127.0.0.1' : parsed.value.host;
  return { where: { host, port }, address: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}` };
}

/** Where nobody listens, another address may do; what broke off may have been done. */
function unreachable({ address }: Place, error: NodeJS.ErrnoException): Error {
  const message = `no openclaw answers at ${address} (${error.code ?? error.message})`;
  if (error.code !== undefined && NOBODY.has(error.code)) return new Elsewhere(message);
  return new CommandError(message, EXIT.refused, 'check whether it is running: openclaw logs');
}

const ADMIN = [
  ['admin', 'listen'],
  ['admin', 'socket'],
  ['admin', 'token'],
] as const;

interface Found {
  /** The real path of the configuration; null where none is there. */
  readonly file: string | null;
  readonly settings: Settings;
}

/**
 * What is wrong with the file must not keep anyone from looking at the instance that runs on the one
 * before: what is right in it still says where that is.
 */
function settingsOf(io: Io, { config, admin }: AdminOptions): Found {
  const located = locateConfig({ config, env: io.env, cwd: io.cwd, exists: existsSync });
  if (!located.found) {
    if (located.asked && admin === undefined) requireFile(io, config);
    return { file: null, settings: defaults() };
  }
  const { file } = located;
  const found = (settings: Settings) => ({ file: realPath(file), settings });
  try {
    const text = readConfig(file);
    return found(check(io, text, file).settings ?? salvage(io, text, file, ADMIN).settings);
  } catch (error) {
    if (config === undefined || admin !== undefined) return found(defaults());
    throw error;
  }
}
