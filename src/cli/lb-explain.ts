/** `openclaw lb explain`: why a request went where it went, or where a made-up one would go. */
import type { Command } from 'commander';
import type { Candidate, ExplainedChoice, Explanation } from '../worker/explanation.ts';
import { type AdminOptions, reached } from './admin-options.ts';
import { findAdmin } from './find-admin.ts';
import { CommandError, EXIT, type Io } from './io.ts';
import { ms } from './readable.ts';
import { type Cell, textTable } from './text-table.ts';

interface Options extends AdminOptions {
  method?: string;
  path?: string;
  header?: string[];
  client?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  openclaw lb explain 3f0c9a7be21d4c55-0000002a      a recent request, by its X-Request-Id
  openclaw lb explain --path /cart --client 10.0.0.7 a made-up request; nothing is sent
  openclaw lb explain --header 'Cookie: openclaw_session=...'`;

export function addExplain(lb: Command, io: Io): void {
  reached(lb.command('explain').argument('[request-id]', 'as in X-Request-Id and in the log'))
    .description('Why a request went where it went, or where a made-up one would go')
    .option('--method <method>', 'method of a made-up request (GET)')
    .option('--path <path>', 'its path and query (/)')
    .option('--header <line>', 'one of its headers, "Name: value"; can be repeated', collect)
    .option('--client <address>', 'where it comes from (127.0.0.1)')
    .option('--json', 'for programs')
    .addHelpText('after', EXAMPLES)
    .action((id: string | undefined, options: Options) => explain(io, id, options));
}

function collect(line: string, before: string[] = []): string[] {
  return [...before, line];
}

async function explain(io: Io, requestId: string | undefined, options: Options): Promise<void> {
  const query = new URLSearchParams();
  const { method, path, client, header = [] } = options;
  const isMadeUp = [method, path, client].some((one) => one !== undefined) || header.length > 0;
  if (requestId !== undefined && isMadeUp) {
    throw new CommandError('give either a request id or a made-up request, not both', EXIT.usage);
  }
  if (requestId !== undefined) query.set('request', requestId);
  for (const [name, value] of Object.entries({ method, path, client })) {
    if (value !== undefined) query.set(name, value);
  }
  for (const line of header) query.append('header', line);
  const told = await (await findAdmin(io, options)).get<Explanation>(`/explain?${query}`);
  io.out(
    options.json
      ? `${JSON.stringify(told, null, 2)}\n`
      : explanationText(told, { colour: io.outColour === true }),
  );
}

export function explanationText(told: Explanation, { colour }: { colour: boolean }): string {
  const isMadeUp = told.requestId === '';
  const lines = [
    row('request', `${told.request} from ${told.client}`),
    ...(isMadeUp
      ? [row('made up', 'evaluated by the rules of the first worker; nothing was sent')]
      : [
          row('id', told.requestId),
          row('came', new Date(told.atMs).toISOString()),
          told.isOver
            ? row('ended', `${endText(told)}, after ${spent(told.durationMs)}`)
            : row('goes on', `${endText(told)}, for ${spent(told.durationMs)} so far`),
        ]),
    row('pool', `${told.pool}: ${told.strategy}${told.key === '' ? '' : `, key ${told.key}`}`),
    row('rules', rulesText(told)),
    row('session', sessionText(told)),
  ];
  for (const [at, choice] of told.choices.entries()) {
    lines.push('', ...choiceLines(choice, at, isMadeUp, colour));
  }
  return `${lines.join('\n')}\n`;
}

function row(name: string, value: string): string {
  return `${name.padEnd(10)}${value}`;
}

function endText({ status, failure }: Explanation): string {
  const text = status === 0 ? 'without a status' : `status ${status}`;
  return failure === '' ? text : `${text} (${failure})`;
}

function rulesText({ rules }: Explanation): string {
  const passed = rules.filter(({ result }) => result === 'passed').map(({ name }) => name);
  const others = rules.filter(({ result }) => result !== 'passed');
  return [
    ...(passed.length === 0 ? [] : [`passed ${passed.join(', ')}`]),
    ...others.map(({ name, result }) => `${name} ${result}`),
  ].join('; ');
}

function sessionText({ session }: Explanation): string {
  if (session === null) return 'session persistence is off';
  return session.server === '' ? session.result : `${session.server}: ${session.result}`;
}

function choiceLines(
  choice: ExplainedChoice,
  at: number,
  isMadeUp: boolean,
  isColoured: boolean,
): string[] {
  const server = choice.server === '' ? 'no server' : choice.server;
  const head = isMadeUp
    ? `would go to ${server}: ${choice.because}`
    : `attempt ${at + 1}, ${choice.atMs === 0 ? 'at once' : `after ${spent(choice.atMs)}`}: ${server}: ${choice.because}`;
  return [
    head,
    ...(isMadeUp || choice.server === '' ? [] : [`  ${timesText(choice)}`]),
    table(choice, isColoured),
  ];
}

function timesText({ connection, sentAfterMs, endAfterMs, outcome }: ExplainedChoice): string {
  const sent = sentAfterMs === -1 ? 'nothing was sent' : `sent after ${spent(sentAfterMs)}`;
  const ended = endAfterMs === -1 ? 'still open' : `over after ${spent(endAfterMs)}: ${outcome}`;
  return `connection ${connection}, ${sent}, ${ended}`;
}

/** A time that was measured, however short. */
function spent(value: number): string {
  return value <= 0 ? '0 ms' : ms(value);
}

function table({ candidates }: ExplainedChoice, isColoured: boolean): string {
  const hasInFlight = candidates.some(({ inFlight }) => inFlight !== -1);
  const hasLatency = candidates.some(({ latencyMs }) => latencyMs !== -1);
  const text = textTable(
    [
      { title: '' },
      { title: 'SERVER', isFlexible: true },
      { title: 'VERDICT' },
      { title: 'WEIGHT', align: 'right' },
      ...(hasInFlight ? [{ title: 'IN FLIGHT', align: 'right' as const }] : []),
      ...(hasLatency ? [{ title: 'LATENCY', align: 'right' as const }] : []),
      { title: 'WHY', isFlexible: true },
    ],
    candidates.map((one) => candidateRow(one, hasInFlight, hasLatency)),
    { isColoured, widthMax: 120 },
  );
  return text.replaceAll(/^/gm, '  ').replaceAll(/ +$/gm, '');
}

function candidateRow(
  one: Candidate,
  hasInFlight: boolean,
  hasLatency: boolean,
): (Cell | string)[] {
  return [
    one.isTaken ? { text: '>', colour: 'green' } : '',
    one.isTaken ? { text: one.server, colour: 'green' } : one.server,
    one.verdict,
    `${one.weight}${one.backup ? ' backup' : ''}`,
    ...(hasInFlight ? [one.inFlight === -1 ? '-' : String(one.inFlight)] : []),
    ...(hasLatency ? [one.latencyMs === -1 ? '-' : ms(one.latencyMs)] : []),
    one.reason,
  ];
}
