import type { Chance, Range } from './chance.ts';

/** What the network does to those who use it; probabilities are for each piece or connection. */
export interface Weather {
  readonly latencyMs: Range;
  /** That what is sent, or read, in one piece is cut. */
  readonly cut: number;
  readonly stall: number;
  readonly stallMs: Range;
  readonly reset: number;
  readonly refuse: number;
  readonly blackHole: number;
}

const CALM: Omit<Weather, 'latencyMs' | 'cut'> = {
  stall: 0,
  stallMs: [0, 0],
  reset: 0,
  refuse: 0,
  blackHole: 0,
};

export function calmWeather(chance: Chance): Weather {
  return { ...CALM, latencyMs: [0, chance.pick([1, 5, 30])], cut: chance.pick([0, 0.1, 0.5]) };
}

export function troubledWeather(calm: Weather, chance: Chance): Weather {
  const some = (share: number) => (chance.happens(0.5) ? share : 0);
  return {
    latencyMs: [0, chance.pick([1, 30, 300])],
    cut: chance.pick([calm.cut, 0.9]),
    stall: some(0.02),
    stallMs: [100, chance.pick([1_000, 5_000])],
    reset: some(0.005),
    refuse: some(0.2),
    blackHole: some(0.1),
  };
}
