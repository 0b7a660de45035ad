import type { z } from 'zod';
import { formatType } from '../../model/schema.ts';
import type { AdmissionReport, CatalogVersion } from '../catalog-index.ts';
import type { admissionAnswer, moduleVersionAnswer } from '../schemas/module-answer.ts';

/** A version as it is answered; `usedBy` are the jobs that refer to it. */
export function moduleVersionView(
  version: CatalogVersion,
  usedBy: readonly string[],
): z.output<typeof moduleVersionAnswer> {
  const { name, ref, digest, bytes, createdAtMs, description, memoryPages, sourceMap } = version;
  const { admission } = version;
  return {
    name,
    version: version.version,
    ref,
    digest,
    bytes,
    createdAtMs,
    abi: description.abi,
    sdk: description.sdk,
    records: description.records.map((record) => ({
      name: record.name,
      fields: record.fields.map((field) => ({ name: field.name, type: formatType(field.type) })),
    })),
    functions: description.functions.map((one) => ({
      name: one.name,
      kind: one.kind,
      input: one.input.name,
      output: one.output.name,
      state: one.state?.name ?? null,
    })),
    imports: [...version.imports],
    memoryPages,
    sourceMap,
    admission: admission === undefined ? null : admissionView(admission),
    usedBy: [...usedBy],
  };
}

function admissionView(report: AdmissionReport): z.output<typeof admissionAnswer> {
  return { ...report, functions: report.functions.map((one) => ({ ...one })) };
}
