import { existsSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { isIPv6 } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { parseAddress } from '../base/address.ts';
import { parseDuration } from '../base/units.ts';
import { parseConfig } from '../config/load.ts';
import { adminSocket } from '../config/locate.ts';
import type { Settings } from '../config/schema.ts';
import { exportSection } from '../config/transfer.ts';
import { check, readConfig, requireFile } from './config-file.ts';
import { CommandError, EXIT, type Io } from './io.ts';

/** Where the commands that talk to a running instance find it. */
export interface AdminOptions {
  /** The instance's configuration; without it, the one that is found, or the defaults. */
  config?: string;
  /** `host:port` or the path of a unix socket, whatever the configuration says. */
  admin?: string;
}

/** Gives a command the options by which it finds the running instance. */
export function reached(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration of the instance')
    .option('--admin <address>', 'its admin address: host:port or a unix socket');
}

/** Reads an argument like 5m. @returns milliseconds */
export function duration(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.reason);
  return parsed.value;
}

const ANSWER_MS_MAX = 30_000;

/** Talks to the admin API of a running instance, over its unix socket or over TCP. */
export class AdminClient {
  readonly #where: RequestOptions;
  /** The address, for people. */
  readonly address: string;
  readonly #token: string;

  private constructor(where: RequestOptions, address: string, token: string) {
    this.#where = where;
    this.address = address;
    this.#token = token;
  }

  /**
   * The unix socket where there is one, else the TCP address.
   *
   * @throws CommandError where the configuration that is named cannot be read
   */
  static find(io: Io, options: AdminOptions): AdminClient {
    const settings = settingsOf(io, options);
    const token = io.env.OPENCLAW_ADMIN_TOKEN || settings.admin.token || '';
    if (options.admin !== undefined) return AdminClient.#at(options.admin, token);
    const socket = adminSocket(settings, io.env);
    return AdminClient.#at(existsSync(socket) ? socket : settings.admin.listen, token);
  }

  static #at(text: string, token: string): AdminClient {
    if (text.includes('/')) {
      const socketPath = text.replace(/^unix:/, '');
      return new AdminClient({ socketPath }, socketPath, token);
    }
    const parsed = parseAddress(text);
    if (!parsed.ok || parsed.value.kind !== 'tcp') {
      throw new CommandError(
        `--admin takes host:port or the path of a unix socket, not "${text}"`,
        EXIT.usage,
      );
    }
    const { port } = parsed.value;
    const host = ['', '0.0.0.0', '::'].includes(parsed.value.host)
      ? '127.0.0.1'
      : parsed.value.host;
    const named = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
    return new AdminClient({ host, port }, named, token);
  }

  /** @throws CommandError that says what is wrong and what to do */
  async get<T>(path: string): Promise<T> {
    return await this.#ask<T>('GET', path);
  }

  /** @throws CommandError that says what is wrong and what to do */
  async post<T>(path: string): Promise<T> {
    return await this.#ask<T>('POST', path);
  }

  #ask<T>(method: string, path: string): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.#token !== '') headers.authorization = `Bearer ${this.#token}`;
    return new Promise<T>((resolve, reject) => {
      const asked = request({ ...this.#where, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          try {
            resolve(this.#read<T>(response.statusCode ?? 0, text));
          } catch (error) {
            reject(error);
          }
        });
      });
      asked.setTimeout(ANSWER_MS_MAX, () => asked.destroy(new Error('it does not answer')));
      asked.on('error', (error: NodeJS.ErrnoException) => reject(this.#unreachable(error)));
      asked.end();
    });
  }

  #read<T>(status: number, text: string): T {
    let body: { error?: string; help?: string };
    try {
      body = JSON.parse(text);
    } catch {
      throw new CommandError(
        `${this.address} is no openclaw: it answered ${status} without JSON`,
        EXIT.refused,
      );
    }
    if (status === 200) return body as T;
    if (status === 401) {
      throw new CommandError(
        `${this.address} wants a token`,
        EXIT.refused,
        'set admin.token in the configuration, or $OPENCLAW_ADMIN_TOKEN',
      );
    }
    const { error = String(status), help = `${this.address} refused` } = body;
    // Several lines speak for themselves: they show the problems of a file.
    throw new CommandError(help.includes('\n') ? help : `${help} (${error})`, EXIT.refused);
  }

  #unreachable(error: NodeJS.ErrnoException): CommandError {
    const why = error.code ?? error.message;
    return new CommandError(
      `no openclaw answers at ${this.address} (${why})`,
      EXIT.refused,
      'start one: openclaw start; or say where it is: --admin HOST:PORT, --config FILE',
    );
  }
}

/** What is wrong with the file must not keep anyone from looking at the instance that runs. */
/** A file with errors elsewhere still says where the instance is that runs on the one before. */
function settingsOf(io: Io, { config, admin }: AdminOptions): Settings {
  const defaults = () => parseConfig('admin: {}\n', { file: 'defaults', env: {} }).settings!;
  try {
    const file = requireFile(io, config);
    const text = readConfig(file);
    return check(io, text, file).settings ?? adminPart(io, text, file) ?? defaults();
  } catch (error) {
    if (config === undefined || admin !== undefined) return defaults();
    throw error;
  }
}

function adminPart(io: Io, text: string, file: string): Settings | undefined {
  try {
    const part = exportSection(text, ['admin'], { secrets: true });
    return part === undefined ? undefined : check(io, part, file).settings;
  } catch {
    return undefined;
  }
}
