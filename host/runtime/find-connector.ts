import type { Checked, Connector } from '../connectors/connector.ts';
import type { Lookup } from '../connectors/lookup.ts';
import type { Sink } from '../connectors/sink.ts';
import type { Source } from '../connectors/source.ts';
import type { LookupSpec } from '../dataflow/lookup-spec.ts';
import type { SinkSpec, SourceSpec } from '../dataflow/plan.ts';
import { MillraceError } from '../errors.ts';

interface Halves {
  readonly source: Source;
  readonly sink: Sink;
  readonly lookup: Lookup;
}

interface Specs {
  readonly source: SourceSpec;
  readonly sink: SinkSpec;
  readonly lookup: LookupSpec;
}

/** The source, sink or table that a plan names, its options checked. Throws `CONNECTOR_UNKNOWN`, `CONNECTOR_OPTION`. */
export function findConnector<Half extends keyof Halves>(
  connectors: ReadonlyMap<string, Connector>,
  spec: Specs[Half],
  half: Half,
): Halves[Half] {
  const connector = connectors.get(spec.connector);
  const checked = connector?.[half]?.(spec.options) as Checked<Halves[Half]> | undefined;
  if (checked === undefined) {
    throw new MillraceError(
      'CONNECTOR_UNKNOWN',
      `${half} "${spec.id}" names connector "${spec.connector}", which has no ${half}`,
      { hint: `connectors: ${[...connectors.keys()].join(', ')}` },
    );
  }
  if (checked.ok) return checked.value;
  const details = checked.findings.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new MillraceError('CONNECTOR_OPTION', `${half} "${spec.id}" has wrong options`, {
    details,
    hint: details[0] ?? '',
  });
}
