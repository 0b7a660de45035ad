import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import packageManifest from '../../package.json' with { type: 'json' };
import type { Server } from './server-type.ts';

const TAGS = [
  { name: 'modules', description: 'the catalog: immutable versions of WebAssembly modules' },
  { name: 'jobs', description: 'pipelines that run' },
  { name: 'records', description: 'what jobs are handed over HTTP, and what they put out' },
  { name: 'updates', description: 'hot swaps' },
  { name: 'checkpoints', description: 'what a job is taken up from' },
  { name: 'logs', description: 'what jobs and functions say' },
  { name: 'dead letters', description: 'records that failed for good' },
  { name: 'server', description: 'the server itself' },
];

/** The pages of the reference load nothing from anywhere else, whatever the bundle would like to. */
const REFERENCE_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
].join('; ');

/** `/openapi.json` from the routes' schemas, and `/docs`, which shows it without any other server. */
export async function addOpenApi(server: Server): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Millrace',
        description: packageManifest.description,
        version: packageManifest.version,
      },
      tags: TAGS,
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document);
      const { rawBody } = document.route.config ?? {};
      const body = rawBody === undefined ? {} : { body: rawBodySchema(rawBody) };
      // The router's own notation for a colon after a parameter is not OpenAPI's.
      return { schema: { ...schema, ...body }, url: url.replace('([^:]+)::', ':') };
    },
    transformObject: jsonSchemaTransformObject,
  });
  server.get('/openapi.json', { config: { role: 'viewer' }, schema: { hide: true } }, async () =>
    server.swagger(),
  );
  await server.register(async (scope) => {
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('content-security-policy', REFERENCE_POLICY);
    });
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, role: 'viewer' };
    });
    await scope.register(reference, {
      routePrefix: '/docs',
      configuration: {
        url: '/openapi.json',
        pageTitle: 'Millrace HTTP interface',
        withDefaultFonts: false,
        telemetry: false,
        // What would send the reader, or the document, to somebody else's service.
        agent: { disabled: true },
        mcp: { disabled: true },
        showDeveloperTools: 'never',
        hideClientButton: true,
      },
    });
  });
}

function rawBodySchema(types: readonly string[]) {
  const text = (type: string) => !['application/wasm', 'application/octet-stream'].includes(type);
  const schema = (type: string) =>
    text(type) ? { type: 'string' } : { type: 'string', format: 'binary' };
  return { content: Object.fromEntries(types.map((type) => [type, { schema: schema(type) }])) };
}
