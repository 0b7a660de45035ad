import { z } from 'zod';
import { OPERATOR_KINDS } from '../../dataflow/plan.ts';

const operator = z.object({
  id: z.string(),
  kind: z.enum(OPERATOR_KINDS),
  connector: z.string().nullable().describe('of sources and sinks'),
  function: z.string().nullable().describe('`alias.function` of steps that run one'),
  functionKind: z.string().nullable(),
  module: z.string().nullable().describe('the module version that ran at submission'),
  key: z.array(z.string()).describe('fields of the key of a keyed step'),
  input: z.string().nullable().describe('the record that comes in: `Word { word: string }`'),
  output: z.string().nullable(),
});

/** What runs: chains of operators (one task per parallel slice), and the edges between the chains. */
export const planAnswer = z
  .object({
    name: z.string(),
    parallelism: z.int(),
    keyGroups: z.int(),
    checkpointEveryMs: z.number().nullable(),
    chains: z.array(z.object({ id: z.int(), parallelism: z.int(), operators: z.array(operator) })),
    edges: z.array(
      z.object({
        from: z.int().describe('chain id'),
        to: z.int(),
        partitioning: z.enum(['forward', 'key', 'rebalance', 'broadcast', 'field']),
        key: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'Plan' });

/** The answer to `POST /v1/jobs?dryRun=true`. */
export const dryRunAnswer = z
  .object({ valid: z.literal(true), plan: planAnswer })
  .meta({ id: 'DryRun' });
