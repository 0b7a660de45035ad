import { z } from 'zod';

/** One request that could change something, and what came of it. */
const auditEntry = z
  .object({
    time: z.string(),
    who: z.string().describe("the token's name"),
    role: z.string(),
    tenant: z.string(),
    from: z.string().describe('the address it came from'),
    method: z.string(),
    path: z.string(),
    status: z.int(),
  })
  .meta({ id: 'AuditEntry' });

export const auditAnswer = z
  .object({ entries: z.array(auditEntry).describe('the latest of the tenant, oldest first') })
  .meta({ id: 'Audit' });

export const auditQuery = z.object({
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
