import type { Connector } from './connector.ts';
import { fileConnector } from './file/file-connector.ts';
import { generatorConnector } from './generator/generator-connector.ts';
import { httpConnector } from './http/http-connector.ts';
import { memoryConnector } from './memory/memory-connector.ts';
import { nexmarkConnector } from './nexmark/nexmark-connector.ts';
import { postgresConnector } from './postgres/postgres-connector.ts';
import { stdinConnector } from './stdin/stdin-connector.ts';
import { stdoutConnector } from './stdout/stdout-connector.ts';
import { webhookConnector } from './webhook/webhook-connector.ts';

/** The connectors that a pipeline may name, by name. */
export const builtinConnectors: ReadonlyMap<string, Connector> = new Map(
  [
    fileConnector,
    generatorConnector,
    httpConnector,
    memoryConnector,
    nexmarkConnector,
    postgresConnector,
    stdinConnector,
    stdoutConnector,
    webhookConnector,
  ].map((connector) => [connector.name, connector]),
);
