import type { Place } from '../rule.ts';

/** Receives what a body is taken apart into. */
export interface Visitor {
  /** A value and the name it goes by. */
  value(place: Place, name: string, text: string): void;
  /** A name that the client chose: a parameter's, a JSON key. */
  name(place: Place, text: string): void;
  /** A text as a whole, for what shows only there (a document type, a type name). */
  document(place: Place, text: string): void;
  /** A bound was met (bounds.ts); the rest is not looked at. */
  bound(what: 'parameters' | 'depth' | 'strings' | 'parts' | 'malformed', why: string): void;
}
