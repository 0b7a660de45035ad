import { z } from 'zod';
import type { Json } from '../../model/json.ts';
import { pipelineSchema } from './pipeline-schema.ts';

/** The JSON Schema of a pipeline document, for editors. Names and types across the document are not in it. */
export function pipelineJsonSchema(): { readonly [key: string]: Json } {
  const schema = z.toJSONSchema(pipelineSchema, { io: 'input' });
  return { ...(schema as { readonly [key: string]: Json }), title: 'Millrace pipeline' };
}
