import { MillraceError } from '../../errors.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { jobPath, stepPath, updatePath } from '../schemas/parameters.ts';
import { updateAnswer, updateListAnswer, updateRequest } from '../schemas/update-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';
import type { SupervisedJob } from '../supervised-job.ts';
import { updateView } from '../views/update-view.ts';

const tags = ['updates'];

/** Hot swaps of a job's steps. */
export async function jobUpdateRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.post(
    '/v1/jobs/:job/steps/:step/updates',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Swaps the module of a step; answers when the swap is armed',
        params: stepPath,
        body: updateRequest,
        response: { 202: updateAnswer, 404: errorAnswer, 409: errorAnswer, 422: errorAnswer },
      },
    },
    async (request, reply) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      const { step } = request.params;
      assertStep(job, step);
      const record = await job.update(step, parts.of(request).catalog.resolve(request.body.module));
      if (record.state === 'refused') {
        throw new MillraceError('UPDATE_REFUSED', record.reason, {
          hint: `GET /v1/jobs/${job.stored.id}/updates/${record.update} tells how far it came`,
        });
      }
      return reply.code(202).send(updateView(record));
    },
  );

  server.get(
    '/v1/jobs/:job/updates',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'All updates of a job, oldest first',
        params: jobPath,
        response: { 200: updateListAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const updates = await parts.of(request).supervisor.job(request.params.job).journal.updates();
      return { updates: updates.map(updateView) };
    },
  );

  server.get(
    '/v1/jobs/:job/updates/:update',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'An update with its states, times and pauses',
        params: updatePath,
        response: { 200: updateAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      const updates = await job.journal.updates();
      const found = updates.find((record) => record.update === request.params.update);
      if (found !== undefined) return updateView(found);
      const { update } = request.params;
      throw new MillraceError(
        'UPDATE_NOT_FOUND',
        `job "${job.stored.id}" has no update ${update}`,
        {
          hint: updates.length === 0 ? 'it had none' : `it had updates 1 to ${updates.length}`,
        },
      );
    },
  );
}

function assertStep(job: SupervisedJob, step: string): void {
  const { id, modules } = job.stored;
  if (Object.hasOwn(modules, step)) return;
  throw new MillraceError(
    'STEP_NOT_FOUND',
    `job "${id}" has no step ${JSON.stringify(step.slice(0, 80))} that runs a function`,
    { hint: `it has ${Object.keys(modules).join(', ') || 'none'}` },
  );
}
