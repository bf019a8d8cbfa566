/**
 * Whether a change leaves any server to answer. Taking out the last one by mistake would cause an
 * outage, so that needs to be forced.
 */
import { standingOf, VERDICT } from '../../core/balance/server-verdict.ts';
import { ADMIN } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';
import type { OperatorCommand } from './operator.ts';

/** What a pool can do for new requests, from worst to best. */
export const ABILITY = {
  /** Every new request gets 503. */
  none: 0,
  /** The remaining servers are not working, and may recover by themselves. */
  broken: 1,
  works: 2,
} as const;
export type Ability = (typeof ABILITY)[keyof typeof ABILITY];

/** @param rows of the servers that the operator lets take new requests */
export function abilityOf(table: SharedTable, rows: readonly number[]): Ability {
  if (rows.length === 0) return ABILITY.none;
  return rows.some((row) => works(table, row)) ? ABILITY.works : ABILITY.broken;
}

/** An ejected server works: it is used again when there is no other. */
function works(table: SharedTable, row: number): boolean {
  const standing = standingOf(table, row);
  return standing === VERDICT.usable || standing === VERDICT.ejected;
}

type NamedServer = { readonly row: number; readonly label: string };

/** @returns what the command would take away; null: nothing that matters */
export function lossBy(
  table: SharedTable,
  servers: readonly NamedServer[],
  server: NamedServer,
  command: OperatorCommand,
): string | null {
  if (takesNewAfter(table, server.row, command) || !table.takesNew(server.row)) return null;
  const before = servers.map(({ row }) => row).filter((row) => table.takesNew(row));
  const after = before.filter((row) => row !== server.row);
  const ability = abilityOf(table, before);
  if (abilityOf(table, after) === ability) return null;
  const { label } = server;
  const last =
    ability === ABILITY.works
      ? `${label} is the last server that works`
      : `${label} is the last server that is enabled`;
  return `${last}: ${AFTERWARDS[command.action]}`;
}

function takesNewAfter(table: SharedTable, row: number, command: OperatorCommand): boolean {
  switch (command.action) {
    case 'drain':
    case 'disable':
      return false;
    case 'enable':
      return true;
    case 'weight':
      return table.admin(row) === ADMIN.active && command.weight !== 0;
  }
}

const AFTERWARDS: Readonly<Record<OperatorCommand['action'], string>> = {
  disable: 'with it disabled, every request gets 503 (no_server)',
  drain: 'while it drains, every request from a client not bound to it gets 503 (no_server)',
  weight: 'with weight 0, every request from a client not bound to it gets 503 (no_server)',
  enable: '',
};
