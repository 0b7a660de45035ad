import { createRowEncoder } from '../abi/create-row-encoder.ts';
import { createRowValidator } from '../abi/validate-rows.ts';
import { MillraceError } from '../errors.ts';
import type { Json } from '../model/json.ts';
import type { RecordSchema } from '../model/schema.ts';
import type { PeekedRows } from '../runtime/peek.ts';

/** Rows that a runner has sent, as JSON values. They come from the process that runs strangers' code: throws `INTERNAL` when they are not valid. */
export function readPeekedRows(
  { rows, count }: PeekedRows,
  schema: RecordSchema,
): readonly { readonly [field: string]: Json }[] {
  if (count === 0) return [];
  const decoded = Buffer.from(rows, 'base64');
  // At an 8-byte boundary, as rows stand.
  const bytes = new Uint8Array(decoded.length);
  bytes.set(decoded);
  const fault = createRowValidator(schema)(bytes, count);
  if (fault !== undefined) {
    throw new MillraceError('INTERNAL', `the runner sent rows that are none: ${fault}`);
  }
  const text = new TextDecoder().decode(createRowEncoder('json', schema).encode({ bytes, count }));
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}
