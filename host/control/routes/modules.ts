import { z } from 'zod';
import { errorAnswer } from '../schemas/error-answer.ts';
import { moduleAnswer, moduleListAnswer, moduleVersionAnswer } from '../schemas/module-answer.ts';
import { modulePath, versionPath } from '../schemas/parameters.ts';
import type { Server, ServerParts } from '../server-type.ts';
import { moduleVersionView } from '../views/module-view.ts';

const tags = ['modules'];

/** Reading the catalog. */
export async function moduleRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/modules',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'All modules', response: { 200: moduleListAnswer } },
    },
    async (request) => ({
      modules: parts
        .of(request)
        .catalog.list()
        .map(({ name, versions }) => ({
          name,
          latest: versions[versions.length - 1].version,
          versions: versions.map((version) => version.version),
        })),
    }),
  );

  server.get(
    '/v1/modules/:name',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'A module with its versions',
        params: modulePath,
        response: { 200: moduleAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const { catalog, supervisor } = parts.of(request);
      const { name, versions } = catalog.module(request.params.name);
      return {
        name,
        latest: versions[versions.length - 1].version,
        versions: versions.map((version) => moduleVersionView(version, supervisor.usedBy(version))),
      };
    },
  );
}

/** Reading and deleting versions. */
export async function moduleVersionRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/v1/modules/:name/versions/:version',
    {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'A version of a module',
        params: versionPath,
        response: { 200: moduleVersionAnswer, 400: errorAnswer, 404: errorAnswer },
      },
    },
    async (request) => {
      const { catalog, supervisor } = parts.of(request);
      const version = catalog.version(request.params.name, request.params.version);
      return moduleVersionView(version, supervisor.usedBy(version));
    },
  );

  server.get(
    '/v1/modules/:name/versions/:version.wasm',
    {
      config: { role: 'viewer' },
      schema: { tags, summary: 'The bytes of a version, as uploaded', params: versionPath },
    },
    async (request, reply) => {
      const { catalog } = parts.of(request);
      const version = catalog.version(request.params.name, request.params.version);
      const bytes = await catalog.bytes(version);
      return reply.type('application/wasm').header('etag', `"${version.digest}"`).send(bytes);
    },
  );

  server.delete(
    '/v1/modules/:name/versions/:version',
    {
      config: { role: 'deployer' },
      schema: {
        tags,
        summary: 'Deletes a version that no job refers to',
        params: versionPath,
        response: { 204: z.undefined(), 404: errorAnswer, 409: errorAnswer },
      },
    },
    async (request, reply) => {
      const { name, version } = request.params;
      const { catalog, supervisor } = parts.of(request);
      await catalog.delete(name, version, (found) => supervisor.usedBy(found));
      return reply.code(204).send();
    },
  );
}
