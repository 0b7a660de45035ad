import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SinkSpec } from '../../dataflow/plan.ts';
import { MillraceError } from '../../errors.ts';
import { outputDirectory } from '../../runtime/output-logs.ts';
import { followOutput, formatPlace, parsePlace } from '../output-records.ts';
import { sinkPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';
import { isFinal, type StoredJob } from '../stored-job.ts';
import type { SupervisedJob } from '../supervised-job.ts';

/** What the `memory` sinks of a job have committed. */
export async function jobOutputRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/jobs/:job/sinks/:sink/records',
    {
      config: { role: 'viewer' },
      sse: 'manual',
      schema: {
        tags: ['records'],
        summary:
          'The committed records of a memory sink as server-sent events, one each; resumable',
        params: sinkPath,
      },
    },
    async (request, reply) => {
      const { job, sink } = request.params;
      const found = parts.of(request).supervisor.job(job);
      await stream(found, sinkOf(found.stored, sink), {
        request,
        reply,
        closing: parts.closing,
      });
    },
  );
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly closing: AbortSignal;
}

/** The id of an event is the place behind its record, from which a client that comes back reads on. */
async function stream(
  job: SupervisedJob,
  sink: SinkSpec,
  { request, reply, closing }: Exchange,
): Promise<void> {
  const gone = new AbortController();
  reply.sse.onClose(() => gone.abort());
  const lastId = request.headers['last-event-id'];
  const events = followOutput({
    directory: outputDirectory(job.directory, sink.id),
    schema: sink.schema,
    from: typeof lastId === 'string' ? parsePlace(lastId) : undefined,
    signal: AbortSignal.any([gone.signal, closing]),
    over: () => isFinal(job.stored.state),
  });
  for await (const event of events) {
    if (event.kind === 'gap') await reply.sse.send({ event: 'gap', data: {} });
    else await reply.sse.send({ id: formatPlace(event.next), data: JSON.parse(event.json) });
  }
}

function sinkOf(job: StoredJob, name: string): SinkSpec {
  const sinks = job.plan.chains
    .flatMap((chain) => chain.operators)
    .filter((operator): operator is SinkSpec => operator.kind === 'sink')
    .filter((sink) => sink.connector === 'memory');
  const found = sinks.find(({ id }) => id === name);
  if (found !== undefined) return found;
  const names = sinks.map(({ id }) => id).join(', ');
  throw new MillraceError(
    'SINK_NOT_FOUND',
    `job "${job.id}" has no sink ${JSON.stringify(name.slice(0, 80))} of connector "memory"`,
    { hint: names === '' ? 'only sinks of connector "memory" can be followed' : `it has ${names}` },
  );
}
