/**
 * A pipeline document as the compiler checks it: names in `from`, and, where a module has types (`module<Types>(…)`), its functions'
 * kinds, the fields of keys, and that each function takes what its upstream yields. What is not known to the compiler (a module without
 * types, a source without a `record`) is left to `planPipeline`.
 */
import type { Pipeline } from '../pipeline.ts';
import type { FunctionTypes, TypesOf } from './module-types.ts';

type Text<T> = Extract<T, string>;
type Names<T> = Text<keyof NonNullable<T>>;

/** The parts of a document, as literal types. */
export interface DocumentParts {
  readonly modules: unknown;
  readonly sources: unknown;
  readonly steps: unknown;
}

export type TypedPipeline<Modules, Sources, Steps, Sinks> = Omit<
  Pipeline,
  'modules' | 'sources' | 'steps' | 'sinks'
> & {
  readonly modules?: Modules & NonNullable<Pipeline['modules']>;
  readonly sources: Sources & Pipeline['sources'];
  readonly steps?: Steps & {
    readonly [Step in keyof Steps]: CheckedStep<
      Steps[Step],
      { modules: Modules; sources: Sources; steps: Steps }
    >;
  };
  readonly sinks: Sinks & {
    readonly [Sink in keyof Sinks]: CheckedFrom<
      Readable<{ modules: Modules; sources: Sources; steps: Steps }>
    >;
  };
};

/** Where a step or sink may read from: a source, a step, or a step's side output. */
type Readable<Parts extends DocumentParts> =
  | Names<Parts['sources']>
  | Names<Parts['steps']>
  | `${Names<Parts['steps']>}:${string}`;

type CheckedFrom<Name> = { readonly from: Name | readonly Name[] };

type CheckedStep<Step, Parts extends DocumentParts> = Step extends { readonly union: unknown }
  ? { readonly union: readonly Readable<Parts>[] }
  : FunctionOf<Step> extends never
    ? Step extends { readonly from: unknown }
      ? CheckedFrom<Readable<Parts>>
      : unknown
    : CheckedFunctionStep<Step, Parts>;

/** A step with a function, as far as its module's types say what it is. */
type CheckedFunctionStep<Step, Parts extends DocumentParts> = {
  readonly [Kind in FunctionKindOf<Step>]: FunctionName<Parts['modules'], Kind>;
} & (Step extends { readonly from: unknown }
  ? CheckedFrom<ReadableAs<InputOf<Step, Parts>, Parts>>
  : unknown) &
  CheckedKey<Step, InputOf<Step, Parts>>;

type CheckedKey<Step, Input> = Step extends { readonly key: unknown }
  ? unknown extends Input
    ? unknown
    : { readonly key: Text<keyof Input> | readonly Text<keyof Input>[] }
  : unknown;

/** Kinds of steps that run a function. */
type Kind = 'map' | 'filter' | 'flatMap' | 'reduce' | 'aggregate';

/** The key under which a step names its function. */
type FunctionKindOf<Step> = Extract<keyof Step, Kind>;
/** `alias.function`, as the step says it. */
type FunctionOf<Step> = Step extends { readonly [K in FunctionKindOf<Step>]: infer Name }
  ? FunctionKindOf<Step> extends never
    ? never
    : Text<Name>
  : never;

/** Every function of this kind; of a module without types any name. */
type FunctionName<Modules, K extends string> = {
  [Alias in Names<Modules>]: TypesOf<Modules[Extract<Alias, keyof Modules>]> extends {
    readonly functions: infer Functions;
  }
    ? `${Alias}.${NamesOfKind<Functions, K>}`
    : `${Alias}.${string}`;
}[Names<Modules>];

type NamesOfKind<Functions, K> = {
  [Name in Names<Functions>]: Functions[Extract<Name, keyof Functions>] extends {
    readonly kind: K;
  }
    ? Name
    : never;
}[Names<Functions>];

/** The types of `alias.function`; unknown when the module has none. */
type Described<Name, Modules> = Name extends `${infer Alias}.${infer Member}`
  ? Alias extends keyof Modules
    ? TypesOf<Modules[Alias]> extends { readonly functions: infer Functions }
      ? Member extends keyof Functions
        ? Functions[Member]
        : unknown
      : unknown
    : unknown
  : unknown;

type InputOf<Step, Parts extends DocumentParts> =
  Described<FunctionOf<Step>, Parts['modules']> extends FunctionTypes
    ? Described<FunctionOf<Step>, Parts['modules']>['input']
    : unknown;

/** Names whose records are these, or unknown. */
type ReadableAs<Input, Parts extends DocumentParts> = unknown extends Input
  ? Readable<Parts>
  :
      | `${Names<Parts['steps']>}:${string}`
      | {
          [Name in Names<Parts['sources']> | Names<Parts['steps']>]: Fits<
            OutputOf<Name, Parts>,
            Input
          > extends true
            ? Name
            : never;
        }[Names<Parts['sources']> | Names<Parts['steps']>];

type Fits<Output, Input> = unknown extends Output
  ? true
  : [Output, Input] extends [Input, Output]
    ? true
    : false;

/** The record that leaves a source or step; unknown where the compiler cannot tell. */
type OutputOf<Name, Parts extends DocumentParts> = Name extends keyof Parts['steps']
  ? StepOutput<Parts['steps'][Name], Parts>
  : Name extends keyof Parts['sources']
    ? SourceOutput<Parts['sources'][Name], Parts['modules']>
    : unknown;

type StepOutput<Step, Parts extends DocumentParts> =
  FunctionOf<Step> extends never
    ? Step extends { readonly from: infer From }
      ? From extends string
        ? OutputOf<From, Parts>
        : unknown
      : unknown
    : Described<FunctionOf<Step>, Parts['modules']> extends FunctionTypes
      ? Described<FunctionOf<Step>, Parts['modules']>['output']
      : unknown;

type SourceOutput<Source, Modules> = Source extends {
  readonly record: `${infer Alias}.${infer Name}`;
}
  ? Alias extends keyof Modules
    ? TypesOf<Modules[Alias]> extends { readonly records: infer Records }
      ? Name extends keyof Records
        ? Records[Name]
        : unknown
      : unknown
    : unknown
  : unknown;
