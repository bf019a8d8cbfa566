/**
 * Whether a change leaves any server to answer: an operator who takes the last one out by mistake
 * makes an outage, so that is done only when asked for expressly.
 */
import { standingOf, VERDICT } from '../../core/balance/server-verdict.ts';
import { ADMIN } from '../../table/layout.ts';
import type { SharedTable } from '../../table/table.ts';
import type { OperatorCommand } from './operator.ts';

/** What a pool has for new requests, from worst to best. */
export const ABILITY = {
  /** Every new request is answered 503. */
  none: 0,
  /** What is left in does not work at present, and may come back by itself. */
  broken: 1,
  works: 2,
} as const;
export type Ability = (typeof ABILITY)[keyof typeof ABILITY];

/** @param rows of the servers that get new requests as far as the operator is concerned */
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

/** @returns what would be lost if the command were followed; null: nothing that matters */
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
