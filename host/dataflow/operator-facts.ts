import type { KeyField } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { FunctionRef, OperatorSpec } from './plan.ts';

/** What can be said of any operator, to people and in savepoints. */
export interface OperatorFacts {
  /** Of sources and sinks. */
  readonly connector: string | undefined;
  /** Of steps that run a guest function. */
  readonly function: FunctionRef | undefined;
  /** The record that comes in (of a step with two inputs: by the first). */
  readonly input: RecordSchema | undefined;
  readonly output: RecordSchema | undefined;
  /** The record kept per key. */
  readonly state: RecordSchema | undefined;
  readonly key: readonly KeyField[];
}

const NOTHING: OperatorFacts = {
  connector: undefined,
  function: undefined,
  input: undefined,
  output: undefined,
  state: undefined,
  key: [],
};

/** The one place that knows how each kind of operator describes itself. */
export function operatorFacts(spec: OperatorSpec): OperatorFacts {
  switch (spec.kind) {
    case 'source':
      return { ...NOTHING, connector: spec.connector, output: spec.schema };
    case 'sink':
      return { ...NOTHING, connector: spec.connector, input: spec.schema };
    case 'pass':
    case 'stream':
      return { ...NOTHING, input: spec.schema, output: spec.schema };
    case 'dedupe':
    case 'top':
      return { ...NOTHING, input: spec.schema, output: spec.schema, key: spec.key.fields };
    case 'guest':
      return { ...NOTHING, function: spec.function, input: spec.input, output: spec.output };
    case 'keyed':
    case 'windowed': {
      const { input, output, state } = spec;
      return { ...NOTHING, function: spec.function, input, output, state, key: spec.key.fields };
    }
    default:
      return spec satisfies never;
  }
}
