import type { KeyField } from '../model/key-spec.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { FunctionRef, FunctionSpec, OperatorSpec } from './plan.ts';

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

/** Whether one function of a module runs at the step; then the module can be swapped. */
export function runsFunction(spec: OperatorSpec): spec is FunctionSpec {
  return operatorFacts(spec).function !== undefined;
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
      return {
        ...NOTHING,
        connector: spec.connector,
        function: spec.eventTime?.assign,
        output: spec.schema,
      };
    case 'sink':
      return { ...NOTHING, connector: spec.connector, input: spec.schema };
    case 'pass':
    case 'stream':
    case 'sort':
      return { ...NOTHING, input: spec.schema, output: spec.schema };
    case 'dedupe':
    case 'top':
      return { ...NOTHING, input: spec.schema, output: spec.schema, key: spec.key.fields };
    case 'guest':
      return { ...NOTHING, function: spec.function, input: spec.input, output: spec.output };
    case 'keyed':
    case 'windowed':
    case 'process': {
      const { input, output, state } = spec;
      return { ...NOTHING, function: spec.function, input, output, state, key: spec.key.fields };
    }
    case 'lookup': {
      const { connector, function: reference, input, output } = spec;
      return { ...NOTHING, connector, function: reference, input, output };
    }
    case 'join': {
      const { input, output, function: reference } = spec;
      return { ...NOTHING, function: reference, input, output, key: spec.key.fields };
    }
    default:
      return spec satisfies never;
  }
}
