import { HTTP_BODY_BYTES_MAX } from '../../server-limits.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { sourcePath } from '../schemas/parameters.ts';
import { inputEndedAnswer, recordsAnswer, recordsHeaders } from '../schemas/records-answer.ts';
import type { Server, ServerParts } from '../server-type.ts';

const RECORD_TYPES = [
  'application/x-ndjson',
  'application/jsonl',
  'application/json',
  'application/octet-stream',
  'text/plain',
];

const tags = ['records'];

/** Records for the `http` sources of a job. */
export async function jobRecordRoutes(server: Server, parts: ServerParts): Promise<void> {
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(RECORD_TYPES, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    (scope as Server).post(
      '/v1/jobs/:job/sources/:source/records',
      {
        bodyLimit: HTTP_BODY_BYTES_MAX,
        config: { role: 'deployer', unaudited: true, rawBody: RECORD_TYPES },
        schema: {
          tags,
          summary: 'Hands records to a source, one a line; answers when they are durable',
          params: sourcePath,
          headers: recordsHeaders,
          response: {
            200: recordsAnswer,
            400: errorAnswer,
            404: errorAnswer,
            409: errorAnswer,
            413: errorAnswer,
            422: errorAnswer,
            429: errorAnswer,
            503: errorAnswer,
          },
        },
      },
      async (request) => {
        const { job, source } = request.params;
        const body = request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
        const idempotencyKey = request.headers['idempotency-key'];
        return parts.of(request).ingest.accept(parts.of(request).supervisor.job(job).stored, {
          source,
          body,
          idempotencyKey,
        });
      },
    );
  });

  server.post(
    '/v1/jobs/:job/sources/:source/end',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Ends the input of a source; the job finishes when it has read what came before',
        params: sourcePath,
        response: { 200: inputEndedAnswer, 404: errorAnswer, 409: errorAnswer, 503: errorAnswer },
      },
    },
    async (request) => {
      const { job, source } = request.params;
      await parts.of(request).ingest.finish(parts.of(request).supervisor.job(job).stored, source);
      return { ended: true as const };
    },
  );
}
