import type { FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../../errors.ts';
import { type Admission, refuseForeignPage } from '../admit-request.ts';
import { assertRole, type Caller, LOCAL_CALLER } from './caller.ts';
import type { RequestLimiter } from './request-limiter.ts';
import type { TokenBook } from './token-book.ts';

export interface AdmissionOptions {
  /** Undefined = no token is asked for. */
  readonly tokens: TokenBook | undefined;
  /** A condition of the host application; throws when a request may not be served. */
  readonly admit: Admission | undefined;
  readonly limiter: RequestLimiter;
}

/**
 * The hook that every request passes first. What it does not allow is refused: a route that says of no role who may use it is the
 * admins' alone.
 *
 * A1  Before the token is known, nothing of the request is looked at but its headers.
 * A2  Wrong tokens are counted by address, and requests by token and address.
 */
export function createAdmissionHook(options: AdmissionOptions) {
  const { tokens, admit, limiter } = options;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    admit?.(request);
    refuseForeignPage(request);
    refuseCompressed(request);
    const role = request.routeOptions.config?.role ?? 'admin';
    if (role === 'anyone') return;
    const caller = tokens === undefined ? LOCAL_CALLER : await findCaller(request, tokens, limiter);
    request.caller = caller;
    await limiter.countRequest(request);
    // What nothing listens on is told to whoever has a token.
    if (!request.is404) assertRole(caller, role);
    limiter.countBody(request, reply);
  };
}

async function findCaller(
  request: FastifyRequest,
  tokens: TokenBook,
  limiter: RequestLimiter,
): Promise<Caller> {
  const [scheme, given, ...more] = (request.headers.authorization ?? '').split(' ');
  const caller = tokens.find(given ?? '');
  const bearer = scheme.toLowerCase() === 'bearer' && more.length === 0;
  if (bearer && caller !== undefined) return caller;
  await limiter.countFailure(request);
  throw new MillraceError('UNAUTHORIZED', 'the request carries no valid token', {
    hint: 'send "authorization: Bearer …"; the command line takes --token or MILLRACE_TOKEN',
  });
}

/** A few kilobytes can unpack to gigabytes, and nothing that is sent here needs it. */
function refuseCompressed(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw new MillraceError('CONTENT_TYPE', 'the server takes no compressed bodies', {
    hint: 'send the body as it is, without content-encoding',
  });
}
