import type { SavepointPlaces } from '../savepoint-places.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { jobAnswer, jobStoppedAnswer } from '../schemas/job-answer.ts';
import { cancelQuery, jobPath } from '../schemas/parameters.ts';
import { stopRequest } from '../schemas/savepoint-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';
import { isFinal } from '../stored-job.ts';
import { checkpointView } from '../views/checkpoint-view.ts';
import { jobView } from '../views/job-view.ts';

const tags = ['jobs'];
const failures = { 404: errorAnswer, 409: errorAnswer };

/** Stopping, pausing and resuming jobs. */
export async function jobControlRoutes(server: Server, parts: ServerParts): Promise<void> {
  const savepointOf = (
    savepoints: SavepointPlaces,
    wanted: boolean | string,
    job: string,
  ): string | undefined => {
    if (typeof wanted === 'string') return savepoints.folder(wanted);
    return wanted ? savepoints.next(job, Date.now()) : undefined;
  };

  server.post(
    '/v1/jobs/:job/stop',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Ends a job with a last checkpoint; answers when it has ended',
        params: jobPath,
        body: stopRequest,
        response: { 200: jobStoppedAnswer, 400: errorAnswer, ...failures, 503: errorAnswer },
      },
    },
    async (request) => {
      const { supervisor, savepoints } = parts.of(request);
      const job = supervisor.job(request.params.job);
      const wanted = request.body?.savepoint ?? false;
      const folder = savepointOf(savepoints, wanted, job.stored.id);
      const checkpoint = await (folder === undefined
        ? job.stop()
        : savepoints.reserve(folder, () => job.stop(folder)));
      return {
        job: jobView(job, await job.report()),
        checkpoint: checkpoint === undefined ? null : checkpointView(checkpoint),
        savepoint: folder ?? null,
      };
    },
  );

  const changes = {
    pause: 'Makes the sources of a job stop reading',
    resume: 'Makes the sources of a job read again',
  } as const;
  for (const change of ['pause', 'resume'] as const) {
    server.post(
      `/v1/jobs/:job/${change}`,
      {
        config: { role: 'deployer' },
        schema: {
          tags,
          summary: changes[change],
          params: jobPath,
          response: { 200: jobAnswer, ...failures },
        },
      },
      async (request) => {
        const job = parts.of(request).supervisor.job(request.params.job);
        await job[change]();
        return jobView(job, await job.report());
      },
    );
  }
}

/** Ending jobs at once, and forgetting them. */
export async function jobCancelRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.delete(
    '/v1/jobs/:job',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Ends a job at once; with purge also forgets it and removes its files',
        params: jobPath,
        querystring: cancelQuery,
        response: { 200: jobAnswer, ...failures },
      },
    },
    async (request) => {
      const job = parts.of(request).supervisor.job(request.params.job);
      const purge = request.query.purge === 'true';
      if (!purge || !isFinal(job.stored.state)) await job.cancel();
      if (purge) await parts.of(request).supervisor.purge(request.params.job);
      return jobView(job, await job.report());
    },
  );
}
