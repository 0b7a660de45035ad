import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { MillraceError } from '../errors.ts';

/** Throws when a request may not be served. */
export type Admission = (request: FastifyRequest) => void;

/** Answered to anyone, so that whoever watches the server needs no token. */
const OPEN_PATHS = ['/healthz', '/readyz'];

/** Only requests that carry the token. Compared in constant time, whatever their lengths. */
export function admitToken(token: string): Admission {
  const expected = digest(token);
  return (request) => {
    if (OPEN_PATHS.includes(request.url)) return;
    const [scheme, given] = (request.headers.authorization ?? '').split(' ');
    const valid = timingSafeEqual(digest(given ?? ''), expected);
    if (scheme.toLowerCase() === 'bearer' && valid) return;
    throw new MillraceError('UNAUTHORIZED', 'the request carries no valid token', {
      hint: 'send "authorization: Bearer …"; the command line takes --token or MILLRACE_TOKEN',
    });
  };
}

/**
 * Only requests that no foreign web page made. A page can make a browser send a request to this machine, and, with a
 * name of its own that it points here, even read the answer; a server without a token has nothing else against that.
 */
export function admitSameOrigin(): Admission {
  return (request) => {
    const { origin, host } = request.headers;
    const foreign = origin !== undefined && hostOf(origin) !== host;
    if (!foreign && isLoopbackName(nameOf(host ?? ''))) return;
    throw new MillraceError(
      'ORIGIN_REFUSED',
      foreign
        ? `a web page of ${JSON.stringify(origin)} made the request`
        : `the request is for host ${JSON.stringify(host ?? '')}, this server is loopback's only`,
      { hint: 'start the server with --token-file to serve other names and pages' },
    );
  };
}

/** Whether a host name or address means this machine and no other. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return bracketed === null ? host.replace(/:\d+$/, '') : bracketed[1];
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
