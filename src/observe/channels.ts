import { hostname } from 'node:os';
import type { Settings } from '../config/schema.ts';
import type { Notice } from './message.ts';

export type ChannelSettings =
  Settings['load_balancing']['monitoring']['alerts']['channels'][number];

/** A way in which notices reach people. */
export interface Channel {
  /** For logs and metrics: "slack", "email 2". Never the address, which may be a secret. */
  readonly name: string;
  /** @throws where the notice was not taken */
  send(notice: Notice): Promise<void>;
}

/** A peer that takes longer than this is taken for dead. */
const SEND_MS_MAX = 10_000;

/** Channels as configured; two of one type are numbered. */
export function channelsOf(settings: readonly ChannelSettings[]): Channel[] {
  return settings.map((one, at) => {
    const before = settings.slice(0, at).filter(({ type }) => type === one.type).length;
    return channelOf(before === 0 ? one.type : `${one.type} ${before + 1}`, one);
  });
}

function channelOf(name: string, settings: ChannelSettings): Channel {
  switch (settings.type) {
    case 'slack':
      return slack(name, settings.webhook);
    case 'webhook':
      return webhook(name, settings.url, settings.headers);
    case 'email':
      return email(name, settings.recipients, settings.smtp);
  }
}

function slack(name: string, url: string): Channel {
  const send = ({ subject, text }: Notice) =>
    post(url, {}, { text: `*${escaped(subject)}*\n${escaped(text)}` });
  return { name, send };
}

/** Slack reads <, > and & as markup. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function webhook(name: string, url: string, headers: Record<string, string>): Channel {
  const send = ({ subject, text, alert, origin }: Notice) =>
    post(url, headers, {
      subject,
      text,
      host: origin.host,
      pool: origin.pool,
      phase: alert?.phase ?? 'test',
      alert: alert?.name ?? null,
      about: alert?.subject ?? null,
      at: new Date(alert?.atMs ?? Date.now()).toISOString(),
      since: alert === null ? null : new Date(alert.sinceMs).toISOString(),
      measured: alert?.measured ?? null,
      outliers: alert?.outliers ?? [],
    });
  return { name, send };
}

async function post(url: string, headers: Record<string, string>, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(SEND_MS_MAX),
  }).catch((error: Error) => {
    // The URL is a secret of its own; say what went wrong and not where.
    const cause = error.cause as NodeJS.ErrnoException | undefined;
    throw new Error(cause?.code ?? cause?.message ?? error.name);
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`status ${response.status}, expected 200-299`);
}

type Smtp = Extract<ChannelSettings, { type: 'email' }>['smtp'];

function email(name: string, recipients: readonly string[], smtp: Smtp): Channel {
  const server = {
    host: smtp.host,
    port: smtp.port,
    secure: smtp.secure,
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: smtp.password ?? '' } }),
    connectionTimeout: SEND_MS_MAX,
    greetingTimeout: SEND_MS_MAX,
    socketTimeout: SEND_MS_MAX,
  };
  const from = smtp.from ?? `openclaw@${hostname()}`;
  const send = async ({ subject, text }: Notice) => {
    // Loaded with the first mail: few instances ever send one.
    const { createTransport } = await import('nodemailer');
    await createTransport(server).sendMail({ from, to: [...recipients], subject, text });
  };
  return { name, send };
}
