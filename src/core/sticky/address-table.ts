import type { SourceTable } from '../../table/source-table.ts';
import { addressKey } from '../balance/address-key.ts';
import type { Head } from '../http1/head.ts';
import type { Binding, Persistence, ServerVerdicts, StickyClient } from './persistence.ts';

/**
 * Knows a client by its address and a table that all workers share: whoever meets an address first
 * enters its server. Two clients behind one address have one server. Servers are entered by row: the
 * clients of a server that a reload took away may find another in its row, and then go there.
 */
export class AddressTable implements Persistence {
  readonly #table: SourceTable;

  constructor(table: SourceTable) {
    this.#table = table;
  }

  find(
    _head: Head,
    client: StickyClient,
    _servers: ServerVerdicts,
    binding: Binding,
    wallMs: number,
  ): void {
    binding.key = addressKey(client.clientAddress);
    const { key, isMadeUp } = binding;
    binding.row = isMadeUp ? this.#table.peek(key, wallMs) : this.#table.find(key, wallMs);
  }

  bind(row: number, binding: Binding, wallMs: number): void {
    if (row === binding.row) return;
    binding.row = this.#table.bind(binding.key, row, binding.row, wallMs);
  }

  respond(): string {
    return '';
  }
}
