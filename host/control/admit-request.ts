import type { FastifyRequest } from 'fastify';
import { MillraceError } from '../errors.ts';

/** Throws when a request may not be served. */
export type Admission = (request: FastifyRequest) => void;

const READING = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses changes that the page of another site makes a browser ask for. Browsers say where a request comes from, in `Sec-Fetch-Site` or
 * in `Origin`, and a page cannot make them lie; other clients say nothing. Throws `ORIGIN_REFUSED`.
 */
export function refuseForeignPage(request: FastifyRequest): void {
  if (READING.includes(request.method)) return;
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  if (site === undefined ? isSameHost(origin, host) : isOwn(site)) return;
  throw new MillraceError(
    'ORIGIN_REFUSED',
    `a web page of ${JSON.stringify(origin ?? 'another site')} made the request`,
    {
      hint: 'change modules and jobs from the pages of this server, the command line, or a program',
    },
  );
}

/** `none` is the user's own doing: typed, or a bookmark. */
function isOwn(site: string | string[]): boolean {
  return site === 'same-origin' || site === 'none';
}

/**
 * Only requests that no foreign web page made. A page can make a browser send a request to this machine, and, with a
 * name of its own that it points here, even read the answer; a server without a token has nothing else against that.
 */
export function admitSameOrigin(): Admission {
  return (request) => {
    const { origin, host } = request.headers;
    const foreign = !isSameHost(origin, host);
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

/** Whether a page of `origin` is one of `host`'s; no origin is no page. A browser leaves out the port that a scheme has anyway. */
function isSameHost(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  const page = URL.parse(origin);
  return page !== null && page.host === URL.parse(`${page.protocol}//${host}`)?.host;
}
