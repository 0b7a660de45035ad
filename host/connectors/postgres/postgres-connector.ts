import { systemClock } from '../../clock.ts';
import type { Connector } from '../connector.ts';
import { postgresLookup } from '../lookup/postgres-lookup.ts';
import { connectDatabase } from './database.ts';
import { type PostgresParts, postgresSink } from './postgres-sink.ts';

/** The `postgres` connector; `postgresSink` and `postgresLookup` say what it takes and promises. */
export function createPostgresConnector(parts: PostgresParts): Connector {
  return {
    name: 'postgres',
    sink: (options) => postgresSink(options, parts),
    lookup: (options) => postgresLookup(options, parts.connect),
  };
}

/** The `postgres` connector on real servers. */
export const postgresConnector = createPostgresConnector({
  connect: connectDatabase,
  clock: systemClock,
});
