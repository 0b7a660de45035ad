import type { Json } from '../model/json.ts';
import type { Lookup } from './lookup.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';

export type ConnectorOptions = { readonly [key: string]: Json };

/** A finding about an option; `path` is relative to the connector's own object. */
export interface OptionFinding {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly findings: readonly OptionFinding[] };

/** A connector by name. Each part may be missing. Options are checked with zod, unknown keys refused. */
export interface Connector {
  readonly name: string;
  source?(options: ConnectorOptions): Checked<Source>;
  sink?(options: ConnectorOptions): Checked<Sink>;
  /** A table that joins look rows up in. */
  lookup?(options: ConnectorOptions): Checked<Lookup>;
}
