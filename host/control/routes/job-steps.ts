import type { FastifyReply, FastifyRequest } from 'fastify';
import { operatorFacts } from '../../dataflow/operator-facts.ts';
import type { OperatorSpec } from '../../dataflow/plan.ts';
import { MillraceError } from '../../errors.ts';
import type { RecordSchema } from '../../model/schema.ts';
import { TAP_INTERVAL_MS } from '../../server-limits.ts';
import { readPeekedRows } from '../peeked-rows.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { statePath, stepPath } from '../schemas/parameters.ts';
import { stateAnswer, stateQuery, tapQuery } from '../schemas/step-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';
import { readStateKey } from '../state-key.ts';
import { isFinal } from '../stored-job.ts';
import type { SupervisedJob } from '../supervised-job.ts';

/** Looking at what a step keeps and puts out, while it runs. */
export async function jobStepRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/jobs/:job/steps/:step/state/:state',
    {
      config: { role: 'viewer' },
      schema: {
        tags: ['jobs'],
        summary: 'The state of a key as it is now; no checkpoint has to have it',
        params: statePath,
        querystring: stateQuery,
        response: { 200: stateAnswer, 400: errorAnswer, 404: errorAnswer, 409: errorAnswer },
      },
    },
    async (request) => {
      const { job: id, step, state } = request.params;
      const job = parts.of(request).supervisor.job(id);
      const spec = stepOf(job, step);
      const { record, field } = stateOf(spec, state);
      const { bytes, hash } = readStateKey(request.query.key, operatorFacts(spec).key);
      const key = Buffer.from(bytes).toString('base64');
      const runner = job.running('be looked into');
      const [row] = readPeekedRows(await runner.peek({ kind: 'state', step, key, hash }), record);
      const value = row === undefined || field === undefined ? row : (row[field] ?? null);
      return { found: value !== undefined && value !== null, value: value ?? null };
    },
  );

  server.get(
    '/v1/jobs/:job/steps/:step/tap',
    {
      config: { role: 'viewer' },
      sse: 'manual',
      schema: {
        tags: ['jobs'],
        summary: 'Samples of what a step puts out, as server-sent events; the job does not wait',
        params: stepPath,
        querystring: tapQuery,
      },
    },
    async (request, reply) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      const spec = stepOf(job, request.params.step);
      const { output } = operatorFacts(spec);
      if (output === undefined) throw noStep(job, spec.id);
      const look = { job, step: spec.id, rows: request.query.rows, schema: output };
      await stream(look, { request, reply, closing: parts.closing });
    },
  );
}

interface Look {
  readonly job: SupervisedJob;
  readonly step: string;
  readonly rows: number;
  readonly schema: RecordSchema;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly closing: AbortSignal;
}

/** One look after the other; a client that reads slowly makes them fewer. A job between two runners is waited for. */
async function stream(
  { job, step, rows, schema }: Look,
  { reply, closing }: Exchange,
): Promise<void> {
  let gone = false;
  reply.sse.onClose(() => {
    gone = true;
  });
  reply.sse.sendHeaders();
  while (!gone && !closing.aborted && !isFinal(job.stored.state)) {
    try {
      const peeked = await job.runner?.peek({ kind: 'tap', step, rows });
      for (const row of peeked === undefined ? [] : readPeekedRows(peeked, schema)) {
        await reply.sse.send({ data: row });
      }
    } catch (thrown) {
      const { scope, code } = MillraceError.from(thrown);
      if (scope !== 'task' && code !== 'JOB_STATE') throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, TAP_INTERVAL_MS));
  }
}

function stepOf(job: SupervisedJob, name: string): OperatorSpec {
  const found = stepsOf(job).find(({ id }) => id === name);
  if (found === undefined) throw noStep(job, name);
  return found;
}

function stepsOf(job: SupervisedJob): readonly OperatorSpec[] {
  return job.stored.plan.chains
    .flatMap((chain) => chain.operators)
    .filter(({ kind }) => kind !== 'source' && kind !== 'sink');
}

/** The record that is kept a key, and which field of it is the state; undefined = all of it. */
function stateOf(
  spec: OperatorSpec,
  name: string,
): { readonly record: RecordSchema; readonly field: string | undefined } {
  const { state } = operatorFacts(spec);
  if (spec.kind === 'keyed' && name === 'state' && state !== undefined) {
    return { record: state, field: undefined };
  }
  if (spec.kind === 'process' && state?.fields.some((field) => field.name === name)) {
    return { record: state, field: name };
  }
  const names = statesOf(spec);
  const quoted = JSON.stringify(name.slice(0, 80));
  throw new MillraceError(
    'STATE_NOT_FOUND',
    `step "${spec.id}" has no state ${quoted} to look at`,
    {
      hint: names.length === 0 ? 'it keeps no row a key' : `it has ${names.join(', ')}`,
    },
  );
}

function statesOf(spec: OperatorSpec): readonly string[] {
  if (spec.kind === 'keyed') return ['state'];
  if (spec.kind !== 'process') return [];
  return operatorFacts(spec).state?.fields.map(({ name }) => name) ?? [];
}

function noStep(job: SupervisedJob, name: string): MillraceError {
  const names = stepsOf(job).map(({ id }) => id);
  const quoted = JSON.stringify(name.slice(0, 80));
  return new MillraceError('STEP_NOT_FOUND', `job "${job.stored.id}" has no step ${quoted}`, {
    hint: `it has ${names.join(', ') || 'none'}`,
  });
}
