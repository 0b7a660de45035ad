import { z } from 'zod';
import type { Server } from '../server-type.ts';

const answer = z.object({ status: z.literal('ok') });

/** Whether the server lives, and whether it takes requests. It answers only when its jobs have been read: both are one. */
export async function healthRoutes(server: Server): Promise<void> {
  for (const path of ['/healthz', '/readyz'] as const) {
    const schema = { tags: ['server'], summary: 'Answers while it can', response: { 200: answer } };
    server.get(path, { config: { role: 'anyone' }, schema }, async () => ({
      status: 'ok' as const,
    }));
  }
}
