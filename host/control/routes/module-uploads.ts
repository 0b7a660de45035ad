import type { z } from 'zod';
import { SOURCE_BYTES_MAX, UPLOAD_BYTES_MAX } from '../../limits.ts';
import type { ModuleUpload, PutResult } from '../catalog.ts';
import { errorAnswer } from '../schemas/error-answer.ts';
import { moduleCreatedAnswer } from '../schemas/module-answer.ts';
import { compileQuery, modulePath, versionPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';
import type { Tenant } from '../tenant.ts';
import { moduleVersionView } from '../views/module-view.ts';

const WASM_TYPES = ['application/wasm', 'application/octet-stream'];
const SOURCE_TYPES = ['text/plain', 'text/typescript', 'application/typescript'];

const tags = ['modules'];
const response = {
  201: moduleCreatedAnswer,
  400: errorAnswer,
  409: errorAnswer,
  413: errorAnswer,
  422: errorAnswer,
};

/** Uploading modules, as WebAssembly or as source. */
export async function moduleUploadRoutes(server: Server, parts: ServerParts): Promise<void> {
  const { compile } = parts;
  takeBytes(server);

  server.put(
    '/v1/modules/:name/versions/:version',
    {
      bodyLimit: UPLOAD_BYTES_MAX,
      config: { role: 'deployer', rawBody: WASM_TYPES },
      schema: {
        tags,
        summary: 'Uploads a version; the same bytes again change nothing',
        params: versionPath,
        response,
      },
    },
    async (request, reply) => {
      const { name, version } = request.params;
      const upload = { wasm: bytesOf(request.body) };
      const result = await store(parts.of(request), upload, name, version);
      return reply.code(201).send(createdView(result));
    },
  );

  server.post(
    '/v1/modules/:name',
    {
      bodyLimit: UPLOAD_BYTES_MAX,
      config: { role: 'deployer', rawBody: WASM_TYPES },
      schema: {
        tags,
        summary: 'Uploads the next version; the bytes of the latest again change nothing',
        params: modulePath,
        response,
      },
    },
    async (request, reply) => {
      const upload = { wasm: bytesOf(request.body) };
      const result = await store(parts.of(request), upload, request.params.name);
      return reply.code(201).send(createdView(result));
    },
  );

  server.post(
    '/v1/modules/:name([^:]+)::compile',
    {
      bodyLimit: SOURCE_BYTES_MAX,
      config: { role: 'deployer', rawBody: SOURCE_TYPES },
      schema: {
        tags,
        summary: 'Compiles AssemblyScript source and uploads the result',
        params: modulePath,
        querystring: compileQuery,
        response,
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const source = new TextDecoder().decode(bytesOf(request.body));
      const upload: ModuleUpload = await compile({ source, name });
      const result = await store(parts.of(request), upload, name, request.query.version);
      return reply.code(201).send(createdView(result));
    },
  );
}

/** As this version, or as the next. */
async function store(
  { catalog, assertRoomForModule }: Tenant,
  upload: ModuleUpload,
  name: string,
  version?: string,
): Promise<PutResult> {
  assertRoomForModule(upload.wasm.length);
  return version === undefined ? catalog.add(name, upload) : catalog.put(name, version, upload);
}

/** Within these routes bodies are bytes, whatever they are called. */
function takeBytes(server: Server): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    [...WASM_TYPES, ...SOURCE_TYPES],
    { parseAs: 'buffer' },
    (_request, body, done) => done(null, body),
  );
}

/** A request without a body has none to parse; the gate and the compiler say what is wrong with nothing. */
function bytesOf(body: unknown): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(0);
}

function createdView({ version, created }: PutResult): z.output<typeof moduleCreatedAnswer> {
  return { ...moduleVersionView(version, []), created };
}
