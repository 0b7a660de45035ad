import { z } from 'zod';

const recordShape = z.object({
  name: z.string(),
  fields: z.array(z.object({ name: z.string(), type: z.string() })),
});

const functionShape = z.object({
  name: z.string(),
  kind: z.string(),
  input: z.string().describe('a record name, see `records`'),
  output: z.string(),
  state: z.string().nullable().describe('the record that is kept per key; null without state'),
});

const functionTrial = z.object({
  name: z.string(),
  records: z
    .int()
    .describe('sample records it was given, each in a call of its own; 0 = not tried'),
  failed: z.int().describe('on how many of them it failed'),
  fuelPerRecord: z.number().nullable().describe('mean of those that went through'),
  fuelMost: z.number().nullable(),
  emitted: z.int().describe('records it emitted for them'),
  failure: z.string().nullable().describe('the first failure, `CODE: message`'),
});

/** What a module did when it was compiled, started and run over sample records, before it was stored. */
export const admissionAnswer = z
  .object({
    compileMs: z.number(),
    wallMs: z.number().describe('compiling, starting and all calls'),
    memoryBytes: z.int().describe('largest memory of an instance at the end of a call'),
    wasmFunctions: z.int(),
    rewrittenBytes: z.int().describe('bytes with fuel and limits written in'),
    functions: z.array(functionTrial),
  })
  .meta({ id: 'Admission' });

/** One immutable version of a module, and what the gate found out about it. */
export const moduleVersionAnswer = z
  .object({
    name: z.string(),
    version: z.int().positive(),
    ref: z.string().describe('`name@version`, as pipelines and updates write it'),
    digest: z.string().describe('SHA-256 of the bytes, hex'),
    bytes: z.int(),
    createdAtMs: z.number(),
    abi: z.int(),
    sdk: z.string(),
    records: z.array(recordShape),
    functions: z.array(functionShape),
    imports: z.array(z.string()),
    memoryPages: z.int().describe('pages of 64 KiB that an instance may grow to'),
    sourceMap: z.boolean().describe('whether traps can be traced to source lines'),
    admission: admissionAnswer.nullable().describe('null for versions of earlier releases'),
    usedBy: z.array(z.string()).describe('ids of the jobs that refer to it'),
  })
  .meta({ id: 'ModuleVersion' });

/** The answer to an upload. */
export const moduleCreatedAnswer = moduleVersionAnswer
  .extend({
    created: z.boolean().describe('false when the same bytes were there already'),
  })
  .meta({ id: 'ModuleCreated' });

/** A module with all its versions, oldest first. */
export const moduleAnswer = z
  .object({
    name: z.string(),
    latest: z.int().positive(),
    versions: z.array(moduleVersionAnswer),
  })
  .meta({ id: 'Module' });

export const moduleListAnswer = z
  .object({
    modules: z.array(
      z.object({
        name: z.string(),
        latest: z.int().positive(),
        versions: z.array(z.int().positive()),
      }),
    ),
  })
  .meta({ id: 'ModuleList' });
