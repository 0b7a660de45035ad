import { z } from 'zod';
import { pipelineJsonSchema } from '../../dataflow/document/json-schema.ts';
import type { Server } from '../server-type.ts';

const answer = z.looseObject({ title: z.string() });

/** The JSON Schema of a pipeline document: an editor that is pointed here completes and checks it. */
export async function pipelineSchemaRoutes(server: Server): Promise<void> {
  const schema = {
    tags: ['server'],
    summary: 'The JSON Schema of a pipeline document, for editors',
    response: { 200: answer },
  };
  const document = { ...pipelineJsonSchema(), title: 'Millrace pipeline' };
  server.get('/v1/pipeline-schema', { config: { role: 'viewer' }, schema }, async () => document);
}
