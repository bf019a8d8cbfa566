import type { Chance, Range } from './chance.ts';
import { ServerSide, TROUBLES, type Trouble } from './server-side.ts';
import type { World } from './world.ts';

const DOWN_MS: Range = [50, 3_000];

/** An HTTP/1.1 server with moods. */
export class SimServer {
  readonly name: string;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #connections = new Set<ServerSide>();
  /** How often a request meets trouble, while there is any. */
  readonly #troubleShare: number;

  constructor(world: World, name: string, chance: Chance) {
    this.#world = world;
    this.name = name;
    this.#chance = chance;
    this.#troubleShare = chance.pick([0, 0.1, 0.3, 0.9]);
    this.#listen();
  }

  /** Closes every connection and comes back later, under the same address. */
  crash(): void {
    const { network, clock } = this.#world;
    network.unlisten(this.name);
    for (const one of this.#connections) {
      // A body that only the close delimits would look whole, and nobody could tell.
      if (one.endsWithClose || this.#chance.happens(0.5)) one.stream.reset();
      else one.stream.destroy();
    }
    this.#connections.clear();
    clock.after(this.#chance.within(DOWN_MS), () => this.#listen());
  }

  forget(connection: ServerSide): void {
    this.#connections.delete(connection);
  }

  trouble(): Trouble | undefined {
    if (!this.#world.isTroubled || !this.#chance.happens(this.#troubleShare)) return undefined;
    return this.#chance.pick(TROUBLES);
  }

  #listen(): void {
    this.#world.network.listen(this.name, (stream) => {
      const connection = new ServerSide(this.#world, this, stream, this.#chance.fork());
      this.#connections.add(connection);
      return connection;
    });
  }
}
