import { WINDOW_PANES_MAX } from '../../limits.ts';
import { formatRecord, formatType, type RecordSchema } from '../../model/schema.ts';
import type { DocumentPath, Finding } from '../finding.ts';
import { windowBounds } from '../operators/window/window-bounds.ts';
import type { WindowShape, WindowStamps } from '../window-spec.ts';
import type { Records } from './infer-schemas.ts';
import type { PlanNode } from './node.ts';
import type { Graph } from './resolve-graph.ts';

/** Fields of a result that the host fills, where the record has them. */
const START_FIELD = 'windowStart';
const END_FIELD = 'windowEnd';

/** Finds windows that cannot be: without event time, with gaps between them, of too many panes, or whose bounds do not fit the result's fields. */
export function checkWindows(graph: Graph, records: Records, findings: Finding[]): void {
  for (const node of graph.nodes) {
    const path = [...node.path, 'window'];
    if (node.kind === 'sort') {
      const { sizeMs, offsetMs } = node;
      const shape = { kind: 'aligned', sizeMs, everyMs: sizeMs, offsetMs, time: 'event' } as const;
      findings.push(...shapeFindings(shape, path), ...timelessFindings(node, graph, path));
    }
    if (node.kind !== 'windowed') continue;
    findings.push(...shapeFindings(node.window, path));
    if (needsEventTime(node.window)) findings.push(...timelessFindings(node, graph, path));
    const { window, trigger } = node;
    if (window.kind === 'aligned' && window.time === 'processing') {
      if (node.allowedLatenessMs > 0) {
        findings.push({
          path,
          message: 'by the clock no record is late: allowedLateness has no use',
        });
      }
      if (trigger !== undefined) {
        findings.push({
          path: [...path, 'trigger'],
          message: 'a window by the clock has no trigger',
        });
      }
    }
    const record = records.get(node.name);
    if (record !== undefined) findings.push(...stampFindings(record, path));
  }
}

/** What is wrong with windows by themselves. */
export function shapeFindings(window: WindowShape, path: DocumentPath): Finding[] {
  if (window.kind === 'count' && window.every > window.size) {
    const message = `a window of ${window.size} every ${window.every} records would leave out records between windows`;
    return [{ path: [...path, 'every'], message }];
  }
  if (window.kind !== 'aligned') return [];
  const { sizeMs, everyMs, offsetMs } = window;
  if (everyMs > sizeMs) {
    const message = `windows of ${sizeMs} ms every ${everyMs} ms would leave out records between windows`;
    return [{ path: [...path, 'every'], message }];
  }
  if (offsetMs >= everyMs) {
    const message = `an offset of ${offsetMs} ms is not less than the ${everyMs} ms between windows`;
    return [{ path: [...path, 'offset'], message }];
  }
  const panes = sizeMs / windowBounds(window).paneMs;
  if (panes <= WINDOW_PANES_MAX) return [];
  const message = `a window of ${sizeMs} ms every ${everyMs} ms has ${panes} panes, limit ${WINDOW_PANES_MAX}: let one be a multiple of the other`;
  return [{ path, message }];
}

export function needsEventTime(window: WindowShape): boolean {
  return window.kind === 'session' || (window.kind === 'aligned' && window.time === 'event');
}

/** A finding per source upstream of a node whose records have no event time. */
export function timelessFindings(node: PlanNode, graph: Graph, path: DocumentPath): Finding[] {
  const seen = new Set<PlanNode>([node]);
  const findings: Finding[] = [];
  // Grows while it is read.
  for (const passed of seen) {
    if (passed.kind === 'source' && passed.eventTime === undefined) {
      const message = `source "${passed.name}" gives its records no event time: give it eventTime: { field: … }, or use time: processing`;
      findings.push({ path, message });
    }
    for (const { from } of graph.upstream.get(passed.name) ?? []) seen.add(from);
  }
  return findings;
}

/** What is wrong with the fields of a result that are to hold the bounds of a window. */
export function stampFindings(record: RecordSchema, path: DocumentPath): Finding[] {
  return [START_FIELD, END_FIELD].flatMap((name) => {
    const field = record.fields.find((candidate) => candidate.name === name);
    if (field === undefined || isStamp(record, name)) return [];
    const message = `field "${name}" of ${formatRecord(record)} is to hold a bound of the window: it must be a timestamp or an i64, found ${formatType(field.type)}`;
    return [{ path, message }];
  });
}

/** The fields of a result that the host fills with the bounds of its window. */
export function windowStamps(record: RecordSchema): WindowStamps {
  const index = (name: string) => {
    const found = record.fields.findIndex((field) => field.name === name);
    return found < 0 ? undefined : found;
  };
  return { startIndex: index(START_FIELD), endIndex: index(END_FIELD) };
}

function isStamp(record: RecordSchema, name: string): boolean {
  const kind = record.fields.find((field) => field.name === name)?.type.kind;
  return kind === 'timestamp' || kind === 'i64';
}
