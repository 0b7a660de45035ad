import rateLimit from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../../errors.ts';
import {
  BODY_BYTES_UNDER_WAY_MAX,
  REQUESTS_PER_SECOND_MAX,
  TOKEN_FAILURES_PER_MINUTE_MAX,
} from '../../server-limits.ts';
import type { Server } from '../server-type.ts';

/** How many requests a server takes from one caller at one address. */
export interface RequestLimits {
  readonly requestsPerSecond: number;
  /** Wrong tokens from one address. */
  readonly failuresPerMinute: number;
  /** Bytes of bodies that are being received. */
  readonly bodyBytes: number;
}

const LIMITS: RequestLimits = {
  requestsPerSecond: REQUESTS_PER_SECOND_MAX,
  failuresPerMinute: TOKEN_FAILURES_PER_MINUTE_MAX,
  bodyBytes: BODY_BYTES_UNDER_WAY_MAX,
};

/** Counts requests and refuses those that are too many, with `RATE_LIMITED`. */
export interface RequestLimiter {
  countRequest(request: FastifyRequest): Promise<void>;
  countFailure(request: FastifyRequest): Promise<void>;
  /** Until it is answered, the length that the body says it has counts; without a length, the most its route takes. */
  countBody(request: FastifyRequest, reply: FastifyReply): void;
}

/** The limiter of a server. */
export async function createRequestLimiter(
  server: Server,
  given: Partial<RequestLimits> = {},
): Promise<RequestLimiter> {
  const limits = { ...LIMITS, ...given };
  await server.register(rateLimit, { global: false, cache: ADDRESSES_REMEMBERED });
  const requests = server.createRateLimit({
    max: limits.requestsPerSecond,
    timeWindow: 1_000,
    keyGenerator: (request) => `request ${keyOf(request)}`,
  });
  const failures = server.createRateLimit({
    max: limits.failuresPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `failure ${request.ip}`,
  });
  const bytesUnderWay = new Map<string, number>();
  return {
    async countRequest(request) {
      const answer = await requests(request);
      if (!answer.isAllowed && answer.isExceeded) {
        throw tooMany(`more than ${limits.requestsPerSecond} requests a second`);
      }
    },
    async countFailure(request) {
      const answer = await failures(request);
      if (!answer.isAllowed && answer.isExceeded) {
        throw tooMany(`more than ${limits.failuresPerMinute} wrong tokens a minute`);
      }
    },
    countBody(request, reply) {
      const bytes = bodyBytes(request);
      if (bytes === 0) return;
      const key = keyOf(request);
      const before = bytesUnderWay.get(key) ?? 0;
      // One body alone is the route's to judge.
      if (before > 0 && before + bytes > limits.bodyBytes) {
        throw tooMany(`bodies of more than ${limits.bodyBytes} bytes at once`);
      }
      bytesUnderWay.set(key, before + bytes);
      reply.raw.once('close', () => {
        const left = (bytesUnderWay.get(key) ?? 0) - bytes;
        if (left > 0) bytesUnderWay.set(key, left);
        else bytesUnderWay.delete(key);
      });
    },
  };
}

/** Addresses and tokens whose counts are kept; those heard of longest ago are forgotten first. */
const ADDRESSES_REMEMBERED = 10_000;

function keyOf(request: FastifyRequest): string {
  const { caller } = request;
  return `${caller?.tenant} ${caller?.name} ${request.ip}`;
}

function bodyBytes(request: FastifyRequest): number {
  const length = request.headers['content-length'];
  if (length !== undefined) return Number(length);
  if (request.headers['transfer-encoding'] === undefined) return 0;
  return request.routeOptions.bodyLimit ?? 0;
}

function tooMany(what: string): MillraceError {
  return new MillraceError('RATE_LIMITED', `${what} from one caller`, {
    hint: 'send the request again after the seconds in Retry-After, and fewer of them',
  });
}
