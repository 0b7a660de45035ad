import type { FastifyRequest } from 'fastify';
import type { AuditEntry } from './audit-log.ts';

const READING = ['GET', 'HEAD', 'OPTIONS'];

/** What the audit log is to keep of a request that was answered; undefined = nothing: it only looked, or nobody knows whose it was. */
export function auditEntry(request: FastifyRequest, status: number): AuditEntry | undefined {
  const { caller, method, url, ip } = request;
  const { unaudited } = request.routeOptions.config ?? {};
  if (caller === undefined || READING.includes(method) || unaudited === true) return undefined;
  return {
    time: new Date().toISOString(),
    who: caller.name,
    role: caller.role,
    tenant: caller.tenant,
    from: ip,
    method,
    path: url.slice(0, PATH_CHARS_MAX),
    status,
  };
}

const PATH_CHARS_MAX = 1_000;
