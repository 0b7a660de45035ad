import { formatRecord, type RecordSchema, sameLayout, type ValueType } from '../../model/schema.ts';
import type { EventTimeDocument } from '../document/event-time-schema.ts';
import type { Finding } from '../finding.ts';
import type { EventTimeSpec } from '../plan.ts';
import { guestLimits } from './guest-options.ts';
import { unknownField } from './infer-schemas.ts';
import type { EventTimeNode, SourceNode } from './node.ts';
import { durationMs } from './node-parts.ts';
import type { ResolvedFunction } from './resolve-functions.ts';

/** What a source's `eventTime` says. */
export function eventTimeNode(document: EventTimeDocument): EventTimeNode {
  const { field, assign, punctuated, alignment } = document;
  return {
    field,
    assign,
    punctuated,
    limits: guestLimits(document),
    outOfOrdernessMs: durationMs(document.outOfOrderness) ?? 0,
    idleMs: durationMs(document.idle),
    alignment: alignment && {
      group: alignment.group,
      maxDriftMs: durationMs(alignment.maxDrift) ?? 0,
    },
  };
}

/** Finds fields that do not exist or hold no time. */
export function checkEventTime(
  node: SourceNode,
  record: RecordSchema,
  resolved: ResolvedFunction | undefined,
  findings: Finding[],
): void {
  const { eventTime } = node;
  if (eventTime === undefined) return;
  const { field, punctuated, assign } = eventTime;
  const check = (option: string, name: string, fits: (type: ValueType) => boolean, not: string) => {
    const path = [...node.path, 'eventTime', option];
    const found = record.fields.find((candidate) => candidate.name === name);
    if (found === undefined) findings.push({ path, message: unknownField(name, record) });
    else if (!fits(found.type)) {
      findings.push({ path, message: `field "${name}" of ${formatRecord(record)} is ${not}` });
    }
  };
  if (field !== undefined) check('field', field, isTime, 'neither a timestamp nor an i64');
  if (punctuated !== undefined) {
    const fits = (type: ValueType) => type.kind === 'bool' || isTime(type);
    check('punctuated', punctuated, fits, 'neither a bool nor a timestamp nor an i64');
  }
  const input = resolved?.description.input;
  if (input !== undefined && !sameLayout(input, record)) {
    const path = [...node.path, 'eventTime', 'assign'];
    const message = `the source yields ${formatRecord(record)}, but ${assign} takes ${formatRecord(input)}`;
    findings.push({ path, message });
  }
}

/** What runs in a source without findings. */
export function eventTimeSpec(
  eventTime: EventTimeNode,
  schema: RecordSchema,
  resolved: ResolvedFunction | undefined,
): EventTimeSpec {
  const index = (name: string | undefined) =>
    schema.fields.findIndex((field) => field.name === name);
  const { punctuated, outOfOrdernessMs, idleMs, alignment, limits } = eventTime;
  return {
    fieldIndex: index(eventTime.field),
    outOfOrdernessMs,
    idleMs,
    ...(punctuated === undefined ? {} : { watermarkIndex: index(punctuated) }),
    ...(alignment === undefined ? {} : { alignment }),
    ...(resolved === undefined ? {} : { assign: referenceOf(resolved), limits }),
  };
}

function referenceOf({ alias, description: { name, kind } }: ResolvedFunction) {
  return { module: alias, name, kind };
}

function isTime(type: ValueType): boolean {
  const inner = type.kind === 'optional' ? type.of : type;
  return inner.kind === 'timestamp' || inner.kind === 'i64';
}
