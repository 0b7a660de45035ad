import { z } from 'zod';

const place = z
  .string()
  .min(1)
  .max(4096)
  .describe(
    'a name in the folder "savepoints" of the server; without a token also an absolute path',
  );

/** The body that asks for a savepoint; none at all is as good. */
export const savepointRequest = z
  .strictObject({ to: place.optional() })
  .nullish()
  .meta({ id: 'SavepointRequest' });

/** The body of `stop`; none at all stops with a checkpoint only. */
export const stopRequest = z
  .strictObject({
    savepoint: z
      .union([z.boolean(), place])
      .default(false)
      .describe('true, or where it goes: leave a savepoint behind'),
  })
  .nullish()
  .meta({ id: 'StopRequest' });

export const savepointAnswer = z
  .object({
    savepoint: z.string().describe('its folder, as the server sees it'),
    job: z.string(),
    checkpoint: z.int(),
    takenAtMs: z.number(),
    bytes: z.number().describe('of state and modules'),
  })
  .meta({ id: 'Savepoint' });
