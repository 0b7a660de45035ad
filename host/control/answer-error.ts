import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import {
  hasZodFastifySchemaValidationErrors,
  isResponseSerializationError,
} from 'fastify-type-provider-zod';
import { MillraceError } from '../errors.ts';

/** Answers anything a route threw, in the one form that all errors have. What is our fault goes to the log. */
export function answerError(
  thrown: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const error = toMillraceError(thrown);
  if (error.code === 'INTERNAL') request.log.error(thrown);
  if (error.status === 429 && !reply.hasHeader('retry-after')) reply.header('retry-after', '1');
  reply.code(error.status).type('application/json').serializer(JSON.stringify).send(error.report());
}

/** Answers a path that nothing listens on. */
export function answerNotFound(request: FastifyRequest, reply: FastifyReply): void {
  const { method, url } = request;
  const path = url.split('?')[0].slice(0, 200);
  answerError(
    new MillraceError('ROUTE_NOT_FOUND', `there is no route ${method} ${path}`, {
      hint: 'GET /openapi.json lists the routes, /docs shows them',
    }),
    request,
    reply,
  );
}

/** Answers what is not even HTTP, on the bare socket. */
export function answerNoHttp(error: ConnectionError, socket: Socket): void {
  if (error.code !== 'ECONNRESET' && socket.writable) {
    const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    const body = JSON.stringify(
      new MillraceError(
        'REQUEST_INVALID',
        tooLarge ? 'the headers are too large' : 'this is no HTTP',
        {
          hint: 'speak HTTP/1.1, as curl and browsers do',
        },
      ).report(),
    );
    const head = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
    socket.write(`HTTP/1.1 400 Bad Request\r\n${head}\r\nconnection: close\r\n\r\n${body}`);
  }
  socket.destroy();
}

function toMillraceError(thrown: FastifyError | Error): MillraceError {
  if (thrown instanceof MillraceError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) return invalidRequest(thrown);
  if (isResponseSerializationError(thrown)) {
    const issues = thrown.cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    return new MillraceError('INTERNAL', 'an answer does not match its own schema', {
      details: issues,
      cause: thrown,
    });
  }
  const { code, statusCode, message } = thrown as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new MillraceError('BODY_TOO_LARGE', 'the request body exceeds the limit of its route', {
      hint: 'modules and records may have 4 MiB, documents and sources 1 MiB',
    });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new MillraceError('CONTENT_TYPE', 'the route takes no body of this content type', {
      details: [message],
      hint: 'GET /openapi.json tells what each route takes',
    });
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new MillraceError('REQUEST_INVALID', lowerFirst(message), {
      hint: 'GET /openapi.json tells what each route takes',
      cause: thrown,
    });
  }
  return MillraceError.from(thrown);
}

function invalidRequest(thrown: FastifyError): MillraceError {
  const where = thrown.validationContext ?? 'request';
  const details = (thrown.validation ?? []).map((finding) => {
    const path = finding.instancePath.split('/').filter((part) => part !== '');
    return `${[where, ...path].join('.')}: ${finding.message ?? finding.keyword}`;
  });
  return new MillraceError(
    'REQUEST_INVALID',
    `the request does not match its schema: ${details[0] ?? thrown.message}`,
    { details, hint: 'GET /openapi.json tells what each route takes' },
  );
}

function lowerFirst(text: string): string {
  const message = text.replace(/\.$/, '');
  return message.charAt(0).toLowerCase() + message.slice(1);
}
